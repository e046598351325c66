import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { Confinement } from '../../src/agents/process/process-host.js';
import { childrenOf, readRow } from '../../src/agents/process/procfs.js';
import { PsTable } from '../../src/agents/process/ps-table.js';
import { TreeMeter } from '../../src/agents/process/sampler.js';
import {
  ENV,
  Watched,
  firstLine,
  killMarked,
  livingWith,
  newMark,
  newRunId,
  startShell,
  startTree,
  textOf,
  treeArgv,
  untilEmpty,
} from './process-support.js';
import { ESCAPES_GROUP, TREES } from './zoo-trees.js';

const best = createProcessHost();
await best.ready();
const RUNGS = [...new Set<Confinement>([best.confinement(), best.confinement('off'), 'process-group'])];

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'nox-host-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

afterEach(killMarked);

describe.each(RUNGS)('process host, %s', (rung) => {
  const host = createProcessHost({ rung });
  const bystanders: ChildProcess[] = [];

  afterEach(() => {
    for (const child of bystanders.splice(0)) child.kill('SIGKILL');
  });

  it('names its rung and says what it promises', async () => {
    expect(() => createProcessHost({ rung }).confinement()).toThrow('ready()');
    await host.ready();
    expect(host.confinement()).toBe(rung);
    expect(host.describe().includes('can survive')).toBe(rung !== 'pid-namespace');
  });

  describe.each(TREES)('the tree %s', (file) => {
    it('is ended completely, and nobody else is', async () => {
      const own = newMark();
      const innocent = newMark();
      const sibling = await startTree(host, 'ignores-term.sh', innocent);
      const stranger = spawn('sleep', [innocent]);
      bystanders.push(stranger);
      const innocents = new Watched([...(await sibling.tree()), stranger.pid ?? 0]);
      const innocents_before = innocents.living();

      const run = await startTree(host, file, own);
      const tree = await run.tree();
      expect(tree[0]).toBe(run.programPid());
      expect(tree).not.toContain(stranger.pid);
      const watched = new Watched([run.identity.pid, ...tree, ...livingWith(own)]);

      const facts = await run.end({ grace_ms: 300 });

      const survivors = new Set([...livingWith(own), ...watched.living()]);
      expect(survivors.size).toBeLessThanOrEqual(rung === 'process-group' && ESCAPES_GROUP.has(file) ? 1 : 0);
      expect((facts.exit_code === null) !== (facts.signal === null)).toBe(true);
      expect(await run.tree()).toEqual([]);
      expect(run.programPid()).toBeNull();
      expect(await run.exited).toEqual(facts);
      expect(innocents.living()).toEqual(innocents_before);
      await sibling.end({ grace_ms: 0 });
      expect(livingWith(innocent)).toEqual([stranger.pid]);
    });
  });

  it('ends what a program leaves behind when it exits by itself', async () => {
    const own = newMark();
    const run = await startTree(host, 'holds-stdout-after-exit.sh', own);
    expect(await run.exited).toEqual({ exit_code: 7, signal: null, forced: false });
    expect(livingWith(own)).toEqual([]);
  });

  it('closes the pipes although a survivor holds them', async () => {
    const own = newMark();
    const run = await startTree(host, 'cleared-and-reparented.sh', own);
    const closed = Promise.all([once(run.stdout, 'close'), once(run.stderr, 'close')]);
    await run.end({ grace_ms: 300 });
    await closed;
    expect(livingWith(own).length).toBeLessThanOrEqual(rung === 'process-group' ? 1 : 0);
  });

  it('passes stdio, arguments, environment and folder through untouched', async () => {
    const argv = ['a b', '$HOME', '"\'', '', 'é\n', '--'];
    const run = await host.spawn({
      run_id: 'run_through',
      argv: ['/bin/sh', '-c', 'cat; printf "<%s>" "$@"; env >&2; pwd >&2', 'sh', ...argv],
      cwd: '/usr',
      env: { ONLY: 'this' },
    });
    run.stdin.end('in');
    const [stdout, stderr] = await Promise.all([textOf(run.stdout), textOf(run.stderr)]);
    expect(stdout).toBe(`in${argv.map((arg) => `<${arg}>`).join('')}`);
    const names = stderr.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(new Set(names.filter((name) => name !== 'PWD' && name !== '_'))).toEqual(new Set(['ONLY', 'NOX_RUN_ID']));
    expect(stderr).toContain('NOX_RUN_ID=run_through\n');
    expect(stderr).toMatch(/\n\/usr\n$/);
  });

  it.each([
    ['exit 0', { exit_code: 0, signal: null }],
    ['exit 3', { exit_code: 3, signal: null }],
    ['exit 143', { exit_code: 143, signal: null }],
    ['kill -KILL $$', { exit_code: null, signal: 'SIGKILL' }],
    ['kill -SEGV $$', { exit_code: null, signal: 'SIGSEGV' }],
  ])('tells the facts of "%s"', async (script, facts) => {
    const run = await startShell(host, script);
    run.stdout.resume();
    const stderr = textOf(run.stderr);
    expect(await run.exited).toEqual({ ...facts, forced: false });
    expect(await stderr).toBe('');
  });

  it('lets a program end politely within the grace, and forces one that does not', async () => {
    const polite = await startShell(host, `trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done`);
    await firstLine(polite.stdout);
    expect(await polite.end({ grace_ms: 20_000 })).toEqual({ exit_code: 5, signal: null, forced: false });

    const deaf = await startShell(host, `trap '' TERM; echo ready; while :; do sleep 0.01; done`);
    await firstLine(deaf.stdout);
    const stderr = textOf(deaf.stderr);
    expect(await deaf.end({ grace_ms: 50 })).toEqual({ exit_code: null, signal: 'SIGKILL', forced: true });
    expect(await stderr).toBe('');
  });

  it('lets a shorter grace overtake a longer one', async () => {
    const run = await startTree(host, 'ignores-term.sh', newMark());
    const patient = run.end({ grace_ms: 3_600_000 });
    expect((await run.end({ grace_ms: 0 })).forced).toBe(true);
    expect((await patient).forced).toBe(true);
  });

  it('can be ended at once after the spawn, and ended again', async () => {
    const own = newMark();
    for (const grace_ms of [0, 0, 0, 1, 5]) {
      const run = await host.spawn({
        run_id: newRunId(),
        argv: treeArgv('fifty-children.sh', own),
        cwd: '/',
        env: ENV,
      });
      run.stdout.resume();
      await run.end({ grace_ms });
      await run.end({ grace_ms: 300 });
      expect(livingWith(own)).toEqual([]);
    }
  });

  it('sends a signal to the program only, also right after the spawn', async () => {
    const run = await startShell(
      host,
      `trap 'echo got' INT; echo ready; sleep "$1" & while :; do wait; done`,
      newMark(),
    );
    await firstLine(run.stdout);
    const got = firstLine(run.stdout);
    run.signal('SIGINT');
    expect(await got).toBe('got');
    await run.end({ grace_ms: 0 });

    const early = await startShell(host, 'exec sleep "$1"', newMark());
    early.signal('SIGTERM');
    const { exit_code, signal } = await early.exited;
    expect([exit_code, signal]).toEqual(rung === 'pid-namespace' ? [143, null] : [null, 'SIGTERM']);
  });

  it('knows the pid of the program as the host sees it', async () => {
    const own = newMark();
    const run = await startShell(host, 'echo ready; exec sleep "$1"', own);
    await firstLine(run.stdout);
    expect(livingWith(own)).toContain(run.programPid());
    expect(run.programPid() === run.identity.pid).toBe(rung !== 'pid-namespace');
    await run.end({ grace_ms: 0 });
  });

  it('rejects what cannot be started and leaves nothing', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'text'), 'text', { mode: 0o644 });
    const start = (program: string, cwd = folder) => host.spawn({ run_id: newRunId(), argv: [program], cwd, env: ENV });
    const missing = join(folder, 'missing');
    await expect(start(missing)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
    await expect(start(missing)).rejects.toThrow(`cannot start ${missing}`);
    await expect(start(join(folder, 'text'))).rejects.toMatchObject({ code: 'EACCES' });
    await expect(start(folder)).rejects.toMatchObject({ code: 'EACCES' });
    await expect(start('sh')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(start('/bin/sh', missing)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(livingWith(folder)).toEqual([]);
  });

  it('carries a megabyte a second past a child that never reads stdin', async () => {
    const run = await startShell(host, 'head -c 1000000 /dev/zero; echo >&2; sleep "$1"', newMark());
    // More than a pipe holds: the rest waits in Nox, and breaks when the child ends.
    const written = new Promise((resolve) => run.stdin.write(Buffer.alloc(1_000_000), resolve));
    let bytes = 0;
    run.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await once(run.stderr, 'data');
    expect((await run.end({ grace_ms: 0 })).forced).toBe(true);
    await written;
    expect(bytes).toBe(1_000_000);
  });

  it('gives a tree that the sampler can measure, also when some of it is gone', async () => {
    const run = await startShell(host, 'sleep "$1" & echo ready; while :; do :; done', newMark());
    await firstLine(run.stdout);
    const sampler = new TreeMeter();
    const tree = await run.tree();
    expect(tree).toHaveLength(2);
    const first = await sampler.sample([...tree, 2 ** 22 + 1]);
    expect(first.memory_bytes).toBeGreaterThan(500_000);
    await letPass(300);
    const second = await sampler.sample(tree);
    expect(second.cpu_percent).toBeGreaterThan(10);
    expect(second.cpu_percent).toBeLessThan(150);
    await run.end({ grace_ms: 0 });
    const nothing = { memory_bytes: 0, cpu_percent: 0, processes: 0 };
    expect(await sampler.look(tree)).toEqual(nothing);
    expect(await sampler.look([tree[0] ?? 0])).toEqual(nothing);
    expect(await sampler.look([])).toEqual(nothing);
  });
});

