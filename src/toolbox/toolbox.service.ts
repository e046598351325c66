import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { mcpToolName } from '../agents/runtime/mcp-tool-name.js';
import { PipeServer, textResult, type ToolCallRequest } from '../agents/runtime/pipe-server.js';
import type { ToolServer } from '../agents/runtime/runtime.js';
import { GATED_TOOLS, TOOLBOX, TOOLS, type ToolName } from '../contracts/toolbox.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { Clock } from '../shared/clock.js';
import { newId } from '../shared/ids.js';
import { NoxError } from '../shared/nox-error.js';
import { EffectLedger } from './effects.js';
import { CallRate } from './call-rate.js';
import { StormBreaker } from './storm-breaker.js';
import { type Caller, nameOf, ToolHandlers, type UserCaller } from './tools.js';

/** What a tool came to, in the words that the model reads. */
interface ToolAnswer {
  readonly text: string;
  readonly is_error: boolean;
}

/** Tools that change nothing: asked again, they answer anew. */
const READERS: ReadonlySet<string> = new Set<ToolName>([
  'read_inbox',
  'query_registry',
  'list_services',
  'recall',
  'request_approval',
]);

const LOOKERS: ReadonlySet<string> = new Set([...READERS].filter((name) => !GATED_TOOLS.has(name)));

/**
 * The tools of Nox in the hands of its agents. Contract: who calls is known by the pipe; what waits for a person has been
 * approved, by this very call; what a call does, it does once; an agent that runs away is parked; each use is an event.
 */
@Injectable()
export class ToolboxService {
  private readonly rate = new CallRate();

