import type { CallToolReply, ServiceConfig } from '../contracts/service.js';
import type { EventPayload } from '../contracts/event.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import type { McpConnection } from './mcp/mcp-connection.js';
import { toolAllowed } from './tool-rules.js';

/** Answers larger than this would fill an agent's context; they are cut, and it is said. */
const MAX_TEXT_CHARS = 400_000;
const MINUTE_MS = 60_000;

export interface CallRequest {
  /** The agent, known by its pipe; undefined: a person. */
  readonly agent_id: string | undefined;
  readonly service: string;
  readonly tool: string;
  readonly input: Record<string, unknown>;
  readonly signal?: AbortSignal | undefined;
}

interface Target {
  readonly config: ServiceConfig;
  readonly connection: McpConnection | undefined;
  readonly reason: string | null;
}

export interface GatewayWorld {
  readonly clock: Clock;
  /** SERVICE_NOT_FOUND. */
  readonly target: (service: string, agent_id: string | undefined) => Target;
  /** Kept before the answer is given. */
  readonly tell: (call: EventPayload<'service.call'>, agent_id: string | undefined) => Promise<void>;
}

interface Count {
  calls: number;
  errors: number;
  refused: number;
}

/** The one way from agents to services: every call is authorised, limited, measured and told of, whatever becomes of it. */
export class Gateway {
  private readonly counts = new Map<string, Map<string, Count>>();
  /** When an agent last called a service, within the last minute. */
  private readonly recent = new Map<string, number[]>();

  constructor(private readonly world: GatewayWorld) {}

  /**
   * What the service answers; its own errors are answers too (`is_error`). FORBIDDEN: not attached, or a tool that
   * agents may not call. RESOURCE_LIMIT_EXCEEDED, MCP_SERVICE_UNAVAILABLE.
   */
  async call(request: CallRequest): Promise<CallToolReply> {
    const { clock } = this.world;
    const began_ms = clock.now();
    const took = (): number => clock.now() - began_ms;
    const target = this.world.target(request.service, request.agent_id);
    const connection = await this.admit(request, target).catch(async (error: unknown) => {
      await this.told(request, 'refused', messageOf(error), took());
      throw error;
    });
    const timeout_ms = target.config.limits.call_timeout_s * 1000;
    try {
      const outcome = await connection.call(request.tool, request.input, { timeout_ms, signal: request.signal });
      const reply = { is_error: outcome.is_error, content: cutContent(outcome.content), duration_ms: took() };
      await this.told(request, outcome.is_error ? 'error' : 'ok', null, reply.duration_ms);
      return reply;
    } catch (error) {
      if (error instanceof NoxError) throw error;
      const late = took() >= timeout_ms;
      const outcome = request.signal?.aborted === true ? 'cancelled' : late ? 'timeout' : 'error';
      await this.told(request, outcome, messageOf(error), took());
      throw new NoxError(
        'MCP_SERVICE_UNAVAILABLE',
        late
          ? `${request.service} did not answer within ${timeout_ms / 1000} s.`
          : `${request.service}: ${messageOf(error)}`,
      );
    }
  }

  countsOf(service: string): { agent_id: string; calls: number; errors: number; refused: number }[] {
    return [...(this.counts.get(service) ?? [])].map(([agent_id, count]) => ({ agent_id, ...count }));
  }

  private async admit({ agent_id, service, tool }: CallRequest, target: Target): Promise<McpConnection> {
    const { config, connection, reason } = target;
    const refuse = (error: NoxError): never => {
      throw error;
    };
    if (agent_id !== undefined && !config.agents.includes(agent_id))
      return refuse(new NoxError('FORBIDDEN', `${service} is not given to ${agent_id}.`));
    if (agent_id !== undefined && !toolAllowed(tool, config))
      return refuse(new NoxError('FORBIDDEN', `Agents may not call ${tool} of ${service}.`));
    if (!this.withinRate(`${agent_id ?? ''} ${service}`, config.limits.calls_per_min))
      return refuse(
        new NoxError(
          'RESOURCE_LIMIT_EXCEEDED',
          `More than ${config.limits.calls_per_min} calls of ${service} within a minute; wait, or raise limits.calls_per_min.`,
        ),
      );
    if (connection === undefined)
      return refuse(
        new NoxError('MCP_SERVICE_UNAVAILABLE', `${service} does not run${reason === null ? '' : `: ${reason}`}.`),
      );
    if (!connection.tools.some(({ name }) => name === tool))
      return refuse(new NoxError('NOT_FOUND', `${service} has no tool ${tool}.`));
    return connection;
  }

  private withinRate(key: string, per_min: number): boolean {
    const now = this.world.clock.now();
    const times = (this.recent.get(key) ?? []).filter((at) => at > now - MINUTE_MS);
    this.recent.set(key, times);
    if (times.length >= per_min) return false;
    times.push(now);
    return true;
  }

  private async told(
    { agent_id, service, tool }: CallRequest,
    outcome: EventPayload<'service.call'>['outcome'],
    reason: string | null,
    duration_ms: number,
  ): Promise<void> {
    const of_service = this.counts.get(service) ?? new Map<string, Count>();
    const count = of_service.get(agent_id ?? 'person') ?? { calls: 0, errors: 0, refused: 0 };
    count.calls += 1;
    if (outcome === 'refused') count.refused += 1;
    else if (outcome !== 'ok') count.errors += 1;
    of_service.set(agent_id ?? 'person', count);
    this.counts.set(service, of_service);
    await this.world.tell({ service, tool, outcome, reason, duration_ms }, agent_id);
  }
}

/** Text beyond the limit is cut; what follows it is left out, and both is said. */
function cutContent(content: readonly unknown[]): unknown[] {
  let left = MAX_TEXT_CHARS;
  const kept: unknown[] = [];
  for (const part of content) {
    const size = JSON.stringify(part)?.length ?? 0;
    if (size <= left) {
      kept.push(part);
      left -= size;
      continue;
    }
    const text = typeof part === 'object' && part !== null && 'text' in part ? String(part.text) : '';
    kept.push({
      type: 'text',
      text: `${text.slice(0, left)}\n[cut by Nox: the answer is longer than ${MAX_TEXT_CHARS} characters]`,
    });
    break;
  }
  return kept;
}
