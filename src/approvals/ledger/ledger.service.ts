import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Approval } from '../../contracts/approval.js';
import type { LedgerBody, LedgerEntry, LedgerKind, LedgerList, LedgerVerdict } from '../../contracts/audit.js';
import { Clock } from '../../shared/clock.js';
import { StateDb, type Tx } from '../../shared/db/state-db.js';
import { type Anchor, ChainCheck, GENESIS, linkHash } from './chain.js';

interface LedgerRow {
  seq: number;
  at: string;
  kind: string;
  body_json: string;
  prev_sha256: string;
  sha256: string;
}

const PAGE = 500;

/**
 * What was asked, decided and run, as a chain of hashes: nothing is ever changed or taken out, and each commit of the
 * record names the newest link, so that an end cannot be cut off either. A link is written in the transaction of its cause.
 */
@Injectable()
export class Ledger {
  /** Given at wiring: the links that commits of the record name. */
  anchors: () => Promise<readonly Anchor[]> = () => Promise.resolve([]);

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  append(tx: Tx, kind: LedgerKind, approval: Approval): void {
    const last = tx.get<{ seq: number; sha256: string }>('SELECT seq, sha256 FROM ledger ORDER BY seq DESC LIMIT 1');
    const link = {
      seq: (last?.seq ?? 0) + 1,
      at: this.clock.iso(),
      kind,
      body: bodyOf(approval),
      prev_sha256: last?.sha256 ?? GENESIS,
    };
    tx.run(
      `INSERT INTO ledger (seq, at, kind, agent_id, approval_id, body_json, prev_sha256, sha256)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      link.seq,
      link.at,
      kind,
      approval.agent_id,
      approval.id,
      JSON.stringify(link.body),
      link.prev_sha256,
      linkHash(link),
    );
  }

  /** The newest link, as a commit of the record names it. */
  head(): Anchor | null {
    return (
      this.db.get<{ seq: number; sha256: string }>('SELECT seq, sha256 FROM ledger ORDER BY seq DESC LIMIT 1') ?? null
    );
  }

  list({ limit, ...query }: LedgerPage): LedgerList {
    const [agent_id, approval_id, before] = [query.agent_id ?? null, query.approval_id ?? null, query.before ?? null];
    const rows = this.db.all<LedgerRow>(
      `SELECT * FROM ledger WHERE (? IS NULL OR agent_id = ?) AND (? IS NULL OR approval_id = ?) AND (? IS NULL OR seq < ?)
       ORDER BY seq DESC LIMIT ?`,
      agent_id,
      agent_id,
      approval_id,
      approval_id,
      before,
      before,
      limit + 1,
    );
    return { entries: rows.slice(0, limit).map(entryOf), has_more: rows.length > limit };
  }

  /** Reads the whole chain anew. */
  async verify(): Promise<LedgerVerdict> {
    const anchors = await this.anchors();
    const check = new ChainCheck(anchors);
    for (let after = 0; ;) {
      const rows = this.db.all<LedgerRow>('SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?', after, PAGE);
      for (const row of rows) {
        check.see(entryOf(row));
        after = row.seq;
      }
      if (rows.length < PAGE) break;
      // Others are served between pages.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const match = check.matches(anchors);
    const { entries, head, problem } = check;
    return {
      ok: problem === null,
      entries,
      head: head?.sha256 ?? null,
      anchors: { found: anchors.length, match },
      problem,
    };
  }
}

interface LedgerPage {
  readonly agent_id?: string | undefined;
  readonly approval_id?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

function entryOf({ seq, at, kind, body_json, prev_sha256, sha256 }: LedgerRow): LedgerEntry {
  return { seq, at, kind: kind as LedgerKind, body: readBody(body_json), prev_sha256, sha256 };
}

/** A body that somebody spoilt is shown as it is: its hash no longer fits. */
function readBody(text: string): LedgerBody {
  try {
    return JSON.parse(text) as LedgerBody;
  } catch {
    return { reason: text } as LedgerBody;
  }
}

const bodyOf = (approval: Approval): LedgerBody => ({
  approval_id: approval.id,
  agent_id: approval.agent_id,
  tool_name: approval.tool_name,
  input_sha256: approval.input_sha256,
  updated_input_sha256: approval.updated_input_sha256 ?? null,
  risk_level: approval.risk_level,
  status: approval.status,
  decided_by: approval.decided_by,
  channel: approval.channel,
  reason: approval.reason,
  rule_id: approval.rule_id ?? null,
  policy_version: approval.policy_version ?? null,
  executed: approval.executed,
  result_sha256: approval.result === null ? null : createHash('sha256').update(approval.result).digest('hex'),
});
