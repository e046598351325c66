import type { ProcessState, StopOptions } from '../contracts/agent.js';
import { messageOf } from '../shared/nox-error.js';
import { planGroup, rootOf, strategyOf, subtree, type SupervisionTree } from './groups.js';

type StopHow = Partial<StopOptions>;

/** What the keeper needs of the fleet. */
export interface GroupWorld {
  readonly tree: () => SupervisionTree;
  readonly state: (id: string) => ProcessState;
  readonly should_run: (id: string) => boolean;
  /** `hibernated`: prompts may still come and wait; `stopped`: nobody will start it by itself. */
  readonly stop: (id: string, to: 'hibernated' | 'stopped', reason: string, how?: StopHow) => Promise<void>;
  /** Nothing when it lives already. `remember`: earlier crashes still count. */
  readonly start: (id: string, reason: string, options: { readonly remember: boolean }) => Promise<void>;
  readonly warn: (message: string, fields: object) => void;
}

/** A death that others wait for. */
interface Mourning {
  /** In the order of the start, the dead one among them. */
  readonly order: readonly string[];
  /** Those that stand still because of it. */
  readonly held: Set<string>;
  stopped: Promise<void>;
  starting?: Promise<void>;
}

const HAS_PROCESS: ReadonlySet<ProcessState> = new Set(['starting', 'running', 'stopping', 'backoff']);
const STANDS_STILL: ReadonlySet<ProcessState> = new Set(['stopped', 'failed', 'backoff']);

/**
 * Keeps groups as their strategies say. Contract: when a member's process ends unexpectedly, those that go with it are
 * stopped at once, in reverse order, and start again in order with it: those before it before, those behind it when it
 * runs. While it is given up they stay stopped. What a person starts or stops is no longer the keeper's.
 */
export class GroupKeeper {
  private readonly mourned = new Map<string, Mourning>();
  /** Of each start of a group that is under way: who has been started so far. */
  private readonly rising = new Set<readonly string[]>();

  constructor(private readonly world: GroupWorld) {}

  /** The death for which this agent stands still, if it does. */
  heldFor(id: string): string | undefined {
    return [...this.mourned].find(([, { held }]) => held.has(id))?.[0];
  }

  /** Whether it belongs to a group of which others are still being started: it must not make room for them. */
  isRising(id: string): boolean {
    return [...this.rising].some((started) => started.includes(id));
  }

  /** To be told of every change of a process state. */
  changed(id: string, before: ProcessState, now: ProcessState): void {
    if (before === now) return;
    if (now === 'backoff') this.onDeath(id, 'hibernated');
    else if (now === 'failed') this.onDeath(id, 'stopped');
    else if (now === 'running') this.resume(id);
  }

  /** Before a dead member starts again: those that stand before it. Never rejects. */
  async before(id: string): Promise<void> {
    const mourning = this.mourned.get(id);
    if (mourning === undefined) return;
    await mourning.stopped;
    await this.startHeld(id, mourning, mourning.order.slice(0, mourning.order.indexOf(id)));
  }

  /** A person has stopped it, or it is gone: it waits for nobody any more, and nobody waits for it. */
  release(id: string): void {
    this.unhold(id);
    this.resume(id);
  }

  /** Resolves when what has begun so far has ended. */
  async settled(): Promise<void> {
    await Promise.all(
      [...this.mourned.values()].map(async ({ stopped, starting }) => Promise.all([stopped, starting])),
    );
  }

  /**
   * Starts an agent and, in order, those below it that should run. When one does not start, those that were started are
   * stopped again, in reverse order, and the error is the caller's.
   */
  async startTree(id: string, reason: string, start: () => Promise<void>): Promise<void> {
    const { children } = this.world.tree();
    const due = new Set(subtree(this.world.tree(), id).filter((member) => this.standsStill(member)));
    for (const member of due) this.unhold(member);
    const started: string[] = [];
    this.rising.add(started);
    const startBelow = async (member: string): Promise<void> => {
      for (const child of children.get(member) ?? []) {
        if (!due.has(child)) continue;
        started.push(child);
        await this.world.start(child, reason, { remember: false });
        await startBelow(child);
      }
    };
    // One that is alone is tried again by its own restart policy.
    const alone = !(children.get(id) ?? []).some((child) => due.has(child));
    try {
      started.push(id);
      await start();
      await startBelow(id);
    } catch (error) {
      if (!alone) await this.stopAll(started.toReversed(), `${id} was not started as a whole`);
      throw error;
    } finally {
      this.rising.delete(started);
    }
  }

