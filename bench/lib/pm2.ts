import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir, type TempDir } from '../../test/support/temp-dir.js';
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

/** A PM2 daemon with a home of its own. `close` ends it and all that it runs. */
export class Pm2 implements AsyncDisposable {
  private constructor(
    private readonly api: Pm2Api,
    private readonly home: TempDir,
  ) {}

  static async start(): Promise<Pm2> {
    const manifest = join(PREFIX, 'node_modules', 'pm2', 'package.json');
    if (!existsSync(manifest) || !readFileSync(manifest, 'utf8').includes(`"version": "${VERSION}"`)) {
      const options = '--no-save --no-audit --no-fund --ignore-scripts'.split(' ');
      await promisify(execFile)('npm', ['install', ...options, '--prefix', PREFIX, `pm2@${VERSION}`]);
    }
    const home = await makeTempDir('nox-bench-pm2-');
    process.env['PM2_HOME'] ??= join(PREFIX, 'home'); // else its mere import makes one in the person's own
    const { custom } = createRequire(manifest)('pm2') as { custom: new (options: object) => Pm2Api };
    const api = new custom({ pm2_home: home.path });
    const pm2 = new Pm2(api, home);
    await promisify(api.connect.bind(api))();
    return pm2;
  }

  get daemon_pid(): number {
    return Number(readFileSync(join(this.home.path, 'pm2.pid'), 'utf8'));
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
    await this.home.remove();
  }
}
