import { isStorageFault, STORE_AGAIN_MS } from '../shared/db/until-stored.js';
import { failpoint } from '../shared/failpoint.js';
import { newId } from '../shared/ids.js';
import { messageOf } from '../shared/nox-error.js';
import type { ExitFacts } from './process/process-host.js';
import type { RuntimeSession } from './runtime/runtime.js';
import type { RunFault, SupervisorWorld } from './supervisor-world.js';

/** One process of an agent, from its line in the journal to its stored end. */
export interface AgentRun {
  readonly run_id: string;
  readonly session: RuntimeSession;
  readonly started_ms: number;
  /** Why Nox ends it; unset while it should run. Its exit is then expected. */
  ending?: string;
  /** Why Nox ends it although it should run, and what that counts as. */
  fault?: RunFault;
  /** Resolves when the exit has been dealt with. */
  readonly settled: Promise<void>;
}

type RunEnd = Awaited<RuntimeSession['exited']>;

/** What its supervisor does with a run. */
interface RunHandlers {
  /** It has a process. */
  made(run: AgentRun): void;
  /** It has none any more. */
  ended(run: AgentRun, facts: RunEnd): Promise<void>;
}

/** Starts a process for an agent. It is written down before, and known by its identity after; else it does not live. */
export async function beginRun(id: string, world: SupervisorWorld, handlers: RunHandlers): Promise<AgentRun> {
  const { store, clock } = world;
  const { session_id, has_transcript } = await store.openSession(id);
  const run_id = newId('run');
  await failpoint('run.begin.before');
  const recorded = store.beginRun(run_id, id, session_id).then(() => failpoint('run.begin.after'));
  // Whoever prepares the launch may fail first, and then nobody waits for it.
  recorded.catch(() => undefined);
  let session: RuntimeSession;
  try {
    session = await world.launch(
      { run_id, session_id, resume: has_transcript },
      {
        onEvent: (event) => world.observer.onEvent(id, event),
        onToolCall: (call, signal) => world.observer.onToolCall(id, call, signal),
      },
      recorded,
    );
  } catch (error) {
    // A run that was not written down has no end, and that it was not is then the reason.
    await recorded;
    await store.endRun(run_id, { reason: messageOf(error) });
    throw error;
  }
  // `ready` is awaited later; a rejection before that must not count as unhandled.
  session.ready.catch(() => undefined);
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const run: AgentRun = { run_id, session, started_ms: clock.now(), settled };
  handlers.made(run);
  void session.exited
    .then((facts) => handlers.ended(run, facts))
    .then(settle, (error: unknown) => {
      world.log(`the end of run ${run_id} was not recorded: ${messageOf(error)}`);
      settle();
    });
  try {
    await failpoint('run.spawned');
    await store.identifyRun(session.identity);
    await failpoint('run.identified');
    await store.setHibernated(id, false);
  } catch (error) {
    // What the journal does not know of must not live: after a crash nobody would find it.
    run.ending ??= 'not written down';
    await session.end({ grace_ms: 0 });
    await settled;
    throw error;
  }
  return run;
}

/** A disk that refuses the end of a run must not keep anybody waiting: it is written down when there is room again. */
export async function recordEnd(world: SupervisorWorld, run_id: string, facts: ExitFacts): Promise<void> {
  const { store, clock, log } = world;
  try {
    await failpoint('run.end.before');
    await store.endRun(run_id, facts);
  } catch (error) {
    if (!isStorageFault(error)) throw error;
    log(`the end of run ${run_id} is written down later: ${messageOf(error)}`);
    clock.after(STORE_AGAIN_MS, () => {
      recordEnd(world, run_id, facts).catch((again: unknown) =>
        log(`the end of run ${run_id} was not recorded: ${messageOf(again)}`),
      );
    });
  }
}

export async function unlessRefused(world: SupervisorWorld, write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isStorageFault(error)) throw error;
    world.log(`not stored: ${messageOf(error)}`);
  }
}

export function describeExit(facts: { exit_code: number | null; signal: string | null }): string {
  return facts.signal === null ? `exit ${facts.exit_code ?? 'unknown'}` : `killed by ${facts.signal}`;
}

export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
