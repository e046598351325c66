import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { ConnectProxy, egressAllowed, isPrivate } from './egress-proxy.js';

describe(egressAllowed.name, () => {
  const hosts = ['api.example.org', '*.cdn.example.org', 'registry.example.org:8443'];

  it.each([
    'api.example.org:443',
    'API.Example.ORG:443',
    'api.example.org',
    'a.cdn.example.org:443',
    'a.b.cdn.example.org:443',
    'registry.example.org:8443',
  ])('lets %s through', (authority) => {
    expect(egressAllowed(authority, hosts)).toBe(true);
  });

  it.each([
    'example.org:443',
    'xapi.example.org:443',
    'api.example.org.evil.net:443',
    'evil.net/api.example.org:443',
    'api.example.org:22',
    'api.example.org:80',
    'registry.example.org:443',
    'cdn.example.org:443',
    'evilcdn.example.org:443',
    'api.example.org@evil.net:443',
    '127.0.0.1:443',
    '[::1]:443',
    '0x7f000001:443',
    '2130706433:443',
    '',
    ':443',
    '*.cdn.example.org.:443',
  ])('refuses %s', (authority) => {
    expect(egressAllowed(authority, hosts)).toBe(false);
  });

  it('lets nothing through when nothing is named', () => {
    expect(egressAllowed('api.example.org:443', [])).toBe(false);
  });
});

describe(isPrivate.name, () => {
  it.each([
    '10.1.2.3',
    '127.0.0.1',
    '169.254.169.254',
    '172.17.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '64:ff9b::a00:1',
  ])('knows that %s is of this machine or its networks', (address) => {
    expect(isPrivate(address)).toBe(true);
  });

  it.each(['93.184.216.34', '172.32.0.1', '2606:2800:220:1::1'])('knows that %s is not', (address) => {
    expect(isPrivate(address)).toBe(false);
  });
});

describe(ConnectProxy.name, () => {
  const GATEWAY = '127.0.0.1';
  let server: Server;
  let refused: string[];
  let names: Record<string, string[]>;
  let forbidden: (address: string) => boolean;
  let proxy: ConnectProxy;
  let port: number;
  const open = new Set<ReturnType<typeof connect>>();

  beforeEach(async () => {
    server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    refused = [];
    names = {};
    forbidden = isPrivate;
    proxy = new ConnectProxy(
      (authority) => refused.push(authority),
      (host) => (names[host] === undefined ? Promise.reject(new Error('no such name')) : Promise.resolve(names[host])),
      (address) => forbidden(address),
    );
    const target = (server.address() as AddressInfo).port;
    ({ port } = await proxy.open(GATEWAY, [`echo.example.org:${target}`, `trick.example.org:${target}`]));
  });
  afterEach(() => {
    proxy.close(GATEWAY);
    for (const socket of open) socket.destroy();
    open.clear();
    server.close();
  });

  const target = () => (server.address() as AddressInfo).port;
  /** The first words of the proxy, and the connection to go on with. */
  async function ask(text: string): Promise<{ answer: string; socket: ReturnType<typeof connect> }> {
    const socket = connect(port, GATEWAY);
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write(text);
    const [data] = (await once(socket, 'data')) as [Buffer];
    return { answer: data.toString().split('\r\n')[0] ?? '', socket };
  }
  const connectTo = (authority: string) => ask(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);

  it('carries bytes to a host that is named', async () => {
    names['echo.example.org'] = ['127.0.0.1'];
    forbidden = () => false;
    const { answer, socket } = await connectTo(`echo.example.org:${target()}`);
    expect(answer).toBe('HTTP/1.1 200 Connection Established');
    socket.write('hello');
    const [echo] = (await once(socket, 'data')) as [Buffer];
    expect(echo.toString()).toBe('hello');
    socket.destroy();
    expect(refused).toEqual([]);
  });

  it('refuses every other host, and tells which was asked for', async () => {
    for (const authority of [`evil.net:${target()}`, `127.0.0.1:${target()}`, 'echo.example.org:443']) {
      expect((await connectTo(authority)).answer).toBe('HTTP/1.1 403 Forbidden');
      expect(refused.pop()).toBe(authority);
    }
  });

  it('refuses a name that leads to this machine, also beside an honest address', async () => {
    names['trick.example.org'] = ['93.184.216.34', '127.0.0.1'];
    expect((await connectTo(`trick.example.org:${target()}`)).answer).toBe('HTTP/1.1 403 Forbidden');
    names['trick.example.org'] = ['169.254.169.254'];
    expect((await connectTo(`trick.example.org:${target()}`)).answer).toBe('HTTP/1.1 403 Forbidden');
    names['trick.example.org'] = [];
    expect((await connectTo(`trick.example.org:${target()}`)).answer).toBe('HTTP/1.1 403 Forbidden');
  });

  it('is a way for encrypted connections only: it fetches nothing itself', async () => {
    const { answer } = await ask(`GET http://echo.example.org:${target()}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toBe('HTTP/1.1 405 Method Not Allowed');
  });

  it('takes a changed list at once, and ends all connections when it is closed', async () => {
    names['echo.example.org'] = ['127.0.0.1'];
    forbidden = () => false;
    const { socket } = await connectTo(`echo.example.org:${target()}`);
    await proxy.open(GATEWAY, []);
    expect((await connectTo(`echo.example.org:${target()}`)).answer).toBe('HTTP/1.1 403 Forbidden');
    const ended = once(socket, 'close');
    proxy.close(GATEWAY);
    await ended;
  });
});
