import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { TestEngine } from '../support/docker-engine.js';
import { NoxServer } from '../support/nox-server.js';
import { SYSCALLS } from '../support/syscall-elf.js';
import { eventually } from '../support/wait.js';

/** From inside real containers: everything that a server nobody has read might try. Promise S6. */

let engine: TestEngine;
let nox: NoxServer;
/** A service of the host that listens on every address: what an attacker would find. */
let bait: Server;
let bait_port: number;

const install = (name: string, image: string, more: object = {}) =>
  nox.call('services_install', { body: { image, service_name: name, auto_approve: true, ...more } });

const running = (name: string) =>
  eventually(`${name} runs`, async () => {
    const service = await nox.call('services_get', { params: { name } });
    if (service.status !== 'running') throw new Error(`${service.status}: ${service.reason ?? ''}`);
    return service;
  });

/** What a shell inside the container says to a command. */
async function inside(name: string, command: string): Promise<string> {
  const body = { tool: 'run', input: { text: command } };
  const { content } = await nox.call('services_call', { params: { name }, body });
  return (content[0] as { text: string }).text;
}

const inspect = async (name: string) => {
  const [found] = await engine.docker.listContainers({ filters: { label: [`nox.service=${name}`] } });
  return engine.docker.getContainer(found?.Id ?? '').inspect();
};

/** Whether the host itself gets a connection: without it, a container that gets none would prove nothing. */
async function reachable(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 2000 });
  const reached = await Promise.race([
    once(socket, 'connect').then(
      () => true,
      () => false,
    ),
    once(socket, 'timeout').then(() => false),
  ]);
  socket.destroy();
  return reached;
}

beforeAll(async () => {
  bait = createServer((socket) => socket.on('error', () => socket.destroy()).end('not for you\n')).listen(0, '0.0.0.0');
  await once(bait, 'listening');
  bait_port = (bait.address() as AddressInfo).port;
  engine = await TestEngine.start();
  nox = await NoxServer.start({ env: { DOCKER_HOST: engine.host } });
  const [stdio, http] = [await engine.publish('closed'), await engine.publish('web', 'http')];
  const web = { transport: 'http', path: '/cgi-bin/mcp' };
  await install('closed', stdio, { limits: { memory_mb: 128, pids: 64, cpus: 0.5 } });
  await install('web', http, { ...web, network: 'internal' });
  await install('other', http, { ...web, network: 'internal' });
  await install('out', stdio, { network: 'egress', egress_hosts: ['api.example.org'] });
  for (const name of ['closed', 'web', 'other', 'out']) await running(name);
}, 180_000);

afterAll(async () => {
  // Their networks and rules are the machine's: whoever made them takes them away.
  for (const name of ['web', 'other', 'out'])
    await nox?.call('services_remove', { params: { name } }).catch((error: unknown) => console.error(name, error));
  await nox?.close();
  await engine?.[Symbol.asyncDispose]();
  bait?.close();
});

const REFUSED = /ermission denied|not permitted|Read-only|No such|can't|invalid|nsenter: /;

