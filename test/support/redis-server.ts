import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { makeTempDir, type TempDir } from './temp-dir.js';
import { eventually } from './wait.js';

/** It listens once in 1024 commands while it loads, so each may take only so long. */
const LOAD_DELAY_US = 100;
const MANY = 200_000;

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
    const failed = this.spawn();
    await Promise.race([eventually('redis-server serves', () => this.answers()), failed]);
  }

  /** Starts it again with so much to read that it says LOADING, until `loaded`. */
  async bootLoading(): Promise<void> {
    await this.ask(async (redis) => {
      const pipeline = redis.pipeline();
      for (let n = 0; n < MANY; n += 1) pipeline.set(`pad:${n}`, 'x');
      await pipeline.exec();
      return '';
    }, /^/);
    await this.kill();
    const failed = this.spawn(['--key-load-delay', String(LOAD_DELAY_US)]);
    const loads = eventually('redis-server loads', () => this.ask((redis) => redis.info('persistence'), /^loading:1/m));
    await Promise.race([loads, failed]);
  }

  /** Lets it come to the end of what it has to read. */
  async loaded(): Promise<void> {
    await this.ask(async (redis) => String(await redis.config('SET', 'key-load-delay', '0')), /OK/);
    await eventually('redis-server serves', () => this.answers());
  }

  private spawn(more: readonly string[] = []): Promise<never> {
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
      ...more,
    ];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    this.child = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    failed.catch(() => undefined);
    return failed;
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

  private answers(): Promise<boolean> {
    return this.ask((redis) => redis.ping(), /^PONG$/);
  }

  /** Whether it answers so, on a connection of its own. */
  private async ask(question: (redis: Redis) => Promise<string>, answer: RegExp): Promise<boolean> {
    const redis = new Redis(this.port, '127.0.0.1', {
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return answer.test(await question(redis));
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
