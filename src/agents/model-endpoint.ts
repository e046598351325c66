import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import type { ModelMode } from '../contracts/system.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { ScriptedModel } from '../scripted-model/scripted-model.js';
import { StateDb } from '../shared/db/state-db.js';

const CHOICE = 'model_choice';

/** No traffic beside the model's: the scripted model is for machines without a way out. */
const QUIET = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1' };

/**
 * Where agents find their model. The settings say `claude` or `scripted`; with `auto` the very first start asks the CLI
 * whether it can log in, and that answer is stored and never changed by Nox again (DESIGN 2.14).
 */
@Injectable()
export class ModelEndpoint {
  private server: Promise<{ model: ScriptedModel; env: Record<string, string> }> | undefined;
  private deciding: Promise<void> = Promise.resolve();

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  mode(): ModelMode {
    const setting = this.registry.config().claude_cli.model_endpoint;
    if (setting !== 'auto') return setting;
    return this.db.getMeta(CHOICE) === 'scripted' ? 'scripted' : 'claude';
  }

  /** Whether Nox itself chose the scripted model and no person has said otherwise. */
  isDemo(): boolean {
    return this.registry.config().claude_cli.model_endpoint === 'auto' && this.mode() === 'scripted';
  }

  /**
   * On the very first start, in the background: asks with `canLogIn` and stores the answer; null (no CLI) leaves it
   * open for the next start. Agents that start meanwhile wait for it.
   */
  decideOnce(canLogIn: () => Promise<boolean | null>, tell: (demo: boolean) => void): Promise<void> {
    const open = this.registry.config().claude_cli.model_endpoint === 'auto' && this.db.getMeta(CHOICE) === undefined;
    if (!open) {
      tell(this.isDemo());
      return Promise.resolve();
    }
    this.deciding = canLogIn().then(async (can) => {
      if (can === null) return;
      await this.db.setMeta(CHOICE, can ? 'claude' : 'scripted');
      if (!can) await this.events.append('system.model_changed', { mode: 'scripted', demo: true, actor: 'nox' });
      tell(!can);
    });
    return this.deciding;
  }

  /** A person's choice: stored as intent. Live agents must be restarted by the caller. */
  async use(mode: ModelMode, actor: Actor): Promise<void> {
    await this.registry.updateConfig({ claude_cli: { model_endpoint: mode } }, actor, `use the ${mode} model`);
    await this.events.append('system.model_changed', { mode, demo: false, actor: actor.name });
  }

  /** Variables that lead an agent to the model in use; empty for the person's own Claude. */
  async env(): Promise<Record<string, string>> {
    await this.deciding.catch(() => undefined);
    if (this.mode() === 'claude') return {};
    this.server ??= this.serve();
    return (await this.server).env;
  }

  async close(): Promise<void> {
    const server = await this.server;
    await server?.model.close();
  }

  private async serve(): Promise<{ model: ScriptedModel; env: Record<string, string> }> {
    const api_key = `sk-scripted-${randomBytes(18).toString('hex')}`;
    const model = new ScriptedModel({ api_key });
    const { url } = await model.listen();
    return { model, env: { ...QUIET, ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: api_key } };
  }
}
