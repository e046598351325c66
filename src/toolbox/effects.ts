import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';

/** What is done for one message or turn: calls with the same words count as the same, the n-th again as the n-th. */
export interface Deed {
  readonly agent_id: string;
  /** The message that the agent works on, else its turn. */
  readonly scope: string;
  /** Which attempt at it: in a new one, the calls count from the first again. */
  readonly turn_id: string;
  readonly tool_use_id: string | null;
  readonly tool: string;
  readonly input: unknown;
}

/**
 * The ledger of what tools have done. Contract: when a message is handed over again and the model calls a tool with the
 * same words as in the attempt before, it gets the earlier answer and nothing happens twice.
 */
@Injectable()
export class EffectLedger {
  /** How often each call was made in the turn under way. */
  private readonly counts = new Map<
    string,
    { turn_id: string; seen: Map<string, number>; keys: Map<string, string> }
  >();

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The name under which the deed happens once. The same call told twice has the same one. */
  keyOf({ agent_id, scope, turn_id, tool_use_id, tool, input }: Deed): string {
    const before = this.counts.get(agent_id);
    const counts = before?.turn_id === turn_id ? before : { turn_id, seen: new Map(), keys: new Map() };
    this.counts.set(agent_id, counts);
    const known = tool_use_id === null ? undefined : counts.keys.get(tool_use_id);
    if (known !== undefined) return known;
    const words = `${agent_id}\n${scope}\n${tool}\n${canonical(input)}`;
    const nth = (counts.seen.get(words) ?? 0) + 1;
    counts.seen.set(words, nth);
    const key = createHash('sha256').update(`${words}\n${nth}`).digest('hex');
    if (tool_use_id !== null) counts.keys.set(tool_use_id, key);
    return key;
  }

  /** The answer that the deed had, if it is done. */
  done(key: string): object | undefined {
    const row = this.db.get<{ result_json: string }>('SELECT result_json FROM tool_effects WHERE key = ?', key);
    return row === undefined ? undefined : (JSON.parse(row.result_json) as object);
  }

  async keep(key: string, { agent_id, tool }: Deed, result: object): Promise<void> {
    await this.db.write((tx) =>
      tx.run(
        'INSERT INTO tool_effects (key, agent_id, tool, result_json, at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        key,
        agent_id,
        tool,
        JSON.stringify(result),
        this.clock.now(),
      ),
    );
  }

  /** Forgets what is older: nobody hands over a message that old. */
  prune(days: number): Promise<number> {
    const before = this.clock.now() - days * 86_400_000;
    return this.db.write((tx) => tx.run('DELETE FROM tool_effects WHERE at_ms < ?', before).changes);
  }
}

/** The same for values that are the same, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
