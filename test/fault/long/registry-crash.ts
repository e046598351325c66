import { ADMIN, agentConfig, Kit } from '../../integration/registry-kit.js';
import { randomOf } from '../../support/random.js';
import { brokenPromises, buildWriter, fsck, WarmWriter } from '../../support/registry-crash.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface RegistryCrashOptions {
  /** How often a writer is killed. */
  readonly rounds: number;
  /** The same seed kills after the same times; what the writer then does depends on the machine. */
  readonly seed: number;
  readonly say: Say;
}

export interface RegistryCrashReport extends LongReport {
  readonly rounds: number;
  readonly acknowledged: number;
  /** Kills in the midst of something: the next start had to remove locks, or to end or take back a write. */
  readonly settled: number;
}

/** A registry takes so many kills; then a new one begins, so that a round costs the same at the end as at the beginning. */
const ROUNDS_OF_ONE = 250;
const FSCK_EVERY = 25;

/**
 * RELIABILITY R1: a process that writes to a registry is killed with SIGKILL at random, again and again; after each kill
 * the registry is opened as after any crash, and I1 to I7 must hold.
 */
export async function runRegistryCrash(options: RegistryCrashOptions): Promise<RegistryCrashReport> {
  const { rounds, seed, say } = options;
  const began = performance.now();
  await using folder = await makeTempDir('nox-registry-crash-');
  const program = await buildWriter(folder.path);
  const random = randomOf(seed);
  const violations: string[] = [];
  let [acknowledged, settled] = [0, 0];
  for (let from = 0; from < rounds; from += ROUNDS_OF_ONE) {
    const until = Math.min(from + ROUNDS_OF_ONE, rounds);
    const one = await crashOne(program, from, until, random);
    violations.push(...one.violations.map((what) => `seed ${seed}, ${what}`));
    acknowledged += one.acknowledged;
    settled += one.settled;
    say(`${until} of ${rounds} kills, ${acknowledged} writes acknowledged, ${violations.length} violations`);
  }
  return { seed, rounds, took_s: secondsSince(began), acknowledged, settled, violations };
}

async function crashOne(program: string, from: number, until: number, random: () => number) {
  const kit = await Kit.make('in_memory');
  const violations: string[] = [];
  const acknowledged: string[] = [];
  let settled = 0;
  const first = await kit.open();
  await first.createAgent('lead', agentConfig(), ADMIN);
  // The writer rolls back by a few commits; the agent must be in all of them.
  for (let i = 1; i <= 4; i += 1) await first.updateAgent('lead', { name: `Lead ${i}` }, ADMIN);
  await first.close();
  let next = new WarmWriter(program, kit.root);
  try {
    for (let round = from; round < until; round += 1) {
      const after_ms = Math.round(random() * 60);
      // Every fourth dies while it opens or writes for the first time, the others in the middle of their work.
      const after_acks = round % 4 === 0 ? 0 : 1 + (round % 3);
      acknowledged.push(...(await next.writeUntilDead(round, { after_ms, after_acks, with_git: round % 2 === 0 })));
      // It starts while this one's work is looked at.
      next = new WarmWriter(program, kit.root);
      kit.warnings.length = 0;
      const registry = await kit.open();
      const broken = await brokenPromises(kit.root, registry, acknowledged);
      if (round % FSCK_EVERY === 0 || round === until - 1) {
        const written = await registry.updateAgent('lead', { name: `after ${round}` }, ADMIN);
        if (written === null) broken.push('a write after it made no commit');
        const said = await fsck(kit.root);
        if (said !== '') broken.push(`I2: git fsck says ${said}`);
      }
      if (kit.warnings.length > 0 || registry.opening_commits.length > 0) settled += 1;
      await registry.close();
      violations.push(...broken.map((what) => `round ${round}, killed after ${after_ms} ms: ${what}`));
    }
  } finally {
    next.dismiss();
    await kit.remove();
  }
  return { violations, acknowledged: acknowledged.length, settled };
}