/** Lets measured time pass by running a program for it. */
async function letPass(ms: number): Promise<void> {
  await once(spawn('sleep', [String(ms / 1000)]), 'exit');
}

describe('where there is no /proc', () => {
  it.each(['ignores-term.sh', 'fifty-children.sh', 'stops-itself.sh'])('the tree %s is found by ps', async (file) => {
    const host = createProcessHost({ rung: 'process-group', table: new PsTable() });
    const own = newMark();
    const run = await startTree(host, file, own);
    const tree = await run.tree();
    expect(tree[0]).toBe(run.programPid());
    expect(tree.length).toBeGreaterThan(1);
    // Some of it may just be about to start, and have no arguments at that moment.
    const unmarked = () => tree.filter((pid) => !livingWith(own).includes(pid));
    await untilEmpty(unmarked);
    expect(unmarked()).toEqual([]);
    await run.end({ grace_ms: 50 });
    expect(livingWith(own)).toEqual([]);
  });
});

const inNamespace = RUNGS.includes('pid-namespace') ? describe : describe.skip;
inNamespace('inside the namespace', () => {
  const host = createProcessHost({ rung: 'pid-namespace' });

  it('hides the host and gives the CLI folders of its own, empty and unseen outside', async () => {
    const config = newFolder();
    const run = await host.spawn({
      run_id: newRunId(),
      argv: [
        '/bin/sh',
        '-c',
        'ls "$1" /tmp/cc-socks; touch "$1/5.json" /tmp/cc-socks/5.sock; echo $PPID; ls -d "$2"',
        'sh',
        join(config, 'sessions'),
        config,
      ],
      cwd: '/',
      env: { ...ENV, CLAUDE_CONFIG_DIR: config },
    });
    run.stderr.resume();
    const output = await textOf(run.stdout);
    expect(output).toBe(`/tmp/cc-socks:\n\n${config}/sessions:\n1\n${config}\n`);
    const outside = await startShell(host, 'ls "$1"', join(config, 'sessions'));
    expect(await textOf(outside.stdout)).toBe('');
  });

  it('reaps what is orphaned inside', async () => {
    const run = await startShell(host, '(true & true &); (true &); echo ready; exec sleep "$1"', newMark());
    await firstLine(run.stdout);
    const program = run.programPid() ?? 0;
    const init = readRow(program)?.ppid ?? 0;
    const others = () => childrenOf(init).filter((pid) => pid !== program);
    await untilEmpty(others);
    expect(others()).toEqual([]);
    await run.end({ grace_ms: 0 });
  });
});
