import { mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Role, type TokenReply } from '../contracts/auth.js';
import { writeFileAtomic } from '../shared/atomic-file.js';
import { errnoOf } from '../shared/nox-error.js';
import { CliError } from './cli-error.js';

const Login = z.object({
  username: z.string(),
  role: Role,
  access_token: z.string(),
  refresh_token: z.string(),
  expires_at: z.iso.datetime(),
});
/** A login at one server. */
export type Login = z.infer<typeof Login>;

const File = z.object({ schema_version: z.literal(1), servers: z.record(z.string(), Login) });
type File = z.infer<typeof File>;

const LOCK_STALE_MS = 20_000;
const LOCK_WAIT_MS = 15_000;

/** Where logins are kept: `$XDG_CONFIG_HOME/nox/credentials.json`. */
export function credentialsPath(env: Readonly<Record<string, string | undefined>>, home: string): string {
  // A relative XDG_CONFIG_HOME is not valid and must be passed over.
  const given = env['XDG_CONFIG_HOME'];
  return join(given?.startsWith('/') === true ? given : join(home, '.config'), 'nox', 'credentials.json');
}

/**
 * Logins by server address, in a file that only its owner can read (0600 in a folder of 0700). Changes are whole or not
 * at all, and commands that run at the same time take turns: a refresh token works only once.
 */
export class CredentialStore {
  constructor(readonly path: string) {}

  /** The login at a server; undefined when there is none. */
  async get(url: string): Promise<Login | undefined> {
    const { servers } = await this.read();
    return Object.hasOwn(servers, url) ? servers[url] : undefined;
  }

  /** Stores a login, or forgets it. */
  async set(url: string, login: Login | undefined): Promise<void> {
    await this.locked(async () => {
      const { [url]: _, ...others } = (await this.read()).servers;
      await this.write({ schema_version: 1, servers: login === undefined ? others : { ...others, [url]: login } });
    });
  }

  /**
   * A login that is newer than `stale`: another command's, if it was quicker, else what `exchange` makes of the refresh
   * token. When `exchange` answers undefined the login has ended and is forgotten.
   */
  async renew(
    url: string,
    stale: string,
    exchange: (refresh_token: string) => Promise<Login | undefined>,
  ): Promise<Login | undefined> {
    return this.locked(async () => {
      const { servers } = await this.read();
      const { [url]: login, ...others } = servers;
      if (login === undefined || login.access_token !== stale) return login;
      const fresh = await exchange(login.refresh_token);
      await this.write({ schema_version: 1, servers: fresh === undefined ? others : { ...others, [url]: fresh } });
      return fresh;
    });
  }

  private async read(): Promise<File> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { schema_version: 1, servers: {} };
      throw new CliError('STORAGE_FAILED', `${this.path} cannot be read.`, undefined, { cause: error });
    }
    try {
      return File.parse(JSON.parse(text));
    } catch (error) {
      const message = `${this.path} is damaged: remove it and log in again.`;
      throw new CliError('STORAGE_FAILED', message, undefined, { cause: error });
    }
  }

  private write(file: File): Promise<void> {
    return writeFileAtomic(this.path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
  }

  private async locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.path}.lock`;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await takeLock(lock);
    try {
      return await work();
    } finally {
      await unlink(lock);
    }
  }
}

/** Makes the lock file. One that its owner left behind when it was killed is taken over. */
async function takeLock(path: string): Promise<void> {
  const give_up = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close();
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    const age_ms = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, ignoreMissing);
    if (age_ms !== undefined && age_ms > LOCK_STALE_MS) await unlink(path).catch(ignoreMissing);
    else if (Date.now() > give_up) throw new CliError('STORAGE_FAILED', `Another command holds ${path}.`);
    else await sleep(20);
  }
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
  return undefined;
}

/** What is kept of the server's answer to a login. */
export function loginOf(reply: TokenReply, now_ms: number): Login {
  const { access_token, refresh_token, expires_in, user } = reply;
  return { ...user, access_token, refresh_token, expires_at: new Date(now_ms + expires_in * 1000).toISOString() };
}
