import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';

/** Workspaces of canaries in the shared folder, also those of others. */
const canaries = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('nox-canary-'));
const before = canaries();

const FAILS_OPEN = fileURLToPath(new URL('../fixtures/claude-shims/fails-open.mjs', import.meta.url));
const id = 'worker';
let nox: NoxServer;
let folder: string;
const claude = (): string => join(folder, 'claude');
const proofs = (): string => join(folder, 'proofs');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nox-gate-canary-'));
  copyFileSync(FAILS_OPEN, claude());
  nox = await NoxServer.start({
    // Handed on to the CLI as every CLAUDE_ variable is.
    env: { NOX_CLAUDE_PATH: claude(), NOX_GATE_PROOFS: proofs(), CLAUDE_REAL_PATH: CLAUDE_PATH },
  });
  await nox.call('agents_create', { body: { name: 'Worker', id } });
});
afterAll(async () => {
  await nox.close();
  rmSync(folder, { recursive: true });
});

const health = async (): Promise<unknown> => (await fetch(`${nox.url}/health`)).json();
const trials = async (): Promise<number> => {
  const { events } = await nox.call('events', { query: { follow: 'false', areas: 'system', limit: 1000 } });
  return events.filter(({ type, payload }) => type === 'system.gate_checked' && isProving(payload)).length;
};
const isProving = (payload: unknown): boolean => (payload as { gate: { state: string } }).gate.state === 'proving';

it('is not tried before an agent wants to start', async () => {
  expect(await health()).toMatchObject({ status: 'ok', gate: 'unproven' });
  expect(await trials()).toBe(0);
});

it('refuses agents when a CLI lets a call run although the hook failed', async () => {
  const start = nox.call('agents_start', { params: { id } });
  await expect(start).rejects.toMatchObject({ status: 503, code: 'GATE_UNPROVEN' });
  await expect(start).rejects.toThrow(/hook: error \(read\).*NOX_CLAUDE_PATH/s);
  const { components } = await nox.call('system_status');
  expect(components['approval_gate']).toMatchObject({ status: 'failed' });
  expect(await health()).toMatchObject({ status: 'failed', gate: 'refused' });
  const { failed } = await nox.call('system_gate');
  // Where the CLI would not have asked by itself, and only there.
  expect(failed.map(({ way }) => way).sort()).toEqual([
    'hook: error (read)',
    'hook: nonsense (read)',
    'sub-agent, hook: error (read)',
    'sub-agent, hook: nonsense (read)',
  ]);
  // What was refused is not tried again at each start, and nothing vouches for it.
  await expect(nox.call('agents_start', { params: { id } })).rejects.toMatchObject({ code: 'GATE_UNPROVEN' });
  expect(await trials()).toBe(1);
  expect((await nox.call('agents_get', { params: { id } })).process_state).toBe('stopped');
});

it('tries another binary at once, holds its start until then, and lets it start', async () => {
  writeFileSync(claude(), `#!/bin/sh\nexec "${CLAUDE_PATH}" "$@"\n`);
  chmodSync(claude(), 0o755);
  const { process_state } = await nox.call('agents_start', { params: { id } });
  expect(process_state).toBe('running');
  expect(await health()).toMatchObject({ status: 'ok', gate: 'proven' });
  expect(await trials()).toBe(2);
  const [proof = ''] = readdirSync(proofs());
  expect(statSync(join(proofs(), proof)).mode & 0o777).toBe(0o600);
});

it('believes the proof after a restart of Nox', async () => {
  await nox.restart('SIGKILL');
  await nox.call('agents_stop', { params: { id } });
  await nox.call('agents_start', { params: { id } });
  expect((await nox.call('system_gate')).state).toBe('proven');
  expect(await trials()).toBe(2);
});

it('leaves no workspace of a canary behind', () => {
  expect(canaries().filter((name) => !before.includes(name))).toEqual([]);
});