  constructor(
    @Inject(ToolHandlers) private readonly handlers: ToolHandlers,
    @Inject(EffectLedger) private readonly effects: EffectLedger,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(StormBreaker) private readonly storms: StormBreaker,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The server for one process of the agent. */
  serverFor(agent_id: string): ToolServer {
    return new PipeServer(TOOLBOX, {
      list: listed,
      use: async (call) => {
        const { text, is_error } = await this.useByAgent(agent_id, call);
        return textResult(text, is_error);
      },
    });
  }

  async useByAgent(agent_id: string, call: ToolCallRequest): Promise<ToolAnswer> {
    const turn = this.sessions.current(agent_id);
    const caller: Caller = { kind: 'agent', id: agent_id, message_id: turn?.message_ids.at(-1) };
    const turn_id = turn?.turn_id ?? null;
    return this.answered(caller, call, turn_id, async (tool, input) => {
      if (GATED_TOOLS.has(tool)) this.sessions.assertAllowed(agent_id, call.tool_use_id, mcpToolName(TOOLBOX, tool));
      await this.storms.see(agent_id, tool, input);
      const scope = turn?.message_ids[0] ?? turn_id ?? `call:${call.tool_use_id ?? ''}`;
      const deed = { agent_id, scope, turn_id: turn_id ?? scope, tool_use_id: call.tool_use_id, tool, input };
      const key = this.effects.keyOf(deed);
      const before = READERS.has(tool) ? undefined : this.effects.done(key);
      if (before !== undefined) return { result: before, repeated: true };
      const result = await this.run(tool, input, { caller, key });
      if (!READERS.has(tool)) await this.effects.keep(key, deed, result);
      return { result, repeated: false };
    });
  }

  /**
   * A tool in the hands of an MCP client outside. Its login says what it may do; what waits for a person waits here, too,
   * as a request in the name of the agent on whose behalf it is. `signal`: the client no longer waits.
   */
  async useByUser(caller: UserCaller, call: ToolCallRequest, signal: AbortSignal): Promise<ToolAnswer> {
    return this.answered(caller, call, null, async (tool, input) => {
      const { client_calls_per_min } = this.registry.config().storms;
      if (!this.rate.take(caller.name, client_calls_per_min, this.clock.now()))
        throw new NoxError('RATE_LIMITED', `More than ${client_calls_per_min} calls in a minute; try again later.`);
      if (!mayUse(caller.role, tool))
        throw new NoxError('FORBIDDEN', `${tool} needs the role operator; yours is ${caller.role}.`);
      if (caller.agent_id !== undefined && !this.registry.agents().has(caller.agent_id))
        throw new NoxError('AGENT_NOT_FOUND', `agent: no agent has the id ${caller.agent_id}.`);
      const key = createHash('sha256').update(newId('req')).digest('hex');
      if (GATED_TOOLS.has(tool)) await this.ask(caller, tool, input, signal);
      return { result: await this.run(tool, input, { caller, key }), repeated: false };
    });
  }

  private async ask(caller: UserCaller, tool: ToolName, input: unknown, signal: AbortSignal): Promise<void> {
    if (caller.agent_id === undefined)
      throw new NoxError(
        'FORBIDDEN',
        `${tool} waits for a person: connect with ?agent=<id>, in whose name it is asked.`,
      );
    const tool_name = mcpToolName(TOOLBOX, tool);
    const call = {
      agent_id: caller.agent_id,
      session_id: null,
      turn_id: null,
      tool_use_id: `client:${caller.name}:${newId('req')}`,
      tool_name,
      input: input as Record<string, unknown>,
      cwd: this.registry.path,
      requires_user_interaction: false,
    };
    const decision = await this.approvals.decide(call, signal, () => undefined);
    if (decision.behavior !== 'allow')
      throw new NoxError('FORBIDDEN', `${tool} was not approved: ${decision.reason ?? 'no reason was given'}`);
    // What was agreed to is what runs: an edited input would be another call.
    if (decision.updated_input !== undefined)
      throw new NoxError(
        'INVALID_STATE',
        `${tool} was approved with other words: ${JSON.stringify(decision.updated_input)}`,
      );
  }

  /** Parses, runs and audits; what goes wrong is an answer that the model can read. */
  private async answered(
    caller: Caller,
    { tool, input, tool_use_id }: ToolCallRequest,
    turn_id: string | null,
    run: (tool: ToolName, input: unknown) => Promise<{ result: object; repeated: boolean }>,
  ): Promise<ToolAnswer> {
    let answer: ToolAnswer;
    let repeated = false;
    try {
      if (!isTool(tool)) throw new NoxError('NOT_FOUND', `Nox has no tool "${tool.slice(0, 80)}".`);
      const parsed = TOOLS[tool].input.safeParse(input ?? {});
      if (!parsed.success) throw new NoxError('VALIDATION_ERROR', z.prettifyError(parsed.error));
      const outcome = await run(tool, parsed.data);
      repeated = outcome.repeated;
      answer = { text: JSON.stringify(outcome.result), is_error: false };
    } catch (error) {
      answer = { text: error instanceof NoxError ? `${error.code}: ${error.message}` : 'Nox failed.', is_error: true };
      if (!(error instanceof NoxError)) this.events.onListenerError(error);
    }
    const agent_id = caller.kind === 'agent' ? caller.id : undefined;
    await this.events.append(
      'agent.tool_used',
      {
        caller: nameOf(caller),
        tool: tool.slice(0, 80),
        tool_use_id,
        turn_id,
        is_error: answer.is_error,
        repeated,
        summary: answer.text.slice(0, 500),
      },
      agent_id,
    );
    return answer;
  }

  private async run<N extends ToolName>(
    tool: N,
    input: unknown,
    context: Parameters<ToolHandlers['all'][N]>[1],
  ): Promise<object> {
    const handler = this.handlers.all[tool] as (input: unknown, context: unknown) => Promise<object> | object;
    return handler(input, context);
  }
}

const isTool = (name: string): name is ToolName => Object.hasOwn(TOOLS, name);

/** Who only looks can only look. */
const mayUse = (role: UserCaller['role'], name: string): boolean => role !== 'viewer' || LOOKERS.has(name);

/** What a caller outside can use. */
export const toolsFor = ({ role }: Pick<UserCaller, 'role'>) => listed().filter(({ name }) => mayUse(role, name));

let list: ReturnType<typeof makeList> | undefined;
/** As MCP lists them; made when somebody first asks. */
const listed = (): ReturnType<typeof makeList> => (list ??= makeList());

/** They are few and small, so a model need not search for them. */
const makeList = () =>
  Object.entries(TOOLS).map(([name, { description, input }]) => ({
    name,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input' }) as { type: 'object' },
    _meta: { 'anthropic/alwaysLoad': true },
  }));
