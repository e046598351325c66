import { AgentId } from '@contracts/ids.js';
import { Evaluation, ServiceConfig, ServiceName } from '@contracts/service.js';
import * as z from 'zod';
import { number } from './format.js';
import { NETWORKS, sourceOf } from './service-words.js';

/** What somebody is asked who decides about a service, taken apart for reading. Nothing is left out. */
export interface ServiceRequest {
  readonly facts: readonly ServiceFact[];
  readonly image: string | undefined;
  readonly evaluation: Evaluation | undefined;
  /** The agent's words, not a fact. */
  readonly reason: string | undefined;
  /** What has no words of its own here. */
  readonly rest: readonly (readonly [string, unknown])[];
}

export interface ServiceFact {
  readonly name: string;
  readonly value: string;
  /** What comes from a file or an agent is shown character by character. */
  readonly exact?: boolean;
}

const Attach = z.strictObject({ service: ServiceName, attach_to: AgentId, reason: z.string().optional() });
const Asked = z.looseObject({
  service: ServiceName,
  evaluation: Evaluation.optional(),
  needs_env: z.array(z.string()).default([]),
  reason: z.string().optional(),
});

/** Undefined for other tools, and for an input that is not as Nox itself asks: that is shown as it came. */
export function serviceRequestOf(tool_name: string, input: unknown): ServiceRequest | undefined {
  if (tool_name === 'attach_service') {
    const { data } = Attach.safeParse(input);
    return data === undefined ? undefined : attachment(data);
  }
  if (tool_name !== 'install_service') return undefined;
  const asked = Asked.safeParse(input).data;
  if (asked === undefined) return undefined;
  const { service, evaluation, needs_env, reason, ...table } = asked;
  const config = ServiceConfig.safeParse(table).data;
  if (config === undefined) return undefined;
  const known = new Set(Object.keys(ServiceConfig.shape));
  return {
    facts: [
      { name: 'Service', value: service, exact: true },
      ...factsOf(config),
      ...(needs_env.length === 0 ? [] : [{ name: 'Still needs', value: needs_env.join(', '), exact: true }]),
    ],
    image: config.image,
    evaluation,
    reason,
    rest: [
      ...Object.entries(table).filter(([key]) => !known.has(key)),
      ...Object.entries(config.limits).flatMap(([key, value]) =>
        LIMITS.has(key) ? [] : [[`limits.${key}`, value] as const],
      ),
    ],
  };
}

const attachment = ({ service, attach_to, reason }: z.output<typeof Attach>): ServiceRequest => ({
  facts: [
    { name: 'Service', value: service, exact: true },
    { name: 'Also for', value: attach_to, exact: true },
  ],
  image: undefined,
  evaluation: undefined,
  reason,
  rest: [],
});

const LIMITS: ReadonlySet<string> = new Set(['memory_mb', 'cpus', 'pids', 'calls_per_min', 'call_timeout_s']);

/** What it is and may, in the order in which a person asks. */
function factsOf(config: ServiceConfig): ServiceFact[] {
  const { agents, env, allowed_tools, denied_tools, limits, desired_state, approved_by, approval_id } = config;
  const list = (name: string, values: readonly string[]): ServiceFact[] =>
    values.length === 0 ? [] : [{ name, value: values.join(', '), exact: true }];
  return [
    ...list('For', agents),
    ...placeOf(config),
    ...list(
      'Environment',
      Object.entries(env).map(([name, reference]) => `${name} = ${reference}`),
    ),
    {
      name: 'Calls',
      value: `at most ${number(limits.calls_per_min)} a minute, ${number(limits.call_timeout_s)} s each`,
    },
    ...list('Only the tools', allowed_tools),
    ...list('Not the tools', denied_tools),
    ...(desired_state === 'active' ? [] : [{ name: 'Starts', value: 'when a person starts it' }]),
    ...list(
      'Approved by',
      [approved_by, approval_id].filter((each) => each !== undefined),
    ),
  ];
}

function placeOf(config: ServiceConfig): ServiceFact[] {
  const { image, network, egress_hosts, transport, port, path, shared, limits, args } = config;
  if (image === undefined)
    return config.command === undefined
      ? [
          { name: 'Address', value: sourceOf(config), exact: true },
          { name: 'Runs', value: 'elsewhere: Nox knows nothing of it but this address' },
        ]
      : [
          { name: 'Command', value: JSON.stringify([config.command, ...args]), exact: true },
          { name: 'Runs', value: 'as a program on this machine, outside of any container' },
        ];
  return [
    { name: 'Image', value: image, exact: true },
    ...(args.length === 0 ? [] : [{ name: 'Arguments', value: JSON.stringify(args), exact: true }]),
    { name: 'Network', value: `${network}: ${NETWORKS[network]}` },
    ...(egress_hosts.length === 0 ? [] : [{ name: 'Reaches', value: egress_hosts.join(', '), exact: true }]),
    { name: 'Mounts', value: 'nothing of this machine; its own files are read-only' },
    { name: 'Containers', value: shared ? 'one for all agents' : 'one for each agent' },
    {
      name: 'At most',
      value: `${number(limits.memory_mb)} MB memory, ${number(limits.cpus)} of a core, ${number(limits.pids)} processes`,
    },
    { name: 'Speaks', value: transport === 'stdio' ? 'over its pipe' : `HTTP inside, port ${port}${path}` },
  ];
}
