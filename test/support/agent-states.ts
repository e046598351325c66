import type { Activity, AgentStatusWord, ProcessState } from '../../src/contracts/agent.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeAgent } from './fake-agent.js';
import { NODE, NoxServer } from './nox-server.js';
import { eventually } from './wait.js';

/** A state of an agent, and how a fake one that is called like it is brought there. */
export interface StateCase {
  readonly id: string;
  readonly status: AgentStatusWord;
  readonly process_state: ProcessState;
  readonly activity: Activity;
  /** Its configuration beside that of any fake agent. */
  readonly own?: object;
  readonly start?: boolean;
  readonly prompts?: readonly string[];
  readonly deed?: (nox: NoxServer, id: string) => Promise<unknown>;
}

/** Never gets ready, and ends when it is told to. */
const SILENT = [NODE, '-e', 'process.stdin.resume()', '--'];

const statusOf = (nox: NoxServer, id: string) => nox.call('agents_status', { params: { id } });

/** Every state of DESIGN's table. */
export const STATES: readonly StateCase[] = [
  { id: 'idle', status: 'idle', process_state: 'running', activity: 'idle' },
  { id: 'working', status: 'busy', process_state: 'running', activity: 'working', prompts: ['say busy\nhang'] },
  {
    id: 'waiting',
    status: 'waiting',
    process_state: 'running',
    activity: 'waiting_approval',
    prompts: ['tool Bash {"command":"rm -rf build"}'],
  },
  {
    id: 'asking',
    status: 'waiting',
    process_state: 'running',
    activity: 'waiting_input',
    prompts: ['tool AskUserQuestion {"questions":[{"question":"Which?","header":"Which","options":[]}]}'],
  },
  {
    id: 'hibernated',
    status: 'hibernated',
    process_state: 'hibernated',
    activity: 'idle',
    prompts: ['say good night'],
    // Before it works, it is idle too; what still has to be done keeps it awake, and that is said.
    deed: (nox, id) => eventually('it sleeps', () => nox.call('agents_hibernate', { params: { id } })),
  },
  {
    id: 'backoff',
    status: 'crashed',
    process_state: 'backoff',
    activity: 'idle',
    own: { restart: { backoff_ms: { initial: 600_000, max: 600_000 } } },
    prompts: ['crash'],
  },
  {
    id: 'parked',
    status: 'parked',
    process_state: 'running',
    activity: 'parked',
    own: { budget: { turns_per_day: 1, usd_per_day: 5 } },
    prompts: ['say the only one', 'say tomorrow'],
  },
  { id: 'quota', status: 'parked', process_state: 'running', activity: 'quota', prompts: ['error 529 x9'] },
  {
    id: 'failed',
    status: 'failed',
    process_state: 'failed',
    activity: 'idle',
    own: { restart: { policy: 'no' } },
    prompts: ['exit 3'],
  },
  {
    id: 'open-breaker',
    status: 'failed',
    process_state: 'failed',
    activity: 'idle',
    own: { restart: { intensity: 0 } },
    prompts: ['crash'],
  },
  { id: 'stopped', status: 'inactive', process_state: 'stopped', activity: 'idle', start: false },
  {
    id: 'starting',
    status: 'starting',
    process_state: 'starting',
    activity: 'idle',
    start: false,
    own: { command: SILENT },
    deed: async (nox, id) => {
      nox.call('agents_start', { params: { id } }).catch(() => undefined);
    },
  },
  {
    id: 'stopping',
    status: 'stopping',
    process_state: 'stopping',
    activity: 'idle',
    prompts: ['ignore-signals\nstderr deaf now\nhang'],
    deed: async (nox, id) => {
      await eventually('it ignores signals', async () => {
        const { lines } = await nox.call('agents_logs', { params: { id } });
        return lines.some(({ line }) => line.includes('deaf now'));
      });
      nox.call('agents_stop', { params: { id }, body: { grace_ms: 120_000 } }).catch(() => undefined);
    },
  },
];

/** A Nox that stays in what was produced: what would be tried again by itself is tried much later. */
export async function startPatient(): Promise<NoxServer> {
  const nox = await NoxServer.start();
  await nox.kill('SIGTERM');
  const file = join(nox.registry, 'system-config.toml');
  const config = readFileSync(file, 'utf8').replace(/^\[quota\].*\n(?:.+\n)*/m, '');
  writeFileSync(file, `${config}\n[quota]\ninitial_ms = 3600000\nmax_ms = 3600000\n`);
  await nox.boot();
  return nox;
}

/** Makes the agent, brings it there and waits until Nox says so. */
export async function produce(nox: NoxServer, { id, status, own = {}, start = true, prompts = [], deed }: StateCase) {
  await nox.call('agents_create', { body: { ...fakeAgent(id, start), ...own } });
  for (const content of prompts) await nox.call('agents_prompt', { params: { id }, body: { content, wait: false } });
  await deed?.(nox, id);
  await eventually(`${id} is ${status}`, async () => (await statusOf(nox, id)).status === status);
}

/** Ends the one that is being stopped and listens to nobody, so that Nox itself can end. */
export async function endStopping(nox: NoxServer): Promise<void> {
  await nox.call('agents_stop', { params: { id: 'stopping' }, body: { force: true } });
}
