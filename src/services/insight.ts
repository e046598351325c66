import type { RouteReply } from '../contracts/routes.js';
import { NoxError } from '../shared/nox-error.js';
import type { DockerEngine } from './docker/engine.js';
import type { ServiceInstance } from './service-instance.js';

type Lines = RouteReply<'services_logs'>['lines'];
type Stats = RouteReply<'services_stats'>;

/** The last lines that the servers of a service wrote. */
export async function logsOf(
  instances: readonly ServiceInstance[],
  engine: DockerEngine,
  lines: number,
): Promise<Lines> {
  const all: Lines = [];
  for (const { container_id, log } of instances) {
    if (container_id === null) all.push(...log.map((line) => ({ stream: 'stderr', line }) as const));
    else all.push(...(await engine.logs(container_id, lines)));
  }
  return all.slice(-lines);
}

/** What all its containers use together. INVALID_STATE when none runs. */
export async function statsOf(
  name: string,
  instances: readonly ServiceInstance[],
  engine: DockerEngine,
): Promise<Stats> {
  const ids = instances.flatMap(({ container_id }) => (container_id === null ? [] : [container_id]));
  if (ids.length === 0) throw new NoxError('INVALID_STATE', `${name} has no container that runs.`);
  const all = await Promise.all(ids.map((id) => engine.usage(id)));
  const sum = (key: keyof (typeof all)[number]): number => all.reduce((total, usage) => total + usage[key], 0);
  return {
    memory_bytes: sum('memory_bytes'),
    memory_limit_bytes: sum('memory_limit_bytes'),
    cpu_percent: sum('cpu_percent'),
    pids: sum('pids'),
  };
}
