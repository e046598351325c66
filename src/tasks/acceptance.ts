import { Inject, Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { Fleet } from '../agents/fleet.js';
import { Launcher } from '../agents/launcher.js';
import { ProcessHost } from '../agents/process/process-host.js';
import type { AcceptanceResult, Evidence } from '../contracts/task.js';
import { RegistryService } from '../registry/registry.service.js';
import { redact, redactValues } from '../registry/redact.js';
import { Clock } from '../shared/clock.js';
import { newId } from '../shared/ids.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf } from '../shared/nox-error.js';
import { Ends } from './ends.js';

/** Runs acceptance commands where the agent works, confined as the agent is, one task of an agent after another. */
@Injectable()
export class Acceptance {
  private readonly queue = new KeyedQueue();

  constructor(
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(Launcher) private readonly launcher: Launcher,
    @Inject(ProcessHost) private readonly host: ProcessHost,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Runs them in order and stops at the first that fails. Never rejects: what cannot be run has not passed. */
  prove(agent_id: string, commands: readonly string[]): Promise<Evidence> {
    return this.queue.run(agent_id, async () => {
      const started_at = this.clock.iso();
      const results: AcceptanceResult[] = [];
      for (const command of commands) {
        const result = await this.run(agent_id, command);
        results.push(result);
        if (!result.passed) break;
      }
      const passed = results.length === commands.length && results.every((result) => result.passed);
      return { passed, started_at, ended_at: this.clock.iso(), results };
    });
  }

  private async run(agent_id: string, command: string): Promise<AcceptanceResult> {
    const started_ms = this.clock.now();
    let secrets: Record<string, string> = {};
    const told = (facts: Pick<AcceptanceResult, 'exit_code' | 'timed_out' | 'output'>): AcceptanceResult => ({
      command,
      ...facts,
      passed: facts.exit_code === 0 && !facts.timed_out,
      output: redact(redactValues(facts.output, secrets)),
      duration_ms: this.clock.now() - started_ms,
    });
    try {
      const config = this.registry.agents().get(agent_id);
      if (config === undefined) throw new Error(`agent ${agent_id} is not there`);
      const { cwd, env, confine } = await this.launcher.placeFor(agent_id, config);
      secrets = Object.fromEntries(Object.keys(config.env ?? {}).map((name) => [name, env[name] ?? '']));
      const run = await this.host.spawn({ run_id: newId('run'), argv: ['/bin/sh', '-c', command], cwd, env, confine });
      const held = this.fleet.resources.holdMemory(agent_id, run);
      run.stdin.end();
      const output = new Ends();
      const read = Promise.all([collect(run.stdout, output), collect(run.stderr, output)]);
      let timed_out = false;
      const cancel = this.clock.after(this.registry.config().tasks.accept_timeout_s * 1000, () => {
        timed_out = true;
        void run.end({ grace_ms: 0 });
      });
      const { exit_code } = await run.exited;
      cancel();
      const [over] = await Promise.all([held, read]);
      const note = over === null ? '' : `\n(Nox ended it: ${over})`;
      return told({ exit_code: over === null ? exit_code : null, timed_out, output: output.text(secrets) + note });
    } catch (error) {
      return told({ exit_code: null, timed_out: false, output: `Nox could not run it: ${messageOf(error)}` });
    }
  }
}

async function collect(stream: Readable, output: Ends): Promise<void> {
  try {
    for await (const chunk of stream) output.add(chunk as Buffer);
  } catch (error) {
    // A stream that breaks off has said what it said.
    output.add(Buffer.from(`\n(the output broke off: ${messageOf(error)})`));
  }
}
