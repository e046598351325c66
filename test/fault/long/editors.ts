import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { join } from 'node:path';
import type { Actor } from '../../../src/contracts/auth.js';
import { SETTLE } from '../../../src/registry/hand/settled.js';
import { RegistryService } from '../../../src/registry/registry.service.js';
import { SystemClock } from '../../../src/shared/clock.js';
import { NoxError } from '../../../src/shared/nox-error.js';
import { ADMIN, agentConfig, TEMPLATE } from '../../integration/registry-kit.js';
import { load, SAVES } from '../../support/editors.js';
import { randomOf } from '../../support/random.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { eventually, within } from '../../support/wait.js';

export interface EditorsOptions {
  readonly editors: number;
  readonly saves: number;
  readonly writes: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface EditorsReport {
  readonly editors: number;
  readonly saves: number;
  readonly writes: number;
  readonly refused_writes: number;
  readonly broken_saves: number;
  readonly slowest_invalid_ms: number;
  readonly slowest_adoption_ms: number;
  readonly commits: number;
  readonly took_s: number;
  readonly violations: readonly string[];
}

const API: Actor = { ...ADMIN, name: 'api' };

/**
 * RELIABILITY R3: editors that save one file in every way there is, while writes come over the API. Each editor has an
 * agent of its own; one of them at a time has the keyboard, as two persons who save over each other lose work in any
 * folder. It loads, takes its time, and saves, whatever was written meanwhile. No edit and no write may be lost, what a
 * save breaks must not be in force and must be told, and what stood on the disk must be found in git.
 */
export async function runEditors({ editors, saves, writes, seed, say }: EditorsOptions): Promise<EditorsReport> {
  const began = performance.now();
  const dir = await makeTempDir('nox-editors-');
  const root = join(dir.path, '.nox-registry');
  const path = join(root, 'agents.toml');
  const random = randomOf(seed);
  const violations: string[] = [];
  const registry = await RegistryService.open({
    path: root,
    template_path: TEMPLATE,
    clock: new SystemClock(),
    settle: SETTLE,
  });
  const patterns = Object.entries(SAVES);
  let [refused, broken, slowest_invalid_ms, slowest_adoption_ms] = [0, 0, 0, 0];
  const heard: { invalid?: () => void } = {};
  registry.onInvalid(() => heard.invalid?.());
  try {
    for (let i = 0; i < editors; i += 1)
      await registry.createAgent(`hand-${i}`, agentConfig({ name: 'save 0' }), ADMIN);
    for (let j = 0; j < 5; j += 1) await registry.createAgent(`api-${j}`, agentConfig({ name: 'write 0' }), ADMIN);
    await registry.watch();
    const nameOf = (id: string): string | undefined => registry.agents().get(id)?.name;
    let keyboard: Promise<void> = Promise.resolve();
    const atKeyboard = (job: () => Promise<void>): Promise<void> => (keyboard = keyboard.then(job));
    const edited = (text: string, id: string, name: string): string => {
      const [before, after = ''] = text.split(`[agents.${id}]`);
      return `${before}[agents.${id}]${after.replace(/^name = .*$/m, `name = "${name}"`)}`;
    };

    const editor = async (i: number): Promise<void> => {
      const id = `hand-${i}`;
      const [how, save] = patterns[i % patterns.length] ?? ['', () => Promise.resolve()];
      for (let n = 1; n <= saves; n += 1) {
        await delay(random() * 100);
        const name = `save ${i} ${n}`;
        let saved_ms = 0;
        await atKeyboard(async () => {
          const loaded = await load(path);
          if (loaded.split(`[agents.${id}]`).length !== 2) violations.push(`${how}: agent ${id} is not in the file`);
          await delay(random() * 40);
          if (n === 1 ? i % 6 === 0 : random() < 0.05) {
            broken += 1;
            const before = nameOf(id);
            const told = new Promise<void>((resolve) => (heard.invalid = resolve));
            const from = performance.now();
            await save(path, `${loaded}\n[agents.${id}\nbroken = `);
            await within(`${how}: word of a broken file`, told).catch((error: unknown) =>
              violations.push(String(error)),
            );
            slowest_invalid_ms = Math.max(slowest_invalid_ms, performance.now() - from);
            if (nameOf(id) !== before) violations.push(`${how}: a broken file was in force`);
          }
          await save(path, edited(loaded, id, name));
          saved_ms = performance.now();
        });
        await eventually(`${how}: save ${n} of ${id} in force`, () => nameOf(id) === name).catch((error: unknown) =>
          violations.push(String(error)),
        );
        slowest_adoption_ms = Math.max(slowest_adoption_ms, performance.now() - saved_ms);
      }
    };

    const answered: string[] = [];
    const last = new Map<string, string>();
    const api = async (): Promise<void> => {
      for (let n = 1; n <= writes;) {
        await delay(random() * 60);
        const [id, name] = [`api-${n % 5}`, `write ${n}`];
        try {
          await registry.updateAgent(id, { name }, API);
          if (nameOf(id) !== name) violations.push(`write ${n} was answered and is not in force`);
          answered.push(name);
          last.set(id, name);
          n += 1;
        } catch (error) {
          // Said, not lost: whoever asked knows, and asks again.
          if (!(error instanceof NoxError) || !['REGISTRY_INVALID', 'INVALID_STATE'].includes(error.code)) throw error;
          refused += 1;
          await delay(50);
        }
      }
    };
    await Promise.all([api(), ...Array.from({ length: editors }, (_, i) => editor(i))]);
    await registry.refresh();

    for (let i = 0; i < editors; i += 1)
      if (nameOf(`hand-${i}`) !== `save ${i} ${saves}`) violations.push(`hand-${i} has ${nameOf(`hand-${i}`)}`);
    for (const [id, name] of last) if (nameOf(id) !== name) violations.push(`${id} has ${nameOf(id)}, not ${name}`);
    const git = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)('git', ['-C', root, ...args], { maxBuffer: 512 * 1024 * 1024 })).stdout;
    const history = new Set(
      (await git('log', '-p', '--format=', 'main', '--', 'agents.toml')).match(/(?<=^\+name = ").*(?="$)/gm),
    );
    for (const name of answered) if (!history.has(name)) violations.push(`${name} was answered and is in no commit`);
    for (let i = 0; i < editors; i += 1)
      for (let n = 1; n <= saves; n += 1)
        if (!history.has(`save ${i} ${n}`)) violations.push(`save ${i} ${n} is in no commit`);
    const status = (await git('status', '--porcelain', '--untracked-files=no')).trim();
    if (status !== '') violations.push(`not clean: ${status}`);
    await git('fsck', '--full', '--strict').catch((error: unknown) => violations.push(`fsck: ${String(error)}`));
    const commits = Number(await git('rev-list', '--count', 'main'));
    const report = {
      editors,
      saves: editors * saves,
      writes: answered.length,
      refused_writes: refused,
      broken_saves: broken,
      slowest_invalid_ms: Math.round(slowest_invalid_ms),
      slowest_adoption_ms: Math.round(slowest_adoption_ms),
      commits,
      took_s: Math.round((performance.now() - began) / 1000),
      violations,
    };
    say(JSON.stringify(report));
    return report;
  } finally {
    await registry.close();
    await dir.remove();
  }
}
