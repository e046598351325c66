import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import type { ReconcileStep } from '../contracts/registry.js';
import { EXTERNAL, type Intent, Reconciler, RegistryService } from '../registry/registry.service.js';
import { messageOf } from '../shared/nox-error.js';
import { isAtRest, isLive } from './agent-state.js';
import { Fleet } from './fleet.js';
import { planReconcile } from './reconcile.js';

/** Lets the live agents follow when intent changed as a whole: a rollback, a switch, an edit by hand. */
@Injectable()
export class AgentsReconciler extends Reconciler {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Fleet) private readonly fleet: Fleet,
  ) {
    super();
  }

  plan(before: Intent, after: Intent): ReconcileStep[] {
    const observed = (id: string) => (this.fleet.has(id) ? this.fleet.get(id).process_state : 'stopped');
    return planReconcile(before.agents, after.agents, observed);
  }

  /** Carries out the plan; a step that fails says so in its reason, and the others go on. */
  async apply(before: Intent, after: Intent, actor: Actor): Promise<ReconcileStep[]> {
    const done: ReconcileStep[] = [];
    // Whoever is in the registry again can be seen at once, before anybody is waited for.
    const steps = this.plan(before, after);
    for (const { action, agent_id } of steps)
      if (action === 'create' && !this.fleet.has(agent_id)) this.fleet.add(agent_id);
    const reason = `the configuration was changed by ${actor.name}`;
    for (const step of steps) {
      const problem = await this.applyStep(step, reason, actor.name === EXTERNAL.name).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
      done.push(problem === undefined ? step : { ...step, reason: `${step.reason} (failed: ${problem})` });
    }
    return done;
  }

  /** At once when it is idle, else when its turn has ended. */
  async restartWhenIdle(id: string, reason: string): Promise<void> {
    if (isAtRest(this.fleet.get(id).activity)) await this.restartNow(id, reason);
    else this.fleet.restartAfterTurn(id, () => this.restartNow(id, reason));
  }

  /** `gently`: an agent that works ends its turn before it restarts, as after a change over the API. */
  private async applyStep({ agent_id: id, action }: ReconcileStep, reason: string, gently: boolean): Promise<void> {
    switch (action) {
      case 'create':
        await this.registry.record.ensureAgent(id);
        return;
      case 'remove':
        await this.fleet.stop(id, reason);
        this.fleet.retire(id, reason);
        this.fleet.forget(id);
        return;
      case 'start':
        await this.fleet.serially(id, () => this.fleet.start(id, reason));
        return;
      case 'stop':
        await this.fleet.stop(id, reason);
        this.fleet.retire(id, reason);
        return;
      case 'restart':
        await (gently ? this.restartWhenIdle(id, reason) : this.restartNow(id, reason));
        return;
      case 'update':
        return;
    }
  }

  private async restartNow(id: string, reason: string): Promise<void> {
    await this.fleet.stop(id, reason);
    await this.fleet.serially(id, async () => {
      if (!isLive(this.fleet.get(id).process_state)) await this.fleet.start(id, reason);
    });
  }
}
