import type { Evaluation, Service, ServiceConfig } from '../contracts/service.js';

export const kindOf = ({ image, command }: ServiceConfig): Service['kind'] =>
  image !== undefined ? 'container' : command !== undefined ? 'command' : 'remote';

interface Shown {
  readonly name: string;
  readonly config: ServiceConfig;
  readonly status: Service['status'];
  readonly reason: string | null;
  readonly since: string;
  readonly evaluation?: Evaluation | null;
  readonly approval_id: string | null;
}

/** A service as the API shows it; what is not said of it is nothing yet. Pure. */
export const shownService = (service: Shown & Partial<Service>): Service => ({
  kind: kindOf(service.config),
  agents: service.config.agents,
  instances: 0,
  restarts: 0,
  server: null,
  tools: 0,
  pull: null,
  evaluation: null,
  calls: [],
  ...service,
});
