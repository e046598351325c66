import { Inject, Injectable } from '@nestjs/common';
import { join } from 'node:path';
import type { AgentConfig } from '../contracts/agent.js';
import { RegistryService } from '../registry/registry.service.js';
import { NoxError } from '../shared/nox-error.js';
import { buildAgentEnv } from './agent-env.js';
import { GateProof } from './canary/gate-proof.js';
import { ClaudeLocator } from './claude-locator.js';
import { ModelEndpoint } from './model-endpoint.js';
import { longestWait_s } from '../approvals/attention/quiet-hours.js';
import { uselessTools } from '../approvals/policy/profile.js';
import { controlsOf } from './process/controls.js';
import { confinedTo } from './permissions.js';
import type { Confine } from './process/process-host.js';
import { ClaudeRuntime } from './runtime/claude/claude-runtime.js';
import { CommandRuntime } from './runtime/command/command-runtime.js';
import type { AgentRuntime, RunRequest, RuntimeHandlers, RuntimeSession } from './runtime/runtime.js';
import { Surroundings } from './surroundings.js';
import { resolveReferences, resolveWorkspace, type WorkspaceRules } from './workspace.js';

/** Turns an agent's configuration into a running process: everything that can be wrong with it is found here. */
@Injectable()
export class Launcher {
  private readonly workspaces = new Map<string, string>();

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ModelEndpoint) private readonly model: ModelEndpoint,
    @Inject(ClaudeRuntime) private readonly claude: ClaudeRuntime,
    @Inject(ClaudeLocator) private readonly locator: ClaudeLocator,
    @Inject(GateProof) private readonly gate: GateProof,
    @Inject(CommandRuntime) private readonly command: CommandRuntime,
    @Inject(Surroundings) private readonly around: Surroundings,
  ) {}

  /** Throws VALIDATION_ERROR for what can be seen to be wrong before anything is stored. */
  async check(id: string, config: Pick<AgentConfig, 'cwd' | 'runtime' | 'command'>): Promise<void> {
    if (config.cwd !== undefined) await resolveWorkspace(id, config.cwd, this.rules());
    if ((config.runtime === 'command') !== (config.command !== undefined)) {
      const message =
        config.runtime === 'command' ? 'is needed for runtime "command"' : 'is only for runtime "command"';
      throw new NoxError('VALIDATION_ERROR', `command: ${message}`, [{ field: 'command', message }]);
    }
  }

  /** Throws CLAUDE_CLI_UNAVAILABLE when the agent's program is not there, GATE_UNPROVEN when it cannot be trusted to ask. */
  async checkProgram(runtime: AgentConfig['runtime']): Promise<void> {
    if (runtime !== 'claude') return;
    await this.locator.locate();
    await this.gate.assertProven();
  }

  /** The process exists only once `cleared` has resolved; what goes before that is done meanwhile. */
  async launch(
    id: string,
    config: AgentConfig,
    run: Pick<RunRequest, 'run_id' | 'session_id' | 'resume'>,
    handlers: RuntimeHandlers,
    cleared: Promise<void>,
  ): Promise<RuntimeSession> {
    // What is wrong with the configuration is told first; then nobody waits for this one.
    cleared.catch(() => undefined);
    await this.checkProgram(config.runtime);
    const settings = this.registry.config();
    const expires_after_s =
      this.registry.policy().policy.defaults.ask_expires_after_s ?? settings.approvals.ask_expires_after_s;
    const { env } = this.around;
    const [cwd, agent_env, model_env] = await Promise.all([
      resolveWorkspace(id, config.cwd, this.rules()),
      resolveReferences(config.env, { env, secrets: join(this.around.home, 'secrets') }),
      config.runtime === 'claude' ? this.model.env() : {},
    ]);
    this.workspaces.set(id, cwd);
    const parts = { nox_env: env, config: settings.claude_cli, agent_env, model_env, agent_id: id };
    const whole_env = buildAgentEnv(parts);
    const { home, registry } = this.around;
    const controls = await controlsOf({
      mode: settings.agents.confine,
      home,
      registry,
      nox_env: env,
      env: whole_env,
      cwd,
    });
    const confine = confinedTo(config, controls, cwd);
    await cleared;
    return this.runtimeOf(config.runtime).start(
      {
        ...run,
        agent_id: id,
        cwd,
        system_prompt: config.system_prompt,
        model: config.model,
        command: config.command,
        env: whole_env,
        confine,
        disallowed_tools: [...settings.claude_cli.disallowed_tools, ...uselessTools(config.permissions)],
        // Nox's own expiry must come first: the CLI's would be an answer that Nox did not give.
        tool_timeout_s: longestWait_s(expires_after_s, settings.attention.quiet_hours) + 60,
      },
      handlers,
    );
  }

  /** Where and as what a command runs that Nox itself gives in an agent's workspace: confined as the agent, without its model. */
  async placeFor(
    id: string,
    config: AgentConfig,
  ): Promise<{ cwd: string; env: Record<string, string>; confine: Confine }> {
    const settings = this.registry.config();
    const { env: nox_env, home, registry } = this.around;
    const [cwd, agent_env] = await Promise.all([
      resolveWorkspace(id, config.cwd, this.rules()),
      resolveReferences(config.env, { env: nox_env, secrets: join(home, 'secrets') }),
    ]);
    const claude_cli = { ...settings.claude_cli, pass_env: [] };
    const env = buildAgentEnv({ nox_env, config: claude_cli, agent_env, model_env: {}, agent_id: id });
    const controls = await controlsOf({ mode: settings.agents.confine, home, registry, nox_env, env, cwd });
    return { cwd, env, confine: confinedTo(config, controls, cwd) };
  }

  /** The folder in which the agent's last run was started, wherever it has gone since. */
  workspaceOf(id: string): string | undefined {
    return this.workspaces.get(id);
  }

  private rules(): WorkspaceRules {
    const { base, home, registry } = this.around;
    return { base, allowed_roots: this.registry.config().agents.allowed_roots, forbidden: [home, registry] };
  }

  private runtimeOf(name: AgentConfig['runtime']): AgentRuntime {
    return name === 'claude' ? this.claude : this.command;
  }
}
