import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Fanout } from './fanout.js';

interface Member {
  readonly got: number[];
}
interface Told {
  readonly seq: number;
  readonly rooms: string[];
}

function setUp() {
  const deliveries: number[][] = [];
  const fanout = new Fanout<Member, Told>(
    (event) => event.rooms,
    (audience, events) => {
      const seqs = events.map(({ seq }) => seq);
      deliveries.push(seqs);
      for (const member of audience.members) member.got.push(...seqs);
    },
  );
  return { fanout, deliveries };
}

describe(Fanout.name, () => {
  it('delivers once for all who listen to the same rooms, in whichever order they named them', () => {
    const { fanout, deliveries } = setUp();
    const members: Member[] = [{ got: [] }, { got: [] }, { got: [] }];
    fanout.join(members[0] as Member, ['agent', 'turn']);
    fanout.join(members[1] as Member, ['turn', 'agent', 'turn']);
    fanout.join(members[2] as Member, ['agent']);
    fanout.offer({ seq: 1, rooms: ['agent', 'agent:lead'] });
    fanout.offer({ seq: 2, rooms: ['turn'] });
    fanout.flush();
    expect(deliveries).toEqual([[1, 2], [1]]);
    expect(members.map(({ got }) => got)).toEqual([[1, 2], [1, 2], [1]]);
  });

  it('tells whether anybody listens', () => {
    const { fanout } = setUp();
    const member = { got: [] };
    fanout.join(member, ['agent']);
    expect(fanout.offer({ seq: 1, rooms: ['agent'] })).toBe(true);
    expect(fanout.offer({ seq: 2, rooms: ['turn'] })).toBe(false);
    fanout.leave(member);
    expect(fanout.offer({ seq: 3, rooms: ['agent'] })).toBe(false);
  });

  it('gives each member exactly the events of its rooms while it was there, once, in order', () => {
    const room = fc.constantFrom('a', 'b', 'c');
    const rooms = fc.uniqueArray(room, { minLength: 1 });
    const who = fc.nat(3);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('join' as const), who, rooms }),
      fc.record({ kind: fc.constant('leave' as const), who }),
      fc.record({ kind: fc.constant('offer' as const), rooms }),
      fc.record({ kind: fc.constant('flush' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { fanout } = setUp();
        const members: Member[] = [0, 1, 2, 3].map(() => ({ got: [] }));
        const expected: number[][] = members.map(() => []);
        const listening: string[][] = members.map(() => []);
        for (const [seq, one] of steps.entries()) {
          if (one.kind === 'join') {
            fanout.join(members[one.who] as Member, one.rooms);
            listening[one.who] = one.rooms;
          } else if (one.kind === 'leave') {
            fanout.leave(members[one.who] as Member);
            listening[one.who] = [];
          } else if (one.kind === 'offer') {
            fanout.offer({ seq, rooms: one.rooms });
            for (const [index, mine] of listening.entries()) {
              if (one.rooms.some((name) => mine.includes(name))) expected[index]?.push(seq);
            }
          } else fanout.flush();
        }
        fanout.flush();
        expect(members.map(({ got }) => got)).toEqual(expected);
      }),
    );
  });
});
