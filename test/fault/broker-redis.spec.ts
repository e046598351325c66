import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { NoxServer } from '../support/nox-server.js';
import { RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { eventually } from '../support/wait.js';

/** The built Nox with a real Redis that goes away in every way. */
describe('Nox with Redis', () => {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  });
  const start = async (redis: RedisServer): Promise<NoxServer> => {
    open.push(redis);
    const nox = await NoxServer.start({ env: { NOX_REDIS_URL: redis.url } });
    open.push(nox);
    return nox;
  };
  const send = (nox: NoxServer, content: string) =>
    nox.client.call('messages_send', { body: { to: 'worker', content } });
  /** Sent as soon as it is taken again. */
  const sent = (nox: NoxServer, content: string) =>
    eventually('the queue takes a message', async () => (await send(nox, content)).id);
  const isBack = (nox: NoxServer) =>
    eventually('the queue is back', async () => (await nox.client.call('messages_stats')).available);

  it.each([
    ['without an append-only file', ['--appendonly', 'no'], 'appendonly yes'],
    [
      'that may drop messages',
      ['--appendonly', 'yes', '--maxmemory-policy', 'allkeys-lru'],
      'maxmemory-policy noeviction',
    ],
  ])('does not start on one %s, and says the remedy', async (_, args, remedy) => {
    const redis = await RedisServer.start(args);
    await expect(start(redis)).rejects.toThrow(remedy);
  });

  it('answers publishers at once while it is dead, soon while it hangs, and loses nothing', async () => {
    const redis = await RedisServer.start();
    const nox = await start(redis);
    await nox.client.call('agents_create', { body: { id: 'worker', name: 'Worker', system_prompt: 'x' } });
    const kept = await send(nox, 'kept');
    await redis.kill();
    const refused = { code: 'BROKER_UNAVAILABLE', status: 503 };
    await expect(send(nox, 'dead')).rejects.toMatchObject(refused);
    const { components } = await nox.client.call('system_status');
    expect(components['broker']).toMatchObject({ status: 'failed', detail: expect.stringContaining(redis.url) });
    expect((await nox.client.call('health')).queue).toEqual({ adapter: 'redis', available: false });
    await redis.boot();
    await isBack(nox);
    redis.pause();
    const began = performance.now();
    await expect(send(nox, 'hangs')).rejects.toMatchObject(refused);
    expect(performance.now() - began).toBeLessThan(5000);
    redis.resume();
    await isBack(nox);
    const after = await send(nox, 'after');
    const { messages } = await nox.client.call('messages_list', { query: { status: 'queued' } });
    const ids = messages.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([kept.id, after.id]));
    expect(messages.some(({ content }) => content === 'dead')).toBe(false);
  });

  it('refuses clearly while it is out of memory or a replica, goes on after a reset, and loses nothing', async () => {
    const redis = await RedisServer.start();
    const nox = await start(redis);
    await nox.client.call('agents_create', { body: { id: 'worker', name: 'Worker', system_prompt: 'x' } });
    const admin = new Redis(redis.url);
    open.push({ [Symbol.asyncDispose]: async () => admin.disconnect() });
    const kept = [(await send(nox, 'kept')).id];
    const refused = { code: 'BROKER_UNAVAILABLE', status: 503 };
    await admin.config('SET', 'maxmemory', '1');
    await expect(send(nox, 'no memory')).rejects.toMatchObject(refused);
    await admin.config('SET', 'maxmemory', '0');
    kept.push(await sent(nox, 'memory again'));
    await admin.replicaof('127.0.0.1', '1');
    await expect(send(nox, 'a replica')).rejects.toMatchObject(refused);
    await admin.replicaof('NO', 'ONE');
    kept.push(await sent(nox, 'primary again'));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    kept.push(await sent(nox, 'after a reset'));
    const { messages } = await nox.client.call('messages_list', { query: { status: 'queued' } });
    const contents = messages.map(({ content }) => content);
    expect(messages.map(({ id }) => id)).toEqual(expect.arrayContaining(kept));
    expect(contents).not.toContain('no memory');
    expect(contents).not.toContain('a replica');
  });

  describe('over a network that misbehaves', () => {
    const behind = async () => {
      const redis = await RedisServer.start();
      open.push(redis);
      const proxy = await TcpProxy.start(redis.port);
      open.push(proxy);
      const env = { NOX_REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
      const nox = await NoxServer.start({ env });
      open.push(nox);
      await nox.client.call('agents_create', { body: { id: 'worker', name: 'Worker', system_prompt: 'x' } });
      return { redis, proxy, nox };
    };
    const refused = { code: 'BROKER_UNAVAILABLE', status: 503 };
    const keyed = (nox: NoxServer, key: string) =>
      nox.client.call('messages_send', { body: { to: 'worker', content: key, idempotency_key: key } });
    /** What waits, by its content: each once, or it would be handed over twice. */
    const waiting = async (nox: NoxServer) => {
      const { messages } = await nox.client.call('messages_list', { query: { status: 'queued', limit: 500 } });
      return messages.map(({ content }) => content).sort();
    };

    it('takes messages over a slow one, refuses them over one that is too slow, and goes on when it is quick again', async () => {
      const { proxy, nox } = await behind();
      proxy.latency_ms = 200;
      await keyed(nox, 'slow');
      proxy.latency_ms = 3000;
      await expect(keyed(nox, 'too slow')).rejects.toMatchObject(refused);
      const { components } = await nox.client.call('system_status');
      expect(components['broker']).toMatchObject({ status: 'failed' });
      proxy.latency_ms = 0;
      await isBack(nox);
      // Whether the first try arrived nobody can know; under its key it is one message.
      await keyed(nox, 'too slow');
      await keyed(nox, 'quick');
      expect(await waiting(nox)).toEqual(['quick', 'slow', 'too slow']);
    });

    it('refuses clearly while the connection is half open, and goes on by itself', async () => {
      const { proxy, nox } = await behind();
      await keyed(nox, 'before');
      proxy.half_open = true;
      await expect(keyed(nox, 'between')).rejects.toMatchObject(refused);
      // The next one is not kept waiting at all: it is known by now.
      await expect(send(nox, 'known')).rejects.toMatchObject(refused);
      proxy.half_open = false;
      await isBack(nox);
      await keyed(nox, 'between');
      expect(await waiting(nox)).toEqual(['before', 'between']);
    });

    it('loses none and doubles none when connections end in the middle of messages, and answers do not arrive', async () => {
      const { proxy, nox } = await behind();
      proxy.latency_ms = 5;
      const keys = Array.from({ length: 40 }, (_, n) => `message ${String(n).padStart(2, '0')}`);
      const ids = new Set<string>();
      for (const [n, key] of keys.entries()) {
        proxy.lose_answer = n % 5 === 0;
        if (n % 7 === 0) proxy.cut();
        // A publisher that was refused says it again under its key, until it is taken.
        ids.add((await eventually(`"${key}" is taken`, () => keyed(nox, key))).id);
      }
      expect(ids.size).toBe(keys.length);
      await isBack(nox);
      expect(await waiting(nox)).toEqual(keys);
    });
  });

  it('refuses clearly while it is loading its data, says so, and goes on by itself', async () => {
    const redis = await RedisServer.start();
    const nox = await start(redis);
    await nox.client.call('agents_create', { body: { id: 'worker', name: 'Worker', system_prompt: 'x' } });
    const kept = await send(nox, 'kept');
    await redis.bootLoading();
    await expect(send(nox, 'too early')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE', status: 503 });
    await eventually('the reason is told', async () =>
      /is loading its data/.test((await nox.client.call('system_status')).components['broker']?.detail ?? ''),
    );
    await redis.loaded();
    const after = await sent(nox, 'after');
    const { messages } = await nox.client.call('messages_list', { query: { status: 'queued' } });
    expect(messages.map(({ id }) => id).sort()).toEqual([kept.id, after].sort());
  });

  it('starts while it is away, and takes messages once it is there', async () => {
    const redis = await RedisServer.absent();
    const nox = await start(redis);
    await nox.client.call('agents_create', { body: { id: 'worker', name: 'Worker', system_prompt: 'x' } });
    await expect(send(nox, 'too early')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await redis.boot();
    await isBack(nox);
    await expect(send(nox, 'now')).resolves.toMatchObject({ status: 'queued' });
  });
});
