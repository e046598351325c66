import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryService } from '../../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit } from '../../integration/registry-kit.js';
import { randomOf } from '../../support/random.js';
import { brokenPromises, buildWriter, type Death, fsck, WarmWriter } from '../../support/registry-crash.js';
import { KEPT_DAYS } from '../../support/registry-labours.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface RegistryLabourOptions {
  /** gc and prune beside writes; or rollbacks, switches and merges of branches. */
  readonly labour: 'care' | 'time';
  readonly rounds: number;
  /** The same seed kills after the same times; what is then under way depends on the machine. */
  readonly seed: number;
  readonly say: Say;
}

export interface RegistryLabourReport extends LongReport {
  readonly rounds: number;
  readonly acknowledged: number;
  /** How often gc, prune and bundle came to their end before the kill; how often a branch was switched to. */
  readonly cared: number;
  readonly switched: number;
  /** What git did not do, since it was killed. */
  readonly failed: number;
}

/** A registry takes so many kills; then a new one begins. */
const ROUNDS_OF_ONE = 100;
/** How often what was cut off is done again, to its end. */
const AGAIN_EVERY = 5;
const MAX_ACKS = 8;
const AFTER_MS = 150;
const OLD_S = 2 * 3600;
const DAY_MS = 86_400_000;
const KINDS = ['nox', 'both', 'git'] as const;

/**
 * Nox, Nox with its git, or git alone and then Nox is killed at random while it works. After each start I1 to I7 must hold,
 * every acknowledged write of intent and record be there, the branch in force be the old or the new one, and nothing half
 * done be left; what was cut off can be done again.
 */
export async function runRegistryLabour(options: RegistryLabourOptions): Promise<RegistryLabourReport> {
  const { labour, rounds, seed, say } = options;
  const began = performance.now();
  await using folder = await makeTempDir('nox-registry-labour-');
  const program = await buildWriter(folder.path);
  const random = randomOf(seed);
  const violations: string[] = [];
  const sums = { acknowledged: 0, cared: 0, switched: 0, failed: 0 };
  for (let from = 0; from < rounds; from += ROUNDS_OF_ONE) {
    const until = Math.min(from + ROUNDS_OF_ONE, rounds);
    await using life = await Life.begin(program, labour);
    for (let round = from; round < until; round += 1) {
      const again = round === until - 1 || round % AGAIN_EVERY === AGAIN_EVERY - 1;
      const broken = await life.round(round, deathOf(round, random), again);
      violations.push(...broken.map((what) => `seed ${seed}, round ${round}, ${KINDS[round % 3]} killed: ${what}`));
    }
    sums.acknowledged += life.acks.length;
    for (const key of ['cared', 'switched', 'failed'] as const) sums[key] += life[key];
    say(`${until} of ${rounds} kills, ${sums.acknowledged} writes acknowledged, ${violations.length} violations`);
  }
  return { labour, seed, rounds, took_s: secondsSince(began), ...sums, violations };
}

function deathOf(round: number, random: () => number): Death {
  const kind = KINDS[round % 3];
  const after_ms = Math.round(random() * AFTER_MS);
  const after_acks = 1 + Math.floor(random() * MAX_ACKS);
  if (kind !== 'git') return { after_ms, after_acks, with_git: kind === 'both' };
  return { after_ms: after_ms + Math.round(random() * AFTER_MS), after_acks, with_git: true, git_after_ms: after_ms };
}

/** One registry that is killed again and again. */
class Life {
  readonly acks: string[] = [];
  cared = 0;
  switched = 0;
  failed = 0;
  /** The newest state of the record that was said to be committed. */
  private recorded: readonly [round: number, n: number] = [-1, 0];
  /** The branch that was said to be in force, and the one that was switched to since. */
  private branches: readonly (string | undefined)[] = ['main'];
  private next: WarmWriter;

  private constructor(
    private readonly program: string,
    private readonly kit: Kit,
    private readonly labour: RegistryLabourOptions['labour'],
  ) {
    this.next = new WarmWriter(program, kit.root);
  }

