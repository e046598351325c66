import type { AnyNoxEvent } from '@contracts/event.js';
import type { Turn } from '@contracts/turn.js';
import { describe, expect, it } from '@jest/globals';
import { type Thread, withEvent } from './thread.js';

const turn: Turn = {
  id: 'trn_01J8ZQ4T6V7W8X9Y0Z1A2B3C4D',
  agent_id: 'lead',
  session_id: null,
  source: 'user',
  actor: 'admin',
  prompt: 'Hello',
  status: 'queued',
  text: '',
  blocks: [],
  usage: null,
  reason: null,
  queued_at: '2026-11-21T08:00:00Z',
  started_at: null,
  ended_at: null,
};
const empty: Thread = { turns: [], has_more: false, drafts: {} };
let seq = 0;
const event = (type: string, payload: unknown): AnyNoxEvent =>
  ({
    id: `evt_${seq}`,
    seq: (seq += 1),
    type,
    timestamp: '2026-11-21T08:00:01Z',
    agent_id: 'lead',
    payload,
  }) as AnyNoxEvent;
const after = (thread: Thread, ...events: AnyNoxEvent[]): Thread => events.reduce(withEvent, thread);
const turn_id = turn.id;
const call = event('turn.tool_call', { turn_id, tool_use_id: 'tu', name: 'Bash', input: { command: 'ls' } });

const tool = (thread: Thread): unknown => {
  const block = thread.turns[0]?.blocks[0];
  return block?.type === 'tool' ? block.tool : undefined;
};

describe('thread', () => {
  it('grows with what is written, and a whole block takes the place of its deltas', () => {
    const writing = after(
      empty,
      event('turn.queued', { turn }),
      event('turn.started', { turn_id, session_id: 's', model: null }),
      event('turn.text_delta', { turn_id, text: 'He' }),
      event('turn.text_delta', { turn_id, text: 'llo' }),
    );
    expect(writing.drafts).toEqual({ [turn_id]: 'Hello' });
    expect(writing.turns[0]).toMatchObject({ status: 'running', started_at: '2026-11-21T08:00:01Z' });
    const written = after(writing, event('turn.text', { turn_id, text: 'Hello' }));
    expect(written.drafts).toEqual({});
    expect(written.turns[0]?.blocks).toEqual([{ type: 'text', text: 'Hello' }]);
  });

  it('follows a tool call through request, decision and result', () => {
    const asked = after({ ...empty, turns: [turn] }, call, call);
    expect(asked.turns[0]?.blocks).toHaveLength(1);
    const approval = { id: 'apr_1', turn_id, tool_use_id: 'tu' };
    const waiting = after(asked, event('approval.requested', { approval }));
    expect(tool(waiting)).toMatchObject({ decision: 'pending', approval_id: 'apr_1' });
    const done = after(
      waiting,
      event('turn.tool_decided', {
        turn_id,
        tool_use_id: 'tu',
        decision: 'allow',
        by: 'admin',
        reason: null,
        approval_id: 'apr_1',
      }),
      event('turn.tool_result', { turn_id, tool_use_id: 'tu', is_error: false, result: 'ok' }),
    );
    expect(tool(done)).toMatchObject({ decision: 'allow', approval_id: 'apr_1', is_error: false, result: 'ok' });
  });

  it('puts a turn off with the reason and the time, and forgets both when it runs again', () => {
    const resume_at = '2026-11-21T08:00:16Z';
    const held = { turn_id, cause: 'model', reason: 'overloaded', tries: 1, resume_at };
    const running: Turn = { ...turn, status: 'running', started_at: '2026-11-21T08:00:01Z' };
    const off = after(
      { ...empty, turns: [{ ...running, blocks: [{ type: 'text', text: 'So far' }] }], drafts: { [turn_id]: 'ha' } },
      event('turn.postponed', held),
    );
    expect(off.drafts).toEqual({});
    expect(off.turns[0]).toMatchObject({ status: 'queued', started_at: null, reason: 'overloaded', resume_at });
    expect(off.turns[0]?.blocks).toHaveLength(1);
    const open_end = after(off, event('turn.postponed', { ...held, cause: 'login', reason: 'login', resume_at: null }));
    expect(open_end.turns[0]).toMatchObject({ reason: 'login' });
    expect(open_end.turns[0]).not.toHaveProperty('resume_at');
    const again = after(off, event('turn.started', { turn_id, session_id: null, model: null }));
    expect(again.turns[0]).toMatchObject({ status: 'running', reason: null, started_at: '2026-11-21T08:00:01Z' });
    expect(again.turns[0]).not.toHaveProperty('resume_at');
  });

  it('does not show twice what the loaded turn holds already', () => {
    const loaded: Thread = { ...empty, turns: [{ ...turn, blocks: [{ type: 'text', text: 'Hel' }] }] };
    expect(after(loaded, event('turn.text', { turn_id, text: 'Hello' })).turns[0]?.blocks).toEqual([
      { type: 'text', text: 'Hello' },
    ]);
    expect(after(loaded, event('turn.queued', { turn })).turns).toHaveLength(1);
  });

  it('ends with the whole turn as the server has it', () => {
    const ended = { ...turn, status: 'complete' as const, text: 'Done' };
    const thread = after(
      { ...empty, turns: [turn], drafts: { [turn_id]: 'Do' } },
      event('turn.ended', { turn: ended, usage: null }),
    );
    expect(thread).toEqual({ ...empty, turns: [ended] });
    expect(after(empty, event('turn.ended', { turn: ended, usage: null })).turns).toEqual([ended]);
  });

  it('is the same thread when an event is none of its business', () => {
    const thread = { ...empty, turns: [turn] };
    expect(after(thread, event('system.started', { version: '1' }))).toBe(thread);
    expect(after(thread, event('turn.text', { turn_id: 'other', text: 'x' }))).toBe(thread);
  });
});
