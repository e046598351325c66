import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyNoxEvent } from '../../src/contracts/event.js';
import type { RouteCall, RouteName, RouteReply } from '../../src/contracts/routes.js';
import { type EventsOptions, NoxClient } from '../../src/client/http-client.js';
import { NO_TRAFFIC } from './claude-env.js';
import { makeTempDir, type TempDir } from './temp-dir.js';
import { eventually, within } from './wait.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const NODE = join(ROOT, 'node_modules', '.bin', 'node');
export const BUNDLE = join(ROOT, 'dist', 'nox.mjs');
export const ADMIN_PASSWORD = 'a password for tests only';

/** The Claude CLI is proven once for all servers of a test run. */
export const GATE_PROOFS = join(tmpdir(), `nox-gate-proofs-${process.getuid?.() ?? 0}`);

export interface NoxServerOptions {
  /** Added to the server's environment, over the defaults. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * In an empty folder. Otherwise it finds what a first start and a clean end have left: the password's hash, and that
   * the CLI has no login, cost more than all else of a start.
   */
  readonly very_first?: boolean;
}

/**
 * The built Nox as a process of its own, in a temporary folder, with `admin` logged in. It shares nothing with the
 * machine but PATH: HOME, Claude's configuration, registry and database are all in the folder.
 */
export class NoxServer implements AsyncDisposable {
  /** Everything that it wrote, over all restarts. */
  log = '';
  private child: ChildProcess | undefined;
  private token: string | undefined;
  readonly client: NoxClient;

  private constructor(
    readonly dir: TempDir,
    readonly port: number,
    private readonly options: NoxServerOptions,
  ) {
    // One try each: a test wants to see the failure, not the recovery.
    this.client = new NoxClient({
      base_url: this.url,
      getToken: () => this.token,
      refresh: () => this.login(),
      retries: 0,
    });
  }

  /** Starts it and waits until it serves. Rejects with its log when it ends first. */
  static async start(options: NoxServerOptions = {}): Promise<NoxServer> {
    if (!existsSync(BUNDLE)) throw new Error(`${BUNDLE} is not there: run "npm run build" first`);
    const server = new NoxServer(await makeTempDir('nox-server-'), await freePort(), options);
    try {
      await Promise.all([mkdir(server.workspace), mkdir(join(server.dir.path, 'home'))]);
      const { NOX_HOME, NOX_REGISTRY_PATH } = options.env ?? {};
      if (options.very_first !== true && NOX_HOME === undefined && NOX_REGISTRY_PATH === undefined) {
        await fillFrom(await begunFolder(), server.dir.path);
      }
      await server.boot();
      await server.login();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  /** Its `.nox` folder. */
  get home(): string {
    return join(this.dir.path, '.nox');
  }
  get registry(): string {
    return join(this.dir.path, '.nox-registry');
  }
  /** The folder in which it was started; agents work in it or below. */
  get workspace(): string {
    return join(this.dir.path, 'workspace');
  }
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('Nox is not running');
    return this.child.pid;
  }
  get access_token(): string {
    return this.token ?? '';
  }

  /** Calls one row of the route table as `admin`. */
  call<N extends RouteName>(name: N, call: RouteCall<N> = {}): Promise<RouteReply<N>> {
    return this.client.call(name, call);
  }

  events(options: EventsOptions = {}): AsyncGenerator<AnyNoxEvent, void, undefined> {
    return this.client.events(options);
  }

  /** Sends the signal and waits for the end. Does nothing when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await within(`end of Nox after ${signal}`, ended);
  }

  /** Ends it (by default politely) and starts it again in the same folder. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.boot();
  }

  /** Sets its clock forward, now and for its later lives. */
  async advance(by_ms: number): Promise<void> {
    this.ahead_ms += by_ms;
    await writeFile(this.clockFile, String(this.ahead_ms));
    this.child?.kill('SIGUSR2');
  }
  private ahead_ms = 0;
  private get clockFile(): string {
    return join(this.dir.path, 'clock');
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    try {
      await this.kill('SIGTERM');
    } catch (error) {
      await this.kill('SIGKILL');
      throw error;
    } finally {
      await this.dir.remove();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Starts the process alone; `start` and `restart` do. Resolves at the first answer of /health. */
  async boot(): Promise<void> {
    const child = spawn(join(ROOT, 'bin', 'nox'), ['serve'], {
      cwd: this.workspace,
      env: {
        ...NO_TRAFFIC,
        // As npm scripts have it: the project's own Node and Claude CLI come first.
        PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
        HOME: join(this.dir.path, 'home'),
        CLAUDE_CONFIG_DIR: join(this.dir.path, 'claude'),
        FAKE_AGENT_HOME: join(this.dir.path, 'fake-agent'),
        NOX_HOME: this.home,
        NOX_REGISTRY_PATH: this.registry,
        NOX_HOST: '127.0.0.1',
        NOX_PORT: String(this.port),
        NOX_ADMIN_PASSWORD: ADMIN_PASSWORD,
        NOX_GATE_PROOFS: GATE_PROOFS,
        NOX_TEST_CLOCK: this.clockFile,
        ...this.options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    // A test run that ends in the middle must not leave a server behind.
    const killNow = (): boolean => child.kill('SIGKILL');
    process.once('exit', killNow);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    }
    const ended = once(child, 'exit').then(([code, signal]: unknown[]) => {
      process.off('exit', killNow);
      if (this.child === child) this.child = undefined;
      return `ended with ${String(code ?? signal)}`;
    });
    const ready = eventually(
      'first /health of Nox',
      async () => this.child !== child || (await fetch(`${this.url}/health`)).ok,
    );
    const failure = await Promise.race([
      ready.then(
        () => (this.child === child ? undefined : ended),
        (error: Error) => error.message,
      ),
      ended,
    ]);
    if (failure !== undefined) throw new Error(`Nox did not start: ${failure}\n${this.log}`);
  }

  private async login(): Promise<string> {
    const body = { username: 'admin', password: ADMIN_PASSWORD };
    const anonymous = new NoxClient({ base_url: this.url });
    this.token = (await anonymous.call('auth_login', { body })).access_token;
    return this.token;
  }
}

const STATE = ['.nox', '.nox-registry'];

const fillFrom = async (from: string, to: string): Promise<void> => {
  await Promise.all(STATE.map((name) => cp(join(from, name), join(to, name), { recursive: true })));
};

/** What one very first start of this build leaves, made once for all servers of all test processes. */
async function begunFolder(): Promise<string> {
  const build = readFileSync(join(ROOT, 'dist', '.server.sha256'), 'utf8').slice(0, 16);
  const folder = join(tmpdir(), `nox-begun-${process.getuid?.() ?? 0}-${build}`);
  if (existsSync(folder)) return folder;
  const nox = await NoxServer.start({ very_first: true });
  try {
    await eventually('the CLI has said that it has no login', async () => (await nox.call('system_status')).model.demo);
    await nox.kill('SIGTERM');
    const aside = await mkdtemp(`${folder}-`);
    await fillFrom(nox.dir.path, aside);
    // Another process may have been as far; its folder is as good.
    await rename(aside, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      await rm(aside, { recursive: true });
    });
  } finally {
    await nox.close();
  }
  return folder;
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
