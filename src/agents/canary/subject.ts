import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../shared/nox-error.js';
import { claudeArgv } from '../runtime/claude/claude-argv.js';
import { hookAnswer, permissionAnswer } from '../runtime/stream-json/answers.js';
import { initializeRequest } from '../runtime/stream-json/initialize-request.js';
import { canaryRequest } from './canary.js';
import type { ProofSubject } from './proof-store.js';
import { ROUTES, WAYS_VERSION } from './ways.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Changes with whatever Nox sends to the CLI to be asked, and with what the canary tries. */
export const GATE_VERSION = sha256(
  JSON.stringify([
    WAYS_VERSION,
    ROUTES,
    claudeArgv('', { ...canaryRequest('', {}, ''), session_id: '' }),
    initializeRequest({ system_prompt: '', tool_timeout_s: 60 }),
    hookAnswer({ behavior: 'deny', reason: '' }),
    permissionAnswer({ behavior: 'deny', reason: '' }, {}),
  ]),
);

/** The machine's own settings of the CLI can switch hooks off for everybody, whatever Nox says. */
const MANAGED = ['/etc/claude-code', '/Library/Application Support/ClaudeCode'];
const SWITCHES = /^(CLAUDE_|DISABLE_)/;
/** Secrets, and what is the canary's own anyway. */
const NO_SWITCH = /TOKEN|KEY|SECRET|^CLAUDE_CONFIG_DIR$/;

/** What a proof for this binary has to be about. */
export async function subjectOf(path: string, env: Readonly<Record<string, string>>): Promise<ProofSubject> {
  const switches = Object.entries(env)
    .filter(([name]) => SWITCHES.test(name) && !NO_SWITCH.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const [binary_sha256, managed] = await Promise.all([hashOf(path), managedSettings()]);
  return {
    binary_sha256,
    gate_version: GATE_VERSION,
    surroundings_sha256: sha256(JSON.stringify([switches, managed])),
  };
}

const PART_BYTES = 1024 * 1024;

const known = new Map<string, Promise<string>>();

/** Of 360 MB, so it is taken once per state of the file, whoever asks meanwhile: any change of it changes its ctime, which nobody can set. */
async function hashOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  const key = [path, dev, ino, size, mtimeNs, ctimeNs].join(' ');
  const before = known.get(key);
  if (before !== undefined) return before;
  const found = digestOf(path);
  known.set(key, found);
  found.catch(() => known.delete(key));
  return found;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  // One piece of memory for all of the file: a stream takes new memory for each part, and is collected after.
  const part = Buffer.allocUnsafe(PART_BYTES);
  await using file = await open(path);
  for (;;) {
    const { bytesRead } = await file.read(part, 0, part.length);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(part.subarray(0, bytesRead));
  }
}

async function managedSettings(): Promise<[string, string][]> {
  const found = await Promise.all(
    MANAGED.map(async (folder): Promise<[string, string][]> => {
      const names = await readdir(folder, { recursive: true }).catch(absent<string[]>([]));
      const files = names.filter((name) => name.endsWith('.json')).sort();
      return Promise.all(
        files.map(async (name) => [name, await readFile(join(folder, name), 'utf8').catch(absent('unreadable'))]),
      );
    }),
  );
  return found.flat();
}

const absent =
  <T>(value: T) =>
  (error: unknown): T => {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes(errnoOf(error) ?? '')) return value;
    throw error;
  };
