import { join } from 'node:path';
import { AgentPipes } from '../src/services/agent-pipes.js';
import { Gateway } from '../src/services/gateway.js';
import { McpConnection } from '../src/services/mcp/mcp-connection.js';
import { StreamTransport } from '../src/services/mcp/stream-transport.js';
import { ServiceConfig } from '../src/contracts/service.js';
import { DockerEngine } from '../src/services/docker/engine.js';
import { EventLog } from '../src/events/event-log.js';
import { SystemClock } from '../src/shared/clock.js';
import { StateDb } from '../src/shared/db/state-db.js';
import { TestEngine } from '../test/support/docker-engine.js';
import { NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { eventually } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { figures, timed } from './lib/stats.js';

const NAME = 'quick';
const fail = (error: Error): never => {
  throw error;
};

/** A container as `docker run -i` makes it, and the MCP handshake with it: what there is without Nox. */
async function plainRun(engine: TestEngine, image: string): Promise<{ connection: McpConnection; id: string }> {
  const docker = new DockerEngine(engine.host, 'bench');
  const id = await docker.create({
    name: 'plain',
    Image: image,
    OpenStdin: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const attached = await docker.attach(id);
  await docker.start(id);
  return { connection: await McpConnection.open(new StreamTransport(attached), fail), id };
}

const call = (connection: McpConnection) => connection.call('echo', {}, { timeout_ms: 10_000 });

/** From nothing to the first answer of a tool: by Nox, and by hand on the same engine, in turns. */
async function installs(engine: TestEngine, image: string, runs: number): Promise<Row> {
  await using nox = await NoxServer.start({ env: { DOCKER_HOST: engine.host } });
  const docker = new DockerEngine(engine.host, 'bench');
  const [by_nox, by_hand]: [number[], number[]] = [[], []];
  // The first round fills the caches of the engine and of Nox; it is not counted.
  for (let round = 0; round <= runs; round += 1) {
    const nox_ms = await timed(async () => {
      await nox.call('services_install', { body: { service_name: NAME, image, auto_approve: true } });
      await eventually(
        'it runs',
        async () => (await nox.call('services_get', { params: { name: NAME } })).status === 'running',
        60_000,
      );
      await nox.call('services_call', { params: { name: NAME }, body: { tool: 'echo', input: {} } });
    });
    await nox.call('services_remove', { params: { name: NAME }, query: { image: 'true' } });
    const hand_ms = await timed(async () => {
      await docker.pull(image, () => undefined);
      const { connection } = await plainRun(engine, image);
      await call(connection);
    });
    await engine.docker.getContainer('plain').remove({ force: true });
    await engine.docker.getImage(image).remove({ force: true });
    if (round === 0) continue;
    by_nox.push(nox_ms);
    by_hand.push(hand_ms);
  }
  return {
    what: 'install a service to its first tool call',
    unit: 'ms',
    ...figures(by_nox),
    beside: [{ name: 'docker pull, run, handshake, call', ...figures(by_hand) }],
    runs,
    note: 'image of 2 MB from a registry on loopback; Nox also asks for the digest, judges, commits to git, and confines',
  };
}

/** One call by an agent's pipe, through gateway and journal, beside the same call on the bare connection; in turns. */
async function calls(engine: TestEngine, image: string, runs: number): Promise<Row> {
  const folder = await makeTempDir('nox-bench-');
  const docker = new DockerEngine(engine.host, 'bench');
  await docker.pull(image, () => undefined);
  const { connection, id } = await plainRun(engine, image);
  const clock = new SystemClock();
  const db = new StateDb(join(folder.path, 'state.db'));
  try {
    const events = new EventLog(db, clock);
    const limits = { calls_per_min: 100_000 };
    const config = ServiceConfig.parse({ image: `x@sha256:${'0'.repeat(64)}`, agents: ['lead'], limits });
    const gateway = new Gateway({
      clock,
      target: () => ({ config, connection, reason: null }),
      tell: async (told, agent_id) => void (await events.append('service.call', told, agent_id)),
    });
    const pipes = new AgentPipes({
      offered: () => [
        { service: NAME, tools: [{ name: 'echo', description: '', inputSchema: { type: 'object' as const } }] },
      ],
      call: (request) => gateway.call(request),
    });
    const [server] = pipes.serversFor('lead', []).current();
    const { signal } = new AbortController();
    const byPipe = (n: number) =>
      server?.handle(
        { jsonrpc: '2.0', id: n, method: 'tools/call', params: { name: 'echo', arguments: {} } },
        signal,
      ) ?? Promise.reject(new Error('there is no server'));
    const [by_pipe, direct]: [number[], number[]] = [[], []];
    for (let n = 0; n < runs + 50; n += 1) {
      const [through, bare] = [await timed(() => byPipe(n)), await timed(() => call(connection))];
      if (n < 50) continue;
      by_pipe.push(through);
      direct.push(bare);
    }
    return {
      what: 'one tool call of an agent through the gateway',
      unit: 'ms',
      ...figures(by_pipe),
      beside: [{ name: 'the same call direct', ...figures(direct) }],
      runs,
      note: 'rights, rate, limit and an event that is durable before the answer (one fsync)',
    };
  } finally {
    await connection.close();
    await docker.remove(id);
    db.close();
    await folder.remove();
  }
}

/** Services on a real engine. Needs dockerd and docker-registry. */
export const services: Bench = {
  name: 'services',
  async run({ quick }): Promise<Row[]> {
    await using engine = await TestEngine.start();
    const image = await engine.publish(NAME, 'quick');
    return [await installs(engine, image, quick ? 2 : 10), await calls(engine, image, quick ? 100 : 1000)];
  },
};
