import type { Activity, ProcessState, RestartConfig } from '../contracts/agent.js';
import type { Clock } from '../shared/clock.js';
import type { ExitFacts } from './process/process-host.js';
import type { ExitClass } from './restart-policy.js';
import type { RunObserver } from './run-observer.js';
import type { RunStore } from './run-store.js';
import type { RunRequest, RuntimeEvent, RuntimeSession, ToolCall, ToolDecision } from './runtime/runtime.js';

/** What a supervisor needs of the world. */
export interface SupervisorWorld {
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: RunStore;
  readonly observer: RunObserver;
  /**
   * Starts a process for this run; everything that can be wrong with the configuration is found here. It exists only once
   * the run is written down (`recorded`); what goes before that is done meanwhile.
   */
  readonly launch: (
    run: Pick<RunRequest, 'run_id' | 'session_id' | 'resume'>,
    handlers: {
      onEvent: (event: RuntimeEvent) => void;
      onToolCall: (call: ToolCall, signal: AbortSignal) => Promise<ToolDecision>;
    },
    recorded: Promise<void>,
  ) => Promise<RuntimeSession>;
  readonly classify: (facts: ExitFacts, stderr_tail: string) => ExitClass;
  /** What is known of an end beside the facts of the exit; asked once, when it has come. */
  readonly fault_of?: (session: RuntimeSession) => RunFault | undefined;
  readonly restart: () => RestartConfig;
  /** Runs each start by itself, once what has to stand first stands; RESOURCE_LIMIT_EXCEEDED while it has no place. */
  readonly admit: (start: () => Promise<void>) => Promise<void>;
  /** Told after each change of state; the only place from which states are announced. */
  readonly changed: (previous: { process_state: ProcessState; activity: Activity }) => void;
  readonly log: (line: string) => void;
}

/** Why a run that should go on was ended, and what that counts as. */
export interface RunFault {
  readonly reason: string;
  readonly exit: ExitClass;
}
