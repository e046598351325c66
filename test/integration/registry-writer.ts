import { once } from 'node:events';
import { type RegistryOptions, RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock, SystemClock } from '../../src/shared/clock.js';
import { armFailpoints } from '../../src/shared/failpoint.js';
import { NoxError } from '../../src/shared/nox-error.js';
import { LABOURS } from '../support/registry-labours.js';
import { applyOp, type Op } from '../support/registry-ops.js';

/** What it is told on stdin, once it has started: JSON on one line. */
export interface Order {
  readonly failpoints: string;
  /** Named in what it writes. */
  readonly round: number;
  /** Instead of all that: this one, then nothing until it is killed. */
  readonly op?: Op;
  readonly now_ms?: number;
  /** Instead of all that: this work. */
  readonly labour?: keyof typeof LABOURS;
}

/**
 * Waits for its order on stdin, then writes to a registry until it is killed, and says each acknowledged commit on stdout.
 * Bundled and started by test/support/registry-crash.ts: `node writer.mjs <folder> <template>`.
 */
async function main([path = '', template_path = '']: readonly string[]): Promise<void> {
  const actor = { name: 'admin', role: 'admin' } as const;
  const [line = ''] = (await once(process.stdin.setEncoding('utf8'), 'data')) as string[];
  const { failpoints, round, op, now_ms, labour } = JSON.parse(line) as Order;
  armFailpoints(failpoints);
  const by_hand = new ManualClock(now_ms);
  const clock = labour === undefined && now_ms === undefined ? new SystemClock() : by_hand;
  const open = (over: Partial<RegistryOptions> = {}): Promise<RegistryService> =>
    RegistryService.open({ path, template_path, clock, record: { delay_ms: 5 }, ...over });
  if (labour !== undefined) {
    await LABOURS[labour]({ root: path, clock: by_hand, round, open });
    await once(process.stdin, 'end');
    return;
  }
  const registry = await open();
  process.stdout.write('open\n');
  if (op !== undefined) {
    const commit = await applyOp(registry, op).catch((error: unknown) => {
      if (error instanceof NoxError) return null;
      throw error;
    });
    process.stdout.write(`ack ${commit?.hash ?? ''}\n`);
    await once(process.stdin, 'end');
    return;
  }
  for (let i = 0; ; i += 1) {
    const system_prompt = `round ${round}\nwrite ${i}\n`;
    const first = await registry.updateAgent('lead', { system_prompt }, actor);
    process.stdout.write(`ack ${first?.hash ?? ''}\n`);
    await registry.record.saveState('lead', { session_id: null, status: 'idle', restart_count: i });
    const second = await registry.updateConfig({ server: { port: 3000 + i } }, actor, 'set port');
    process.stdout.write(`ack ${second?.hash ?? first?.hash ?? ''}\n`);
    // Several changes in one flush.
    const grouped = ['a', 'b', 'c'].map(async (word) => {
      const commit = await registry.updateAgent('lead', { capabilities: [`${word}-${round}-${i}`] }, actor);
      if (commit !== null) process.stdout.write(`ack ${commit.hash}\n`);
    });
    await Promise.all(grouped);
    // Several files in one change.
    const back = await registry.rollback(
      { commit_hash: (await registry.history({ limit: 4 })).commits.at(-1)?.hash ?? '', confirm: true },
      actor,
    );
    if (back.commit !== null) process.stdout.write(`ack ${back.commit.hash}\n`);
  }
}

await main(process.argv.slice(2));
