import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Approval } from '../../contracts/approval.js';
import type { LedgerKind } from '../../contracts/audit.js';
import { ManualClock } from '../../shared/clock.js';
import { StateDb } from '../../shared/db/state-db.js';
import { newApproval } from '../request.js';
import { Ledger } from './ledger.service.js';

describe(Ledger, () => {
  let db: StateDb;
  let ledger: Ledger;
  const at = '2026-11-21T08:00:00.000Z';
  const approval = (n: number): Approval =>
    newApproval(
      {
        agent_id: 'worker',
        session_id: null,
        turn_id: null,
        tool_use_id: `toolu_${n}`,
        tool_name: 'Bash',
        input: { command: `touch ${n}` },
        cwd: '/w',
        requires_user_interaction: false,
      },
      { level: 'medium', reasons: ['writes'] },
      at,
      at,
    );
  const add = (n: number, kind: LedgerKind = 'requested') => db.write((tx) => ledger.append(tx, kind, approval(n)));

  beforeEach(async () => {
    db = new StateDb(':memory:');
    ledger = new Ledger(db, new ManualClock());
    for (let n = 1; n <= 8; n += 1) await add(n);
  });
  afterEach(() => db.close());

  it('is whole as it was written, and pages newest first', async () => {
    expect(await ledger.verify()).toMatchObject({ ok: true, entries: 8, problem: null });
    const { entries, has_more } = ledger.list({ limit: 3 });
    expect({ seqs: entries.map(({ seq }) => seq), has_more }).toEqual({ seqs: [8, 7, 6], has_more: true });
    expect(ledger.list({ limit: 3, before: 3 }).entries.map(({ seq }) => seq)).toEqual([2, 1]);
  });

  it.each(['at', 'kind', 'body_json', 'prev_sha256', 'sha256'])(
    'notices one changed byte in %s of any entry',
    async (column) => {
      for (let seq = 1; seq <= 8; seq += 1) {
        const before =
          db.get<Record<string, string>>(`SELECT ${column} AS text FROM ledger WHERE seq = ?`, seq)?.['text'] ?? '';
        const place = (seq * 7) % before.length;
        const spoilt = before.slice(0, place) + (before[place] === 'a' ? 'b' : 'a') + before.slice(place + 1);
        await db.write((tx) => tx.run(`UPDATE ledger SET ${column} = ? WHERE seq = ?`, spoilt, seq));
        expect(await ledger.verify()).toMatchObject({ ok: false });
        await db.write((tx) => tx.run(`UPDATE ledger SET ${column} = ? WHERE seq = ?`, before, seq));
      }
      expect((await ledger.verify()).ok).toBe(true);
    },
  );

  it('notices an entry that is gone, and one that was made up', async () => {
    await db.write((tx) => tx.run('DELETE FROM ledger WHERE seq = 4'));
    expect(await ledger.verify()).toMatchObject({ ok: false, problem: { seq: 4, message: 'entry 4 is missing' } });
    await db.write((tx) => tx.run('UPDATE ledger SET seq = seq - 1 WHERE seq > 4'));
    expect(await ledger.verify()).toMatchObject({ ok: false, problem: { seq: 4 } });
  });

  it('notices by the commits of the record that the end was cut off or written anew', async () => {
    const head = ledger.head();
    ledger.anchors = () => Promise.resolve(head === null ? [] : [head]);
    expect(await ledger.verify()).toMatchObject({ ok: true, anchors: { found: 1, match: 1 } });
    await db.write((tx) => tx.run('DELETE FROM ledger WHERE seq > 6'));
    expect(await ledger.verify()).toMatchObject({ ok: false, problem: { seq: 8 } });
    await add(20);
    await add(21);
    expect(await ledger.verify()).toMatchObject({ ok: false, problem: { seq: 8 }, anchors: { found: 1, match: 0 } });
  });
});
