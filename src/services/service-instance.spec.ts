import { beforeEach, describe, expect, it } from '@jest/globals';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { ServiceConfig } from '../contracts/service.js';
import { ManualClock } from '../shared/clock.js';
import { NoxError } from '../shared/nox-error.js';
import type { Opened, Opener } from './open/opener.js';
import { ServiceInstance } from './service-instance.js';

const CONFIG = ServiceConfig.parse({ command: '/bin/time' });

/** Opens real MCP servers in this process; a test ends them, or says why the next cannot be opened. */
class PlayedOpener implements Opener {
  opened = 0;
  ended = 0;
  refuse: Error | undefined;
  die: (reason: string) => void = () => undefined;

  async open(): Promise<Opened> {
    if (this.refuse !== undefined) throw this.refuse;
    this.opened += 1;
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    const server = new Server({ name: 'time', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{ name: 'now', description: 'the time', inputSchema: { type: 'object' as const } }],
    }));
    await server.connect(theirs);
    return {
      transport: ours,
      container_id: null,
      ended: new Promise((resolve) => (this.die = resolve)),
      end: async () => {
        this.ended += 1;
        await server.close();
      },
      leave: () => undefined,
    };
  }
}

describe(ServiceInstance.name, () => {
  let clock: ManualClock;
  let opener: PlayedOpener;
  let has_engine: boolean;
  let instance: ServiceInstance;
  let states: string[];

  beforeEach(() => {
    clock = new ManualClock();
    opener = new PlayedOpener();
    has_engine = false;
    states = [];
    instance = new ServiceInstance('time', undefined, CONFIG, opener, {
      clock,
      random: () => 0.5,
      changed: () => {
        if (states.at(-1) !== instance.status) states.push(instance.status);
      },
      pulled: () => undefined,
      hasEngine: () => Promise.resolve(has_engine),
    });
  });

  /** Until what was begun has come to rest. */
  const rest = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const toolNames = () => instance.tools.map(({ name }) => name);

  it('starts, shakes hands and knows the tools', async () => {
    await instance.start();
    expect(states).toEqual(['starting', 'running']);
    expect(instance.live?.server).toEqual({ name: 'time', version: '1' });
    expect(toolNames()).toEqual(['now']);
  });

  it('comes back by itself after an end that nobody asked for; its tools stay known meanwhile', async () => {
    await instance.start();
    opener.die('its process ended with code 137');
    await rest();
    expect(instance.status).toBe('unhealthy');
    expect(instance.reason).toContain('its process ended with code 137; it starts again in');
    expect(instance.live).toBeUndefined();
    expect(toolNames()).toEqual(['now']);
    clock.advance(60_000);
    await rest();
    expect([instance.status, instance.restarts, opener.opened, opener.ended]).toEqual(['running', 1, 2, 1]);
  });

  it('is given up when it dies again and again, and its tools go; a person can start it anew', async () => {
    await instance.start();
    for (let n = 0; n < 20 && instance.status !== 'failed'; n += 1) {
      opener.die('crash');
      await rest();
      clock.advance(10_000);
      await rest();
    }
    expect(instance.status).toBe('failed');
    expect(toolNames()).toEqual([]);
    await instance.start();
    expect(instance.status).toBe('running');
  });

  it('waits for an engine without counting it as a fault, and starts when there is one', async () => {
    opener.refuse = new NoxError('ENGINE_UNAVAILABLE', 'No container engine listens at DOCKER_HOST.');
    await instance.start();
    expect(instance.status).toBe('failed');
    expect(instance.reason).toContain('It starts as soon as there is one.');
    for (let n = 0; n < 100; n += 1) {
      clock.advance(5000);
      await rest();
    }
    expect(states).toEqual(['starting', 'failed']);
    has_engine = true;
    opener.refuse = undefined;
    clock.advance(5000);
    await rest();
    expect([instance.status, instance.restarts]).toEqual(['running', 0]);
  });

  it('does not try again what is configured wrongly', async () => {
    opener.refuse = new NoxError('VALIDATION_ERROR', 'There is no secret "token".');
    await instance.start();
    clock.advance(3_600_000);
    await rest();
    expect([instance.status, instance.reason]).toEqual(['failed', 'There is no secret "token".']);
    expect(opener.opened).toBe(0);
  });

  it('stays stopped when it was stopped while it would come back', async () => {
    await instance.start();
    opener.die('crash');
    await rest();
    await instance.stop('by hand');
    clock.advance(3_600_000);
    await rest();
    expect([instance.status, opener.opened, toolNames()]).toEqual(['stopped', 1, []]);
  });

  it('leaves nothing of a start that was overtaken by a stop', async () => {
    const starting = instance.start();
    await instance.stop('by hand');
    await starting;
    await rest();
    expect(instance.status).toBe('stopped');
    expect(opener.ended).toBe(opener.opened);
  });
});
