import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { makeTempDir, type TempDir } from './temp-dir.js';
import { eventually } from './wait.js';

/** A real redis-server on a port and in a folder of its own, with an append-only file unless told otherwise. */
export class RedisServer implements AsyncDisposable {
  private child: ChildProcess | undefined;

  private constructor(
    readonly dir: TempDir,
    readonly port: number,
    private readonly args: readonly string[],
  ) {}

  static async start(
    args: readonly string[] = ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  ): Promise<RedisServer> {
    const server = new RedisServer(await makeTempDir('nox-redis-'), await freePort(), args);
    await server.boot();
    return server;
  }

  /** One that is not there yet; `boot` starts it. */
  static async absent(): Promise<RedisServer> {
    return new RedisServer(await makeTempDir('nox-redis-'), await freePort(), ['--appendonly', 'yes']);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async boot(): Promise<void> {
    const args = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.dir.path,
      '--save',
      '',
      ...this.args,
    ];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    this.child = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    failed.catch(() => undefined);
    await Promise.race([eventually('redis-server serves', () => this.answers()), failed]);
  }

  /** As a crash ends it. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Stops it without ending it, until `resume`. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.dir.remove();
  }

  private async answers(): Promise<boolean> {
    const redis = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return (await redis.ping()) === 'PONG';
    } finally {
      redis.disconnect();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
