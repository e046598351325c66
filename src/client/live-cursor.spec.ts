import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { AnyNoxEvent } from '../contracts/event.js';
import { LiveCursor } from './live-cursor.js';

const event = (seq: number): AnyNoxEvent => ({
  id: `evt_${seq}`,
  seq,
  type: 'system.started',
  timestamp: '2026-01-01T00:00:00.000Z',
  payload: { version: '1' },
});
const seqs = (events: AnyNoxEvent[]) => events.map((e) => e.seq);

describe(LiveCursor.name, () => {
  it('holds events until the snapshot and drops those that it covers', () => {
    const cursor = new LiveCursor();
    cursor.asked();
    expect(cursor.received([event(5), event(6), event(7)])).toEqual([]);
    expect(seqs(cursor.answered({ seq: 6, snapshot: true }))).toEqual([7]);
    expect(seqs(cursor.received([event(8)]))).toEqual([8]);
  });

  it('tells what was missed when it is resumed, before or after the answer', () => {
    const cursor = new LiveCursor();
    cursor.asked();
    cursor.answered({ seq: 3, snapshot: true });
    cursor.asked();
    cursor.received([event(4)]);
    expect(seqs(cursor.answered({ seq: 6, snapshot: false }))).toEqual([4]);
    expect(seqs(cursor.received([event(5), event(6)]))).toEqual([5, 6]);
  });

  it('follows a server that began to count anew', () => {
    const cursor = new LiveCursor();
    cursor.asked();
    cursor.answered({ seq: 900, snapshot: true });
    cursor.asked();
    cursor.answered({ seq: 2, snapshot: true });
    expect(seqs(cursor.received([event(3)]))).toEqual([3]);
  });

  it('tells each event once, in order, however often it is sent and wherever the connection breaks', () => {
    const batch = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(batch, fc.constant('asked' as const), fc.constant('answered' as const))),
        (steps) => {
          const cursor = new LiveCursor();
          const told: number[] = [];
          let seq = 0;
          for (const step of steps) {
            if (step === 'asked') cursor.asked();
            else if (step === 'answered') told.push(...seqs(cursor.answered({ seq, snapshot: false })));
            else {
              const fresh = cursor.received(step.map(event));
              told.push(...seqs(fresh));
              seq = Math.max(seq, ...step);
            }
          }
          expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
        },
      ),
    );
  });
});