  /** Stops everything below an agent, last started first. Never rejects: what is above must be stopped whatever happens. */
  stopBelow(id: string, reason: string, how: StopHow): Promise<void> {
    const members = subtree(this.world.tree(), id).slice(1).toReversed();
    for (const member of members) this.unhold(member);
    return this.stopAll(
      members.filter((member) => this.world.state(member) !== 'stopped'),
      reason,
      how,
    );
  }

  private async stopAll(ids: readonly string[], reason: string, how?: StopHow): Promise<void> {
    for (const id of ids) await this.world.stop(id, 'stopped', reason, how).catch(this.report(id, 'not stopped'));
  }

  private standsStill(id: string): boolean {
    if (!this.world.should_run(id)) return false;
    return STANDS_STILL.has(this.world.state(id)) || this.heldFor(id) !== undefined;
  }

  private unhold(id: string): void {
    for (const { held } of this.mourned.values()) held.delete(id);
  }

  private readonly report = (id: string, what: string) => (error: unknown) =>
    this.world.warn(`a member of a group was ${what}`, { agent_id: id, reason: messageOf(error) });

  private onDeath(died: string, rest: 'hibernated' | 'stopped'): void {
    const tree = this.world.tree();
    if (!tree.parent.has(died) && !tree.children.has(died)) return;
    const plan = planGroup(tree, died, strategyOf(tree, died));
    const held = new Set<string>();
    const earlier: Promise<void>[] = [];
    const takeOver = (id: string): void => {
      const before = this.mourned.get(id);
      if (before === undefined) return;
      for (const each of before.held) held.add(each);
      // What it still had to stop is stopped for this death, or has died itself.
      before.held.clear();
      earlier.push(before.stopped);
      this.mourned.delete(id);
    };
    takeOver(died);
    for (const id of plan.stop) {
      // What an earlier death holds or left to come back now waits for this one.
      const taken = held.has(id) || this.heldFor(id) !== undefined || HAS_PROCESS.has(this.world.state(id));
      if (!taken) continue;
      takeOver(id);
      this.unhold(id);
      held.add(id);
    }
    held.delete(died);
    if (held.size === 0) return;
    // By another strategy than this one, more may have stood still for a death that now waits for this one.
    const all = subtree(tree, rootOf(tree, died));
    const order = all.filter((id) => held.has(id) || plan.start.includes(id));
    const mourning: Mourning = { order, held, stopped: Promise.resolve() };
    this.mourned.set(died, mourning);
    const stops = order.filter((id) => held.has(id)).toReversed();
    mourning.stopped = Promise.all(earlier).then(() => this.stopHeld(died, mourning, stops, rest));
  }

  private async stopHeld(died: string, mourning: Mourning, order: readonly string[], rest: 'hibernated' | 'stopped') {
    for (const id of order) {
      if (!mourning.held.has(id) || this.world.state(id) === rest) continue;
      await this.world.stop(id, rest, `waits for ${died}, which ended`).catch(this.report(id, 'not stopped'));
    }
  }

  private resume(id: string): void {
    const mourning = this.mourned.get(id);
    if (mourning === undefined) return;
    mourning.starting ??= mourning.stopped
      .then(() => this.startHeld(id, mourning, mourning.order))
      .then(() => {
        if (this.mourned.get(id) === mourning) this.mourned.delete(id);
      });
  }

  /** Starts those of `order` that are held, one after another, as long as nothing newer has come between. */
  private async startHeld(died: string, mourning: Mourning, order: readonly string[]): Promise<void> {
    for (const id of order) {
      if (this.mourned.get(died) !== mourning) return;
      if (!mourning.held.delete(id) || !this.world.should_run(id)) continue;
      await this.world.start(id, `goes with ${died}`, { remember: true }).catch(this.report(id, 'not started'));
    }
  }
}
