import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readRemote } from '../../contracts/remote-url.js';
import { writeFileAtomic } from '../../shared/atomic-file.js';
import { BASE_TRAILER } from '../care/prune-record.js';
import { gitEnvironment, GitProcess, PINNED_CONFIG } from '../git/git-process.js';
import { redact } from '../redact.js';

export interface PushRequest {
  readonly root: string;
  readonly url: string;
  readonly username: string;
  /** Goes to git by the environment of its own helper alone: not into arguments, logs or configuration. */
  readonly token: string | undefined;
  readonly timeout_ms: number;
  readonly signal: AbortSignal;
}

/** How a push ended; `reason` is for a person and holds no secret. */
export type PushOutcome =
  { readonly outcome: 'ok' } | { readonly outcome: 'diverged' | 'failed' | 'aborted'; readonly reason: string };

/** Asked by git for a login; it answers from its environment. */
const ASKPASS =
  '#!/bin/sh\ncase "$1" in\n  Username*) printf "%s\\n" "$NOX_GIT_USERNAME" ;;\n  *) printf "%s\\n" "$NOX_GIT_TOKEN" ;;\nesac\n';
const KEEP = ['HOME', 'SSH_AUTH_SOCK'] as const;
const RECORD = 'refs/heads/record';

/**
 * Every ref to its own name, never with a plus: what the remote has and we have not is never overwritten. A record that was
 * pruned is another history: it goes to a name of its own beside the older one, which the remote keeps.
 */
async function refspecs(root: string): Promise<string[]> {
  const git = new GitProcess(root);
  const heads = (await git.run(['for-each-ref', '--format=%(refname)', 'refs/heads'])).split('\n').filter(Boolean);
  const base = heads.includes(RECORD) ? await baseOf(git) : undefined;
  const to = (ref: string): string => (ref === RECORD && base !== undefined ? `${RECORD}-${base}` : ref);
  return [...heads.map((ref) => `${ref}:${to(ref)}`), 'refs/tags/*:refs/tags/*'];
}

/** A short name of the commit that stands for the record's pruned ones; undefined when none were. */
async function baseOf(git: GitProcess): Promise<string | undefined> {
  const format = `--format=%h %(trailers:key=${BASE_TRAILER},valueonly,separator=%x20)`;
  const log = ['log', '--max-parents=0', '--abbrev=12', format, '--end-of-options', RECORD, '--'] as const;
  return /^([0-9a-f]{12,}) [0-9a-f]{40}$/m.exec(await git.run(log))?.[1];
}

/** Pushes all branches, the record and tags, never by force. Does not throw for what a remote does. */
export async function pushAll(request: PushRequest): Promise<PushOutcome> {
  const address = readRemote(request.url);
  if (typeof address === 'string') return { outcome: 'failed', reason: `git.remote ${address}.` };
  const askpass = join(request.root, '.git', 'nox-askpass.sh');
  if (request.token !== undefined) await writeFileAtomic(askpass, ASKPASS, 0o700);
  const settings = [
    ...PINNED_CONFIG,
    `protocol.${address.protocol}.allow=always`,
    'http.followRedirects=false',
    'http.sslVerify=true',
    'push.gpgSign=false',
    'push.followTags=false',
    'push.recurseSubmodules=no',
    ...(address.protocol === 'ssh' ? ['core.sshCommand=ssh -oBatchMode=yes -oConnectTimeout=20'] : []),
  ].flatMap((setting) => ['-c', setting]);
  const kept = KEEP.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const env = {
    ...gitEnvironment(request.root),
    ...(address.protocol === 'ssh' ? Object.fromEntries(kept) : {}),
    ...(request.token === undefined
      ? {}
      : { GIT_ASKPASS: askpass, NOX_GIT_USERNAME: request.username, NOX_GIT_TOKEN: request.token }),
  };
  const specs = await refspecs(request.root);
  const args = [...settings, 'push', '--porcelain', '--no-verify', '--end-of-options', address.url, ...specs];
  const ended = await run(args, env, request);
  return outcomeOf(ended, request.token);
}

interface Ended {
  readonly code: number | null;
  readonly text: string;
  readonly cut: 'timeout' | 'aborted' | undefined;
  readonly timeout_ms: number;
}

function run(args: string[], env: Record<string, string | undefined>, request: PushRequest): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A group of its own: git's helpers and ssh end with it.
    const child = spawn('git', args, { cwd: request.root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let text = '';
    let cut: Ended['cut'];
    const keep = (chunk: Buffer): void => {
      if (text.length < 100_000) text += chunk.toString();
    };
    const end = (why: 'timeout' | 'aborted') => (): void => {
      cut ??= why;
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    };
    const timer = setTimeout(end('timeout'), request.timeout_ms);
    const abort = end('aborted');
    request.signal.addEventListener('abort', abort, { once: true });
    if (request.signal.aborted) abort();
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', abort);
      resolve({ code, text, cut, timeout_ms: request.timeout_ms });
    });
  });
}

/** Reads what git said. Exported for its spec. */
export function outcomeOf({ code, text, cut, timeout_ms }: Ended, token: string | undefined): PushOutcome {
  if (cut === 'aborted') return { outcome: 'aborted', reason: 'Nox is stopping.' };
  if (cut === 'timeout')
    return { outcome: 'failed', reason: `The remote did not answer within ${timeout_ms / 1000} s.` };
  if (code === 0) return { outcome: 'ok' };
  const rows = text.split('\n').map((line) => line.trim());
  const rejected = rows.filter((line) => line.startsWith('!') && line.includes('[rejected]'));
  if (rejected.length > 0) {
    const names = rejected.map((line) => /refs\/(?:heads|tags)\/([^:\s]+)/.exec(line)?.[1] ?? 'a branch').join(', ');
    return {
      outcome: 'diverged',
      reason: `The remote has commits of ${names} that are not here. Nothing is overwritten: look at the remote, or name an empty one.`,
    };
  }
  const said = rows.find((line) => /^(fatal|error|remote):/.test(line) && !/failed to push/.test(line));
  const refused = rows.find((line) => line.includes('[remote rejected]'));
  const words = clean(refused ?? said ?? rows.find((line) => line !== '') ?? 'git said nothing', token);
  if (/Authentication failed|could not read (Username|Password)|Permission denied|\b40[13]\b/i.test(text)) {
    return { outcome: 'failed', reason: `The remote refused the login; look at git.remote_token. ${words}` };
  }
  return { outcome: 'failed', reason: words };
}

const clean = (text: string, token: string | undefined): string =>
  redact(token === undefined || token === '' ? text : text.replaceAll(token, '[redacted]')).slice(0, 300);
