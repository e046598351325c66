import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { NoxApiError } from '../../../src/client/api-error.js';
import { fakeAgent } from '../../support/fake-agent.js';
import { NoxServer, ROOT } from '../../support/nox-server.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { eventually } from '../../support/wait.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface DiskOptions {
  /** Each call (1), or each n-th one only. */
  readonly every: number;
  /** Which call is the first. */
  readonly first?: number;
  readonly say: Say;
}

/** Answers that say plainly what it was; all else would be a riddle. */
const CLEAR = new Set(['STORAGE_FAILED', 'GIT_OPERATION_FAILED', 'AGENT_START_FAILED', 'REGISTRY_INVALID']);
const ERRORS = { ENOSPC: constants.errno.ENOSPC, EIO: constants.errno.EIO, EMFILE: constants.errno.EMFILE };
const MOST_CALLS = 2000;

/** Whether a fault can be put into the calls of a program: by a compiled library that is loaded before libc. */
export function canInjectFaults(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

/** What the library is told and tells; see test/fixtures/fs-fault/fs-fault.c. */
class Faults {
  private constructor(
    readonly env: Readonly<Record<string, string>>,
    private readonly fd: number,
  ) {}

  static make(folder: string, root: string): Faults {
    const [library, control] = [join(folder, 'fs-fault.so'), join(folder, 'control')];
    const source = join(ROOT, 'test/fixtures/fs-fault/fs-fault.c');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
    writeFileSync(control, Buffer.alloc(20));
    const env = { LD_PRELOAD: library, FS_FAULT_CONTROL: control, FS_FAULT_ROOT: root };
    return new Faults(env, openSync(control, 'r+'));
  }

  arm(errno: number, nth: number): void {
    writeSync(this.fd, Buffer.from(Int32Array.of(errno, nth, 0, 0, 0).buffer), 0, 20, 0);
  }

  /** Nothing fails any more; answers how many did. */
  disarm(): number {
    const told = Buffer.alloc(20);
    readSync(this.fd, told, 0, 20, 0);
    this.arm(0, 0);
    return told.readInt32LE(12);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/**
 * Lets one call of the file system fail, the first, then the second, until a piece of work makes no more calls: each
 * answer is a success or says plainly what it was, Nox lives, memory, file and commit agree, and all works again after.
 */
export async function runDisk({ every, first = 1, say }: DiskOptions): Promise<LongReport> {
  const began = performance.now();
  await using folder = await makeTempDir('nox-fs-fault-');
  const root = join(folder.path, 'disk');
  const faults = Faults.make(folder.path, root);
  const places = { NOX_HOME: join(root, 'nox'), NOX_REGISTRY_PATH: join(root, 'registry') };
  execFileSync('mkdir', ['-p', root]);
  await using nox = await NoxServer.start({ env: { ...faults.env, ...places, NOX_LOG_LEVEL: 'error' } });
  await nox.call('agents_create', { body: fakeAgent('worker') });
  await eventually('it runs', async () => (await status(nox, 'worker')).process_state === 'running');
  const broken: string[] = [];
  const calls: Record<string, number> = {};
  const answers: Record<string, number> = {};
  const pid = nox.pid;
  for (const [name, errno] of Object.entries(ERRORS)) {
    for (let nth = first; nth < MOST_CALLS; nth += every) {
      const at = `${name} at call ${nth}`;
      faults.arm(errno, nth);
      const met = await scene(nox);
      const failed = faults.disarm();
      for (const [step, code] of met) {
        answers[code] = (answers[code] ?? 0) + 1;
        if (code !== 'ok' && !CLEAR.has(code)) broken.push(`${at}: ${step} answered ${code}`);
      }
      broken.push(...(await state(nox, places.NOX_REGISTRY_PATH, pid)).map((what) => `${at}: ${what}`));
      if (failed === 0) break;
      calls[name] = nth;
      const last = broken.at(-1);
      say(`${at}: ${broken.length} violations${last === undefined ? '' : `, ${last}`}`);
    }
  }
  faults.close();
  return { every, took_s: secondsSince(began), calls, answers, violations: broken };
}

const status = (nox: NoxServer, id: string) => nox.call('agents_status', { params: { id } });

/** One piece of everything that is written down; what each step answered. */
async function scene(nox: NoxServer): Promise<[string, string][]> {
  const met: [string, string][] = [];
  const step = async (name: string, work: () => Promise<unknown>): Promise<boolean> => {
    const code = await work().then(
      () => 'ok',
      (error: unknown) => (error instanceof NoxApiError ? error.code : String(error)),
    );
    met.push([name, code]);
    return code === 'ok';
  };
  const made = await step('create', () => nox.call('agents_create', { body: fakeAgent('made', false) }));
  if (made) {
    await step('change', () => nox.call('agents_update', { params: { id: 'made' }, body: { priority: 'low' } }));
    await step('delete', () => nox.call('agents_delete', { params: { id: 'made' } }));
  }
  await step('prompt', () =>
    nox.call('agents_prompt', { params: { id: 'worker' }, body: { content: 'say done', wait: true } }),
  );
  await step('restart', () => nox.call('agents_restart', { params: { id: 'worker' } }));
  return met;
}

/** What is not as it must be once the disk works again. */
async function state(nox: NoxServer, registry: string, pid: number): Promise<string[]> {
  const broken: string[] = [];
  try {
    if (nox.pid !== pid) broken.push('Nox has died');
    const head = execFileSync('git', ['-C', registry, 'show', 'HEAD:agents.toml']).toString();
    const file = readFileSync(join(registry, 'agents.toml'), 'utf8');
    if (head !== file) broken.push('agents.toml is not what was committed');
    const { agents } = await nox.call('agents_list');
    const in_file = [...file.matchAll(/^\[agents\.([a-z0-9-]+)\]$/gm)].map(([, id = '']) => id).sort();
    const shown = agents.map(({ id }) => id).sort();
    if (in_file.join() !== shown.join()) broken.push(`shows ${shown.join()}, the file has ${in_file.join()}`);
    if (shown.includes('made')) await nox.call('agents_delete', { params: { id: 'made' } });
    const { process_state } = await status(nox, 'worker');
    if (process_state === 'failed' || process_state === 'stopped')
      await nox.call('agents_start', { params: { id: 'worker' } });
    await eventually('the worker is idle', async () => (await status(nox, 'worker')).status === 'idle');
    const { text } = await nox.call('agents_prompt', {
      params: { id: 'worker' },
      body: { content: 'say works', wait: true },
    });
    if (text !== 'works') broken.push(`a prompt answers "${text}"`);
  } catch (error) {
    broken.push(`does not work again: ${error instanceof Error ? error.message : String(error)}`);
  }
  return broken;
}
