import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { Confinement, ProcessIdentity } from '../../src/agents/process/process-host.js';
import { readRow } from '../../src/agents/process/procfs.js';
import { Watched, firstLine, killMarked, livingWith, newMark, treeArgv, untilEmpty } from './process-support.js';

/** What the program that stands for Nox says when its tree is ready. */
interface Spawned {
  readonly confinement: Confinement;
  readonly identity: ProcessIdentity;
  readonly pids: number[];
}

const host = createProcessHost();
await host.ready();
const has_namespaces = host.confinement() === 'pid-namespace';
const SPAWNER = join(process.cwd(), 'test/fixtures/trees/spawner.mjs');
const NOBODY = 65_534;

const folder = mkdtempSync(join(tmpdir(), 'nox-crash-'));
const bundle = join(folder, 'process-host.mjs');
let mark = '';
let nox: ChildProcess | null = null;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  await build({
    entryPoints: [join(process.cwd(), 'src/agents/process/native-process-host.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
  });
});

afterAll(() => rmSync(folder, { recursive: true }));

afterEach(() => {
  nox?.kill('SIGKILL');
  killMarked();
  jest.restoreAllMocks();
});

async function startNox(rung: Confinement | '', then: 'stay' | 'end', file: string, uid?: number): Promise<Spawned> {
  mark = newMark();
  const args = [SPAWNER, bundle, rung, then, ...treeArgv(file, mark)];
  nox = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  if (nox.stdout === null) throw new Error('no stdout');
  return JSON.parse(await firstLine(nox.stdout)) as Spawned;
}

async function crash(): Promise<void> {
  const child = nox;
  if (child === null) throw new Error('nothing was started');
  const exit = once(child, 'exit');
  // False when it has ended by itself meanwhile.
  if (child.exitCode === null && child.kill('SIGKILL')) await exit;
}

describe('kill -9 of Nox', () => {
  const inNamespace = has_namespaces ? it : it.skip;

  inNamespace.each(['double-fork-setsid.sh', 'cleared-and-reparented.sh', 'wanders.sh'])(
    'ends the namespace of %s by itself',
    async (file) => {
      const { pids, identity } = await startNox('pid-namespace', 'stay', file);
      const watched = new Watched([identity.pid, ...pids, ...livingWith(mark)]);
      expect(watched.living().length).toBeGreaterThan(1);
      await crash();
      await untilEmpty(() => [...watched.living(), ...livingWith(mark)]);
      expect([...watched.living(), ...livingWith(mark)]).toEqual([]);
      expect(await host.sweep([identity])).toEqual([]);
    },
  );

  it.each(['double-fork-setsid.sh', 'ignores-term.sh', 'wanders.sh', 'own-group-writer.sh'])(
    'leaves %s in its process group to the sweep',
    async (file) => {
      const { pids, identity } = await startNox('process-group', 'stay', file);
      const watched = new Watched([...pids, ...livingWith(mark)]);
      await crash();
      const swept = await host.sweep([identity, identity]);
      expect([...watched.living(), ...livingWith(mark)]).toEqual([]);
      // A writer is ended by the broken pipe already.
      if (file !== 'own-group-writer.sh') expect(swept).toEqual([identity.run_id]);
      expect(await host.sweep([identity])).toEqual([]);
    },
  );

  const inCgroup = host.confinement('off') === 'cgroup' ? it : it.skip;
  inCgroup.each(['double-fork-setsid.sh', 'cleared-and-reparented.sh', 'wanders.sh'])(
    'leaves %s in its cgroup to the sweep',
    async (file) => {
      const { pids, identity } = await startNox('cgroup', 'stay', file);
      expect(identity.confinement).toBe('cgroup');
      const watched = new Watched([...pids, ...livingWith(mark)]);
      await crash();
      expect(watched.living().length).toBeGreaterThan(0);
      expect(await host.sweep([identity])).toEqual([identity.run_id]);
      expect([...watched.living(), ...livingWith(mark)]).toEqual([]);
      expect(await host.sweep([identity])).toEqual([]);
    },
  );

  it('finds by the cookie what outlived the first process', async () => {
    const { identity } = await startNox('process-group', 'stay', 'double-fork-setsid.sh');
    await crash();
    process.kill(identity.pid, 'SIGKILL');
    await untilEmpty(() =>
      readRow(identity.pid) === null || readRow(identity.pid)?.state === 'Z' ? [] : [identity.pid],
    );
    expect(livingWith(mark).length).toBeGreaterThan(0);
    expect(await host.sweep([identity])).toEqual([identity.run_id]);
    expect(livingWith(mark)).toEqual([]);
  });

  const asRoot = process.geteuid?.() === 0 ? it : it.skip;
  asRoot('an ordinary user ends a tree completely too', async () => {
    const { confinement } = await startNox('', 'end', 'double-fork-setsid.sh', NOBODY);
    expect(['pid-namespace', 'process-group']).toContain(confinement);
    // The mark stands in its own arguments too.
    await crash();
    expect(livingWith(mark)).toEqual([]);
  });

  asRoot('an ordinary user leaves nothing that the sweep does not end', async () => {
    const { identity } = await startNox('', 'stay', 'double-fork-setsid.sh', NOBODY);
    await crash();
    if (identity.confinement === 'pid-namespace') await untilEmpty(() => livingWith(mark));
    else await host.sweep([identity]);
    expect(livingWith(mark)).toEqual([]);
  });
});

