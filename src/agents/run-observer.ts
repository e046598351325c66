import type { Activity, UsageTotals } from '../contracts/agent.js';
import type { RuntimeEvent, ToolCall, ToolDecision } from './runtime/runtime.js';

/** Who watches the runs of agents: it is told everything, in order, and decides about tool calls. Given at wiring. */
export abstract class RunObserver {
  abstract onEvent(agent_id: string, event: RuntimeEvent): void;
  abstract onToolCall(agent_id: string, call: ToolCall, signal: AbortSignal): Promise<ToolDecision>;
  /** The process can take a prompt. */
  abstract onReady(agent_id: string): void;
  /** The process is gone, however it went (`expected`: Nox ended it); called before anything is restarted. */
  abstract onEnded(agent_id: string, reason: string, expected: boolean): void;
  /** The turn that runs is about to be ended by somebody who wants its messages to be handed over again. */
  abstract onCutShort(agent_id: string): void;
  /** Nobody will start it again by itself: what waits for it has to end, or with `requeue` its messages wait on. */
  abstract onRetired(agent_id: string, reason: string, requeue?: boolean): void;
  /** What the agent has to do. */
  abstract work(agent_id: string): AgentWork;
}

export interface AgentWork {
  readonly current_turn_id: string | null;
  /** Since when that turn has the pipe. */
  readonly turn_started_ms: number | null;
  /** Tool calls of it that have no result yet. */
  readonly running_tools: number;
  readonly queued_turns: number;
  /** A message waits that could be handed over. */
  readonly mail_waits?: boolean;
  readonly usage: UsageTotals;
  /** What its turns wait for; said instead of why the process is as it is. */
  readonly note?: WorkNote | undefined;
}

export interface WorkNote {
  readonly reason: string;
  /** What an idle agent is seen to do meanwhile. */
  readonly activity?: Activity;
  /** When it goes on by itself. */
  readonly resume_ms?: number | null;
}
