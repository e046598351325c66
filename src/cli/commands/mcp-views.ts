import { setTimeout as delay } from 'node:timers/promises';
import type { RouteReply } from '../../contracts/routes.js';
import type { Evaluation, Service } from '../../contracts/service.js';
import type { Cli } from '../cli.js';
import { Exit } from '../cli-error.js';
import { painted, stateCell } from '../output/style.js';
import { pairs } from '../output/table.js';
import { oneLine, plain } from '../output/text.js';

const LOOK_EVERY_MS = 250;
const WAIT_MS = 600_000;

const MEGABYTE = 1_048_576;

/** Memory, processor and processes. */
export const statsView = (stats: RouteReply<'services_stats'>): string =>
  pairs([
    [
      'memory',
      `${(stats.memory_bytes / MEGABYTE).toFixed(1)} of ${(stats.memory_limit_bytes / MEGABYTE).toFixed(0)} MB`,
    ],
    ['cpu', `${stats.cpu_percent.toFixed(1)} %`],
    ['processes', String(stats.pids)],
  ]);

/** Waits until a service runs, and says each step; ends with status 1 when it has failed. A retry on the way is no failure. */
export async function untilUp(cli: Cli, name: string): Promise<Service> {
  const client = await cli.client();
  let told = '';
  const deadline = cli.now_ms + WAIT_MS;
  for (;;) {
    const service = await client.call('services_get', { params: { name } });
    const { status, pull, reason } = service;
    if (status === 'running' || status === 'stopped') return service;
    const step = status === 'pulling' && pull !== null ? `pulling ${pull.percent} %` : status;
    const line = `${step}${reason === null ? '' : `: ${oneLine(reason)}`}`;
    if (line !== told && !cli.json) cli.say(`${name} ${line}`);
    told = line;
    if (status === 'failed' || cli.now_ms > deadline) {
      if (cli.json) cli.printJson(service);
      throw new Exit(1);
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** What is known of an image, for the person who decides. */
export function evaluationView({ image, digest, size_bytes, risk_level, reasons }: Evaluation): string {
  const size = size_bytes === null ? 'not known before it is pulled' : `${(size_bytes / 1_048_576).toFixed(0)} MB`;
  return pairs([
    ['image', image.replace(/@.*$/, '')],
    ['digest', digest ?? 'not known'],
    ['size', size],
    ['risk', `${risk_level}: ${reasons.join('; ')}`],
  ]).trimEnd();
}

/** All services, and whether containers can be had. */
export function listView(cli: Cli, { services, engine }: RouteReply<'services_list'>): void {
  if (!engine.available) cli.say(`No containers: ${engine.reason ?? ''}`);
  if (services.length === 0) cli.say('No service is installed. Find one with "nox mcp search".');
  else
    cli.printTable(
      [
        { head: 'NAME' },
        { head: 'STATUS' },
        { head: 'TOOLS', align: 'right' },
        { head: 'AGENTS' },
        { head: 'REASON', shrinks: true },
      ],
      services.map(({ name, status, tools, agents, reason }) => [
        name,
        stateCell(status, cli.style),
        tools,
        agents.join(', '),
        oneLine(reason ?? ''),
      ]),
    );
}

/** One service. */
export function serviceView({ name, kind, status, reason, server, tools, agents, restarts, calls }: Service): string {
  return pairs([
    ['name', name],
    ['kind', kind],
    ['status', `${status}${reason === null ? '' : `: ${oneLine(reason)}`}`],
    ['server', server === null ? '' : plain(`${server.name} ${server.version}`)],
    ['tools', String(tools)],
    ['agents', agents.join(', ')],
    ['restarts', String(restarts)],
    ['calls', calls.map((c) => `${c.agent_id} ${c.calls} (${c.errors} failed, ${c.refused} refused)`).join(', ')],
  ]);
}

/** Where it stands, in a line. */
export const sayState = (cli: Cli, { name, status, reason }: Service): void =>
  cli.say(`${name} ${painted(stateCell(status, cli.words))}${reason === null ? '' : `: ${oneLine(reason)}`}`);
