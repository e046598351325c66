import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RouteReply } from '../contracts/routes.js';
import { AgentListing } from './agent-listing.js';

describe(AgentListing, () => {
  let now_ms: number;
  let generation: readonly unknown[];
  let made: number;
  let listing: AgentListing;
  const first = { page: 1, limit: 100 };

  beforeEach(() => {
    now_ms = 1000;
    generation = [1, {}];
    made = 0;
    listing = new AgentListing({
      now_ms: () => now_ms,
      generation: () => generation,
      list: ({ page, limit }) => {
        made += 1;
        return { agents: [], pagination: { page, limit, total: made } } satisfies RouteReply<'agents_list'>;
      },
    });
  });

  it('answers from memory while nothing changes', () => {
    expect(listing.json(first)).toBe(listing.json(first));
    expect(JSON.parse(listing.json(first))).toEqual({ agents: [], pagination: { page: 1, limit: 100, total: 1 } });
  });

  it('makes it anew after a change of either part', () => {
    listing.json(first);
    generation = [2, generation[1]];
    listing.json(first);
    generation = [2, {}];
    listing.json(first);
    expect(made).toBe(3);
  });

  it.each([
    ['20 ms later', 1020],
    ['when the clock was set back', 900],
  ])('makes it anew %s', (_, later_ms) => {
    listing.json(first);
    now_ms = later_ms;
    listing.json(first);
    expect(made).toBe(2);
  });

  it('keeps the answers to different questions apart', () => {
    const questions = [
      first,
      { page: 2, limit: 100 },
      { page: 1, limit: 10 },
      { ...first, status: 'idle' as const },
      { ...first, capability: 'idle' },
    ];
    for (const question of questions) listing.json(question);
    expect(made).toBe(questions.length);
  });
});