  static async begin(program: string, labour: RegistryLabourOptions['labour']): Promise<Life> {
    const kit = await Kit.make('in_memory');
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    // The work rolls back by a few commits; the agent must be in all of them.
    for (let n = 1; n <= 3; n += 1) await registry.updateAgent('lead', { name: `Lead ${n}` }, ADMIN);
    await registry.close();
    return new Life(program, kit, labour);
  }

  /** Lets it work, kills it, opens it; `again`: then does to its end what may have been cut off. */
  async round(round: number, death: Death, again: boolean): Promise<string[]> {
    const { kit, labour, program } = this;
    const writer = this.next;
    this.acks.push(...(await writer.writeUntilDead(round, death, { labour, now_ms: kit.clock.now() })));
    this.hear(writer.heard);
    this.next = new WarmWriter(program, kit.root);
    // As many days as the writes took.
    kit.clock.advance(said(writer.heard, 'record ').length * DAY_MS);
    await this.age();
    const registry = await kit.open();
    const broken = await this.broken(registry);
    if (again) {
      await this.again(registry);
      broken.push(...(await this.broken(registry)).map((what) => `afterwards ${what}`));
      if ((await registry.updateAgent('lead', { name: `after ${round}` }, ADMIN)) === null)
        broken.push('a write after it made no commit');
      this.branches = ['main'];
    }
    await registry.close();
    const words = await fsck(kit.root);
    return words === '' ? broken : [...broken, `I2: git fsck says ${words}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.next.dismiss();
    await this.kit.remove();
  }

  private hear(lines: readonly string[]): void {
    this.cared += said(lines, 'care').length;
    this.switched += said(lines, 'at ').length;
    this.failed += said(lines, 'failed').length;
    const [, round, n] = /^record (\d+) (\d+)$/.exec(said(lines, 'record ').at(-1) ?? '') ?? [];
    if (round !== undefined) this.recorded = [Number(round), Number(n)];
    const at = lines.findLastIndex((line) => line.startsWith('at '));
    const begun = said(lines.slice(at + 1), 'to ').map((line) => line.slice(3));
    this.branches = [...(at < 0 ? this.branches : [lines[at]?.slice(3)]), ...begun];
  }

  private async broken(registry: RegistryService): Promise<string[]> {
    const { kit, labour } = this;
    const broken = await brokenPromises(kit.root, registry, this.acks, labour === 'time' ? '--all' : 'main');
    const { branch } = await registry.status();
    if (!this.branches.includes(branch)) broken.push(`${branch} is in force, not one of ${this.branches.join(', ')}`);
    const [round, n] = this.recorded;
    if (round < 0) return broken;
    const text = await kit.git('show', 'record:agents/lead/state.toml');
    const [, in_round, count] = /^status = "round-(\d+)"[^]*^restart_count = (\d+)$/m.exec(text) ?? [];
    const newer = Number(in_round) > round || (Number(in_round) === round && Number(count) >= n);
    return newer
      ? broken
      : [...broken, `the record lacks round ${round}, write ${n}: it ends at ${in_round}, ${count}`];
  }

  private async again(registry: RegistryService): Promise<void> {
    if (this.labour === 'care') {
      await registry.care.gc({ dry_run: false });
      await registry.care.prune({ days: KEPT_DAYS, dry_run: false, confirm: true });
      return;
    }
    await registry.branches.switch('main', { confirm: true }, ADMIN);
    this.branches = ['main'];
    for (const { name, current } of await registry.branches.list()) {
      if (current) continue;
      await registry.branches.merge(name, { confirm: true, prefer: 'theirs' }, ADMIN);
      await registry.branches.delete(name, false, ADMIN);
    }
  }

  /** As if hours had passed: git lets go only what is older than an hour. */
  private async age(): Promise<void> {
    const folder = join(this.kit.root, '.git', 'objects');
    const then = Date.now() / 1000 - OLD_S;
    for (const name of await readdir(folder, { recursive: true })) await utimes(join(folder, name), then, then);
  }
}

const said = (lines: readonly string[], word: string): string[] => lines.filter((line) => line.startsWith(word));
