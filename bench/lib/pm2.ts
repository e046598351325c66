import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BENCH_DIR } from './peers.js';

/** PM2 is AGPL: it is installed for the bench when it is run, and is never a dependency. */
const VERSION = '7.0.4';
const PREFIX = join(BENCH_DIR, 'pm2');

export interface Pm2Process {
  readonly pid?: number;
  readonly pm2_env?: { readonly status?: string };
}
type Callback<T> = (error: Error | null, result: T) => void;
interface Pm2Api {
  connect(callback: Callback<unknown>): void;
  disconnect(): void;
  start(options: object, callback: Callback<unknown>): void;
  describe(name: string, callback: Callback<Pm2Process[]>): void;
  delete(name: string, callback: Callback<unknown>): void;
  killDaemon(callback: Callback<unknown>): void;
}

/** Read by PM2 when it is loaded, once: so all daemons of a bench have the same, one after the other. */
const HOME = join(tmpdir(), `nox-bench-pm2-${process.pid}`);

/** A PM2 daemon in a temporary home. Leaving its scope ends it and all that it runs. */
export class Pm2 implements AsyncDisposable {
  private constructor(private readonly api: Pm2Api) {}

  static async start(): Promise<Pm2> {
    const manifest = join(PREFIX, 'node_modules', 'pm2', 'package.json');
    if (!existsSync(manifest) || !readFileSync(manifest, 'utf8').includes(`"version": "${VERSION}"`)) {
      const options = '--no-save --no-audit --no-fund --ignore-scripts'.split(' ');
      await promisify(execFile)('npm', ['install', ...options, '--prefix', PREFIX, `pm2@${VERSION}`]);
    }
    process.env['PM2_HOME'] = HOME;
    process.once('exit', () => rmSync(HOME, { recursive: true, force: true }));
    const api = createRequire(manifest)('pm2') as Pm2Api;
    const pm2 = new Pm2(api);
    await promisify(api.connect.bind(api))();
    return pm2;
  }

  get daemon_pid(): number {
    return Number(readFileSync(join(HOME, 'pm2.pid'), 'utf8'));
  }

  /** Runs a program and keeps it running, as fast as PM2 can. */
  async run(name: string, script: string, args: readonly string[]): Promise<void> {
    await promisify(this.api.start.bind(this.api))({
      name,
      script,
      args: [...args],
      interpreter: 'none',
      autorestart: true,
      restart_delay: 0,
      min_uptime: 0,
      max_restarts: 1_000_000,
      out_file: '/dev/null',
      error_file: '/dev/null',
    });
  }

  /** Undefined while it does not run. */
  async pidOf(name: string): Promise<number | undefined> {
    const [found] = await promisify(this.api.describe.bind(this.api))(name);
    return found?.pm2_env?.status === 'online' && found.pid !== 0 ? found.pid : undefined;
  }

  async remove(name: string): Promise<void> {
    await promisify(this.api.delete.bind(this.api))(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await promisify(this.api.killDaemon.bind(this.api))();
    this.api.disconnect();
  }
}
