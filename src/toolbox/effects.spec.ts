import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { type Deed, EffectLedger } from './effects.js';

const deed = (fields: Partial<Deed> = {}): Deed => ({
  agent_id: 'lead',
  scope: 'msg_1',
  turn_id: 'trn_1',
  tool_use_id: null,
  tool: 'send_message',
  input: { to: 'worker', content: 'go' },
  ...fields,
});

describe(EffectLedger.name, () => {
  let db: StateDb;
  let ledger: EffectLedger;
  beforeEach(() => {
    db = new StateDb(':memory:');
    ledger = new EffectLedger(db, new ManualClock());
  });

  it('answers the same deed of a second attempt with the first answer, also after a restart', async () => {
    const first = ledger.keyOf(deed({ tool_use_id: 'toolu_1' }));
    expect(ledger.done(first)).toBeUndefined();
    await ledger.keep(first, deed(), { sent: 1 });
    const later = new EffectLedger(db, new ManualClock());
    const again = later.keyOf(
      deed({ turn_id: 'trn_2', tool_use_id: 'toolu_9', input: { content: 'go', to: 'worker' } }),
    );
    expect(later.done(again)).toEqual({ sent: 1 });
  });

  it('takes the same words twice in one attempt for two deeds, and the second attempt for the same two', () => {
    const keys = ['toolu_1', 'toolu_2'].map((tool_use_id) => ledger.keyOf(deed({ tool_use_id })));
    expect(new Set(keys).size).toBe(2);
    const again = ['toolu_3', 'toolu_4'].map((tool_use_id) => ledger.keyOf(deed({ turn_id: 'trn_2', tool_use_id })));
    expect(again).toEqual(keys);
  });

  it('takes one call that is told twice for one', () => {
    const call = deed({ tool_use_id: 'toolu_1' });
    expect(ledger.keyOf(call)).toBe(ledger.keyOf(call));
  });

  it('tells agents, messages, tools and words apart', () => {
    const others = [
      deed(),
      deed({ agent_id: 'other', turn_id: 'trn_x' }),
      deed({ scope: 'msg_2', turn_id: 'trn_3' }),
      deed({ tool: 'broadcast' }),
      deed({ input: { to: 'worker', content: 'stop' } }),
    ].map((each) => new EffectLedger(db, new ManualClock()).keyOf(each));
    expect(new Set(others).size).toBe(others.length);
  });
});
