import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PowerDisk } from '../../support/power/power-disk.js';
import { PowerLog, type PowerOp } from '../../support/power/power-log.js';
import { PowerScene } from '../../support/power/power-scene.js';
import { brokenAfterStart } from '../../support/power/power-start.js';
import {
  brokenInJournal,
  brokenOutside,
  BY_HAND,
  duringOf,
  promisedBy,
  REGISTRY,
} from '../../support/power/promises.js';
import { differences } from '../../support/power/same-tree.js';
import { randomOf } from '../../support/random.js';
import { brokenAfterPower } from '../../support/registry-crash.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface PowerOptions {
  /** Losses of power, at any call of all. */
  readonly cuts: number;
  /** After how many of them a whole Nox is started. */
  readonly starts: number;
  /** How often Nox does everything, with a kill -9 or an orderly end between. */
  readonly rounds: number;
  readonly seed: number;
  readonly say: Say;
}

/** With a disk that flushes nothing the last of these must be found broken, else the test looks at nothing. */
const CONTROLS = 3;

/**
 * RELIABILITY M2, and R1 after a loss of power, under the real SQLite and git's own processes: a Nox works once, while all
 * that it and its processes of git change is written down; then, after a call at random, what was not flushed is lost or
 * torn (see PowerDisk), what is left is opened, and all that was answered must be there.
 */
export async function runPower({ cuts, starts, rounds, seed, say }: PowerOptions): Promise<LongReport> {
  const began = performance.now();
  const random = randomOf(seed);
  await using folder = await makeTempDir('nox-power-');
  const [root, twin, image] = ['disk', 'twin', 'image'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(root);
  const log = PowerLog.make(folder.path, root);
  const agents = join(folder.path, 'agents');
  await PowerScene.play({ log, rounds, agents, twin });
  const ops = log.read();
  say(`${rounds} rounds, ${ops.length} calls and answers, ${secondsSince(began)} s`);

  const figures = { shown_as_edits: 0 };
  let [started, checked] = [0, 0];
  const look = async (at: number, start: boolean): Promise<string[]> => {
    const promised = promisedBy(ops.slice(0, at));
    checked = Math.max(checked, promised.size);
    const commits = [...promised.values()].flatMap((held) => (held.kind === 'commit' ? [held.hash] : []));
    const during = duringOf(ops.slice(0, at));
    const again = `${image}-start`;
    if (start) cpSync(image, again, { recursive: true });
    const broken = [
      ...brokenInJournal(image, promised),
      ...(await brokenAfterPower(join(image, REGISTRY), commits, figures, '--all', during === BY_HAND)),
      ...(await brokenOutside(image, promised)),
      ...(start ? await brokenAfterStart(again, agents, promised) : []),
    ];
    rmSync(again, { recursive: true, force: true });
    return broken;
  };

  const violations: string[] = [];
  const cuts_during: Record<string, number> = {};
  const { ino } = statSync(root, { bigint: true });
  const disk = new PowerDisk(ino);
  let done = 0;
  for (const [n, at] of moments(cuts, ops, random).entries()) {
    for (; done < at; done += 1) disk.apply(ops[done] as PowerOp);
    disk.image(image, random);
    const start = Math.floor(((n + 1) * starts) / cuts) > started;
    for (const what of await look(at, start)) violations.push(`seed ${seed}, call ${at}: ${what}`);
    if (start) started += 1;
    const during = duringOf(ops.slice(0, at));
    cuts_during[during] = (cuts_during[during] ?? 0) + 1;
    rmSync(image, { recursive: true });
    if ((n + 1) % 50 === 0) say(`${n + 1} of ${cuts} losses of power, ${violations.length} violations`);
  }

  for (; done < ops.length; done += 1) disk.apply(ops[done] as PowerOp);
  disk.image(image);
  violations.push(...differences(twin, image).map((what) => `not all that was changed is written down: ${what}`));
  rmSync(image, { recursive: true });
  let noticed = 0;
  const careless = new PowerDisk(ino, { flushes: 'none' });
  for (const op of ops) careless.apply(op);
  for (let n = 0; n < CONTROLS; n += 1) {
    careless.image(image, random);
    if ((await look(ops.length, false)).length > 0) noticed += 1;
    rmSync(image, { recursive: true, force: true });
  }
  if (noticed < CONTROLS) violations.push(`of ${CONTROLS} disks that flush nothing only ${noticed} were found broken`);
  return {
    seed,
    rounds,
    calls: ops.filter(({ op }) => op !== 'mark').length,
    answers: checked,
    cuts,
    cuts_during,
    starts: started,
    noticed_without_flushes: `${noticed} of ${CONTROLS}`,
    ...figures,
    took_s: secondsSince(began),
    violations,
  };
}

/** Sorted, so that the disk is played once. */
const moments = (cuts: number, ops: readonly PowerOp[], random: () => number): number[] =>
  Array.from({ length: cuts }, () => 1 + Math.floor(random() * ops.length)).sort((a, b) => a - b);
