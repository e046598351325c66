import { Inject, Injectable } from '@nestjs/common';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { type ClaudeCli, findClaude } from './runtime/claude/find-claude.js';
import { Surroundings } from './surroundings.js';

/** How long a found CLI is believed to be there still: a start need not ask its version anew each time. */
const TRUST_MS = 60_000;

/** Finds the Claude CLI when it is needed; a failure is never remembered, so that installing it is enough. */
@Injectable()
export class ClaudeLocator {
  private found: { cli: ClaudeCli; until_ms: number; setting: string } | undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Surroundings) private readonly around: Surroundings,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Rejects with CLAUDE_CLI_UNAVAILABLE, which says how to install it. */
  async locate(): Promise<ClaudeCli> {
    const setting = this.registry.config().claude_cli.path;
    if (this.found !== undefined && this.found.setting === setting && this.clock.now() < this.found.until_ms)
      return this.found.cli;
    const { env } = this.around;
    const cli = await findClaude({ config_path: setting, env_path: env['NOX_CLAUDE_PATH'], path: env['PATH'] });
    this.found = { cli, until_ms: this.clock.now() + TRUST_MS, setting };
    return cli;
  }
}
