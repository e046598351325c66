import { describe, expect, it } from '@jest/globals';
import { talkOf } from './graph.js';

const edge = (from: string, to: string, messages: number) => ({ from, to, messages, last_at: '2026-11-29T10:00:00Z' });

describe('who talks to whom', () => {
  it('has each party once and each way of talking as a line of its own', () => {
    const { nodes, lines } = talkOf([
      edge('lead', 'worker', 9),
      edge('worker', 'lead', 1),
      edge('user:anna', 'lead', 2),
    ]);
    expect(nodes.map(({ id, messages }) => [id, messages])).toEqual([
      ['lead', 12],
      ['worker', 10],
      ['user:anna', 2],
    ]);
    expect(new Set(lines.map(({ path }) => path)).size).toBe(3);
    expect(lines[0]?.weight).toBeGreaterThan(lines[1]?.weight ?? 9);
  });

  it('stays within its frame and has no number that is none, whoever talks', () => {
    const many = Array.from({ length: 200 }, (_, i) => edge(`agent-${i}`, `agent-${(i * 7) % 200}`, i));
    const { nodes, lines, width, height, hidden } = talkOf([...many, edge('self', 'self', 1000)]);
    expect(nodes.length).toBe(40);
    expect(hidden).toBe(161);
    for (const { x, y } of nodes) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(height);
    }
    expect(lines.map(({ path }) => path).join('')).not.toContain('NaN');
  });

  it('is empty for nobody', () => {
    expect(talkOf([])).toMatchObject({ nodes: [], lines: [], hidden: 0 });
  });
});
