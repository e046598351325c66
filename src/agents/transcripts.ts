import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { RegistryService } from '../registry/registry.service.js';
import { errnoOf } from '../shared/nox-error.js';
import { claudeHome } from './runtime/claude/claude-home.js';
import { promptsIn } from './runtime/claude/transcript.js';
import { RunStore } from './run-store.js';
import { Surroundings } from './surroundings.js';

/** What an agent's session remembers, as its program has written it down: the truth after a crash. */
@Injectable()
export class Transcripts {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(Surroundings) private readonly around: Surroundings,
  ) {}

  /**
   * Which of the prompts the agent's present session has read; undefined when its program keeps no transcript that Nox
   * can read.
   */
  async read(agent_id: string, prompt_uuids: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    if (this.registry.agents().get(agent_id)?.runtime !== 'claude') return undefined;
    const session_id = this.runs.session(agent_id)?.session_id;
    if (session_id === undefined) return new Set();
    const text = await this.find(`${session_id}.jsonl`);
    return text === undefined ? new Set() : promptsIn(text, prompt_uuids);
  }

  /** In any project folder: the CLI names them by a working directory, which may have changed. */
  private async find(name: string): Promise<string | undefined> {
    const projects = join(claudeHome(this.around.env), 'projects');
    const folders = await readdir(projects).catch((error: unknown) => whenMissing([], error));
    for (const folder of folders) {
      const text = await readFile(join(projects, folder, name), 'utf8').catch((error: unknown) =>
        whenMissing(undefined, error),
      );
      if (text !== undefined) return text;
    }
    return undefined;
  }
}

function whenMissing<T>(value: T, error: unknown): T {
  if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return value;
  throw error;
}
