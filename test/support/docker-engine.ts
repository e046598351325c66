import Docker from 'dockerode';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { SYSCALLS, syscallElf } from './syscall-elf.js';
import { makeTempDir, type TempDir } from './temp-dir.js';
import { eventually, within } from './wait.js';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'mcp-image');

/** How each kind of server is started; `quick` starts no process for an answer. */
const COMMANDS = {
  stdio: ['/bin/sh', '/server.sh'],
  http: ['/bin/httpd', '-f', '-p', '8080', '-h', '/www'],
  quick: ['/bin/awk', '-f', '/quick.awk'],
};

/**
 * A real Docker Engine and a real image registry of the test's own: private socket, data and port. Both end with it, and
 * so does every container, network and packet-filter rule that it made.
 */
export class TestEngine implements AsyncDisposable {
  readonly docker: Docker;
  log = '';

  private constructor(
    private readonly dir: TempDir,
    private readonly processes: ChildProcess[],
    readonly host: string,
    readonly registry: string,
  ) {
    this.docker = new Docker({ socketPath: host.slice('unix://'.length) });
  }

  static async start(): Promise<TestEngine> {
    // A socket's path may have 107 characters at most.
    const dir = await makeTempDir('nxd-');
    const at = (name: string): string => join(dir.path, name);
    const port = await freePort();
    await writeFile(
      at('registry.yml'),
      `version: 0.1\nstorage: {filesystem: {rootdirectory: ${at('registry')}}, delete: {enabled: true}}\nhttp: {addr: 127.0.0.1:${port}}\n`,
    );
    const run = (program: string, args: string[]) => spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const host = `unix://${at('docker.sock')}`;
    const daemon = run('dockerd', [
      '-H',
      host,
      '--data-root',
      at('data'),
      '--exec-root',
      at('exec'),
      '--pidfile',
      at('docker.pid'),
    ]);
    const registry = run('docker-registry', ['serve', at('registry.yml')]);
    const engine = new TestEngine(dir, [registry, daemon], host, `127.0.0.1:${port}`);
    for (const child of engine.processes)
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => (engine.log = (engine.log + text).slice(-20_000)));
    try {
      await eventually('engine and registry', async () => {
        await engine.docker.ping();
        const { ok } = await fetch(`http://${engine.registry}/v2/`);
        if (!ok) throw new Error('the registry does not answer');
        return true;
      });
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw new Error(`the engine did not start:\n${engine.log}`, { cause: error });
    }
  }

  /**
   * Builds an image that serves MCP (a shell script in busybox), pushes it to the registry and takes it away from the engine.
   * Answers its name with tag.
   */
  async publish(name: string, kind: keyof typeof COMMANDS = 'stdio'): Promise<string> {
    await using stage = await makeTempDir('nox-image-');
    const root = (path: string): string => join(stage.path, path);
    for (const folder of ['bin', 'tmp', 'etc', 'www/cgi-bin', 'proc', 'sys', 'dev'])
      await mkdir(root(folder), { recursive: true });
    await cp(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), root('bin/busybox'), {
      dereference: true,
    });
    const { stdout } = { stdout: execFileSync(root('bin/busybox'), ['--list'], { encoding: 'utf8' }) };
    for (const applet of stdout.trim().split('\n'))
      if (applet !== 'busybox') await symlink('busybox', root(`bin/${applet}`));
    for (const [from, to] of [
      ['server.sh', 'server.sh'],
      ['answer.sh', 'answer.sh'],
      ['quick.awk', 'quick.awk'],
      ['http.sh', 'www/cgi-bin/mcp'],
    ] as const) {
      await writeFile(root(to), await readFile(join(FIXTURES, from)));
      await chmod(root(to), 0o755);
    }
    for (const [call, number] of Object.entries(SYSCALLS)) {
      // What the numbers mean to ptrace: attach to process 1. To unshare: a user namespace. Others are refused whatever they say.
      const args =
        call === 'ptrace' ? ([16, 1] as const) : call === 'unshare' ? ([0x1000_0000, 0] as const) : ([1, 0] as const);
      await writeFile(root(`bin/sys-${call}`), syscallElf(number, args), { mode: 0o755 });
    }
    const tar = join(dirname(stage.path), `${stage.path.split('/').at(-1) ?? 'image'}.tar`);
    execFileSync('tar', ['-C', stage.path, '-cf', tar, '.']);
    const reference = `${this.registry}/${name}:latest`;
    await this.follow(
      await this.docker.importImage(tar, {
        repo: `${this.registry}/${name}`,
        tag: 'latest',
        changes: [`CMD ${JSON.stringify(COMMANDS[kind])}`, 'ENV PATH=/bin'],
      } as object),
    );
    execFileSync('rm', ['-f', tar]);
    await this.follow(await this.docker.getImage(reference).push({ authconfig: { username: '', password: '' } }));
    await this.docker.getImage(reference).remove({ force: true });
    return reference;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const { Id: id } of await this.docker.listContainers({ all: true }))
        await this.docker.getContainer(id).remove({ force: true });
      for (const { Id: id, Name: name } of await this.docker.listNetworks())
        if (!['bridge', 'host', 'none'].includes(name)) await this.docker.getNetwork(id).remove();
    } catch {
      // The engine may be gone already; its processes are ended below in any case.
    }
    for (const child of this.processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      // An engine that hangs in its own end must not hang the suite.
      await within('a polite end', gone, 20_000).catch(async () => {
        child.kill('SIGKILL');
        await gone;
      });
    }
    await this.dir[Symbol.asyncDispose]();
  }

  private async follow(stream: unknown): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.docker.modem.followProgress(
        stream as NodeJS.ReadableStream,
        (error: Error | null, lines: { error?: string }[]) => {
          const refused = lines?.find((line) => line.error !== undefined)?.error;
          if (error !== null) reject(error);
          else if (refused !== undefined) reject(new Error(refused));
          else resolve();
        },
      );
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
