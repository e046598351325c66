import { describe, expect, it } from '@jest/globals';
import { type Draft, requestOf, sendCommand } from './draft.js';

const draft = (own: Partial<Draft>): Draft => ({
  way: 'agent',
  agent: 'worker',
  name: '',
  content: 'Hello',
  priority: 'medium',
  message_type: '',
  topic: '',
  ttl: '',
  ...own,
});

describe('a message that is being written', () => {
  it.each([
    [{}, { to: 'worker', content: 'Hello', priority: 'medium' }],
    [
      { way: 'capability', name: ' review ' },
      { to: 'capability:review', content: 'Hello', priority: 'medium' },
    ],
    [
      { way: 'topic', name: 'build', topic: 'x' },
      { to: 'topic:build', content: 'Hello', priority: 'medium' },
    ],
    [
      { way: 'all', topic: 'build', ttl: '1.5' },
      { content: 'Hello', priority: 'medium', topic: 'build', ttl_ms: 90_000 },
    ],
  ] as const)('%j goes to whom it says', (own, body) => {
    expect(requestOf(draft(own)).body).toEqual(body);
  });

  it.each([
    [{ content: '' }, 'content'],
    [{ agent: '' }, 'agent'],
    [{ way: 'topic' }, 'topic'],
    [{ way: 'capability', name: 'no spaces please' }, 'capability'],
    [{ ttl: 'soon' }, 'ttl_ms'],
    [{ topic: '!' }, 'topic'],
  ] as const)('%j is not sent, and says why', (own, field) => {
    const { body, problems } = requestOf(draft(own));
    expect(body).toBeUndefined();
    expect(problems).toHaveProperty([field]);
  });

  it('is told as a command that a shell reads as it was meant', () => {
    expect(sendCommand(draft({ content: "it's $(rm) `x`", priority: 'critical', ttl: '2' }))).toBe(
      "nox message send worker 'it'\\''s $(rm) `x`' --priority critical --ttl 120",
    );
    expect(sendCommand(draft({ way: 'all' }))).toBe('nox message broadcast Hello');
  });
});