describe('a forged identity', () => {
  it('is never signalled', async () => {
    const boot_id = (await startNox('process-group', 'end', 'exec-chain.sh')).identity.boot_id;
    mark = newMark();
    // Not below this process, which would be spared anyway.
    const parent = spawn('/bin/sh', ['-c', 'setsid sleep "$1" >&2 & echo $!', 'sh', mark]);
    const pid = Number(await firstLine(parent.stdout));
    await untilEmpty(() => (readRow(pid)?.ppid === parent.pid ? [pid] : []));
    const start_ticks = readRow(pid)?.start_ticks ?? 0;
    const own_start = readRow(process.pid)?.start_ticks ?? 0;
    const parent_start = readRow(process.ppid)?.start_ticks ?? 0;
    // A helper of this very Nox, which itself was started by somebody's agent and hands its cookie on.
    const helper = spawn('sleep', [mark], { env: { ...process.env, NOX_RUN_ID: 'run_forged' } });
    await once(helper, 'spawn');
    const bystander = new Watched([pid, helper.pid ?? 0]);

    const identity = { run_id: 'run_forged', boot_id, pid, start_ticks, confinement: 'process-group' as const };
    const forged: unknown[] = [
      { ...identity, start_ticks: start_ticks - 1 },
      { ...identity, start_ticks: start_ticks + 1 },
      { ...identity, start_ticks: 0 },
      { ...identity, boot_id: '00000000-0000-0000-0000-000000000000' },
      ...[0, -1, 1, -pid, 2 ** 30, 2 ** 31, 1.5, NaN, String(pid), null, undefined].map((p) =>
        Object.assign({}, identity, { pid: p }),
      ),
      { ...identity, pid: 1, start_ticks: readRow(1)?.start_ticks },
      { ...identity, pid: process.pid, start_ticks: own_start },
      { ...identity, pid: process.ppid, start_ticks: parent_start },
      { ...identity, pid: 2 ** 29, start_ticks: 1 },
      { ...identity, run_id: '' },
      { ...identity, run_id: null },
    ];
    const kill = jest.spyOn(process, 'kill');
    expect(await host.sweep(forged as ProcessIdentity[])).toEqual([]);
    expect(kill).not.toHaveBeenCalled();
    expect(bystander.living()).toEqual([pid, helper.pid]);

    // The same, told truthfully, is signalled: the rest was refused for what was forged about it.
    kill.mockRestore();
    expect(await host.sweep([identity])).toEqual(['run_forged']);
    expect(bystander.living()).toEqual([helper.pid]);
  });
});