describe('a service without a network', () => {
  it.each([
    ['write to its root', 'touch /x', /Read-only file system/],
    ['write to the kernel', 'echo x > /proc/sys/kernel/hostname', /Read-only|ermission denied/],
    ['raise its own limits', 'echo 9999 > /sys/fs/cgroup/pids.max; echo 9999 > /sys/fs/cgroup/pids/pids.max', REFUSED],
    ['run what it has written', 'cp /bin/busybox /tmp/x && chmod 755 /tmp/x && /tmp/x id', /x: Permission denied/],
    ['mount', 'mount -t tmpfs none /tmp', /ermission denied|not permitted/],
    ['mount the disk of the host', 'ls /dev/sda /dev/vda /dev/mem /dev/kmsg', /No such file/],
    ['make a device', 'mknod /tmp/d b 8 0', /ermission denied|not permitted/],
    ['change its root', 'chroot /tmp /bin/sh', /ermission denied|not permitted/],
    ['enter another namespace', 'nsenter -t 1 -m /bin/sh', /ermission denied|not permitted/],
    ['make a namespace', 'unshare -U -r id', /ermission denied|not permitted/],
    ['load a module', 'insmod /x.ko', REFUSED],
    ['make a raw socket', 'ping -c 1 127.0.0.1', /ermission denied|not permitted/],
    ['gain a capability', 'grep CapEff /proc/self/status', /CapEff:0000000000000000/],
    ['hold one in reserve', 'grep CapBnd /proc/self/status', /CapBnd:0000000000000000/],
    ['gain privileges by a program', 'grep NoNewPrivs /proc/self/status', /NoNewPrivs:1/],
    ['be without a filter of its system calls', 'grep Seccomp: /proc/self/status', /Seccomp:2/],
    ['be root', 'id -u', /65534/],
    [
      'see processes of the host',
      'kill -9 2147; ls /proc | grep -c ^[0-9]*$',
      /^[^;]*; ?;?.*\b\d{1,2}\b|No such process/,
    ],
    ['find the socket of the engine', 'ls /var/run/docker.sock /run/docker.sock', /No such file/],
    ['see a network', 'wget -q -O - http://169.254.169.254/', /unreachable|bad address/i],
    ['have more than loopback', 'ls /sys/class/net', /^lo;? ?(exit 0)?/],
  ])('cannot %s', async (_, command, answer) => {
    expect(await inside('closed', command)).toMatch(answer);
  });

  it.each(Object.keys(SYSCALLS))('cannot call %s', async (name) => {
    // Errno 1: not permitted. Debuggers, keyrings, eBPF: none of a server's business.
    expect(await inside('closed', `sys-${name}`)).toContain('exit 1');
  });

  it('cannot take more memory than it has', async () => {
    const answer = await inside('closed', 'dd if=/dev/zero of=/dev/null bs=2000M count=1');
    expect(answer).toMatch(/exit 137|Killed|exhausted|exit 1\b/);
    expect((await inspect('closed')).HostConfig).toMatchObject({
      Memory: 128 * 1_048_576,
      MemorySwap: 128 * 1_048_576,
    });
    expect(await inside('closed', 'dd if=/dev/zero of=/tmp/big bs=1M count=2000; rm -f /tmp/big')).toMatch(
      /No space|Killed|137/,
    );
  });

  it('has every flag of the specification, and no other', async () => {
    const { HostConfig: host, Config: config, Mounts: mounts } = await inspect('closed');
    expect(config.User).toBe('65534:65534');
    expect(config.Image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(mounts).toEqual([]);
    expect(host).toMatchObject({
      AutoRemove: false,
      CapAdd: null,
      CapDrop: ['ALL'],
      CgroupParent: '',
      Devices: null,
      Dns: ['127.0.0.1'],
      Binds: [],
      GroupAdd: null,
      Init: true,
      IpcMode: 'private',
      Links: null,
      Memory: 128 * 1_048_576,
      MemorySwap: 128 * 1_048_576,
      NanoCpus: 500_000_000,
      NetworkMode: 'none',
      OomKillDisable: false,
      PidMode: '',
      PidsLimit: 64,
      PortBindings: null,
      Privileged: false,
      PublishAllPorts: false,
      ReadonlyRootfs: true,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=65534,gid=65534' },
      UsernsMode: '',
      VolumesFrom: null,
    });
    expect(host.SecurityOpt?.[0]).toBe('no-new-privileges');
    expect(host.SecurityOpt?.[1]).toMatch(/^seccomp=\{"defaultAction":"SCMP_ACT_ERRNO"/);
    expect(host.SecurityOpt).toHaveLength(2);
  });

  it('is never made from an image without a digest', async () => {
    const image = `${engine.registry}/closed:latest`;
    await expect(nox.call('services_update', { params: { name: 'closed' }, body: { image } })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      message: expect.stringContaining('digest'),
    });
  });

  it('cannot fork without end, and the machine does not feel it', async () => {
    const forks = 'i=0; while [ $i -lt 10000 ]; do sleep 1 >/dev/null 2>&1 & i=$((i+1)); done; echo made $i';
    // The shell of the server itself has no process left to answer with.
    expect(await inside('closed', forks)).not.toContain('made 10000');
    const stats = await nox.call('services_stats', { params: { name: 'closed' } });
    expect(stats.pids).toBeLessThanOrEqual(64);
    await eventually('it answers again', () => inside('closed', 'echo fine'));
  });
});

describe('a service with a network of its own', () => {
  const gateway = async (name: string) => {
    const { Networks: networks } = (await inspect(name)).NetworkSettings;
    return Object.values(networks)[0]?.Gateway ?? '';
  };
  /** Which of these a container gets a connection to; all are tried at once. */
  const reached = async (name: string, targets: readonly (readonly [host: string, port: number])[]) => {
    const tries = targets.map(
      ([host, port]) => `(timeout 2 nc ${host} ${port} </dev/null && echo open ${host}:${port}) &`,
    );
    const answer = await inside(name, `${tries.join(' ')} wait; echo tried`);
    expect(answer).toContain('tried');
    return [...answer.matchAll(/open (\S+?:\d+)/g)].map(([, target]) => target);
  };

  it('does not reach the host: not by its gateway, not by any other address, not on any port', async () => {
    const outer = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const hosts = [
      await gateway('web'),
      ...outer.flatMap((each) => (each.family === 'IPv4' && !each.internal ? [each.address] : [])),
    ];
    for (const host of new Set(hosts)) expect([host, await reachable(host, bait_port)]).toEqual([host, true]);
    const targets = [...new Set(hosts)].flatMap((host) =>
      [bait_port, nox.port, 22, 2375].map((port) => [host, port] as const),
    );
    expect(await reached('web', targets)).toEqual([]);
  });

  it('does not reach the metadata service of a cloud, nor anything outside', async () => {
    expect(
      await reached('web', [
        ['169.254.169.254', 80],
        ['203.0.113.1', 80],
      ]),
    ).toEqual([]);
  });

  it('does not reach a service beside it', async () => {
    const { Networks: networks } = (await inspect('other')).NetworkSettings;
    const address = Object.values(networks)[0]?.IPAddress ?? '';
    expect(await reachable(address, 8080)).toBe(true);
    expect(await reached('web', [[address, 8080]])).toEqual([]);
  });

  it('with a way out reaches the proxy, and by it only what is named', async () => {
    const host = await gateway('out');
    const proxy = (await inside('out', 'echo $https_proxy')).split(';')[0]?.trim() ?? '';
    const { port } = new URL(proxy);
    const [ours, others] = [[host, Number(port)] as const, [bait_port, nox.port].map((p) => [host, p] as const)];
    expect(await reached('out', [ours, ...others])).toEqual([`${host}:${port}`]);
    expect(await reached('web', [ours])).toEqual([]);
    const asked = [`${host}:${bait_port}`, 'example.com:443', 'localhost:443', 'api.example.org:22'];
    const ask = (target: string) =>
      `( ( (echo CONNECT ${target} HTTP/1.1; echo Host: x; echo) | unix2dos; sleep 1) | timeout 3 nc ${host} ${port}) &`;
    const answers = await inside('out', `${asked.map(ask).join(' ')} wait`);
    expect(answers).not.toContain('200');
    expect(answers.match(/403 Forbidden/g) ?? answers).toHaveLength(asked.length);
    expect(await inside('out', `wget -q -O - http://example.com/`)).toMatch(/405|403/);
  });
});
