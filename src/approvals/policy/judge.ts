import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Approval } from '../../contracts/approval.js';
import type { Policy } from '../../contracts/policy.js';
import { Clock } from '../../shared/clock.js';
import type { Risk } from '../finding.js';
import { NO_POLICY, PolicySource } from '../ports.js';
import { RealPaths } from '../real-paths.js';
import { askedOf } from '../request.js';
import { classify, type RiskyCall } from '../risk.js';
import { ShellParser } from '../shell/shell-parser.js';
import { evaluate, type Verdict } from './evaluate.js';
import { factsOf } from './facts.js';
import { profileVerdict } from './profile.js';
import type { Answered } from './propose.js';

/** A call to judge. */
export type Judgeable = RiskyCall & { readonly agent_id: string };

export interface Judgement {
  readonly risk: Risk;
  readonly verdict: Verdict;
  readonly policy_version: string;
  /** The words of each command of a shell call; null when they are not known for sure, or it is none. */
  readonly commands: readonly (readonly string[])[] | null;
}

/** Brings together the shell parser, the file system, the rules in force and the pure decisions. */
@Injectable()
export class PolicyJudge {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Optional() @Inject(PolicySource) readonly source: PolicySource = NO_POLICY,
    @Optional() @Inject(RealPaths) private readonly paths: RealPaths = new RealPaths(),
    @Optional() @Inject(ShellParser) private readonly shell: ShellParser = new ShellParser(),
  ) {}

  /** What rules and Nox's own knowledge say about a call; by another policy than the one in force, if it is given. */
  async judge(given: Judgeable, policy?: Policy): Promise<Judgement> {
    const call = await this.read(given);
    const resolve = this.paths.from(call.cwd);
    const risk = classify(call, resolve);
    const { policy: in_force, version } = this.source.current();
    const agent = this.source.agent(call.agent_id);
    const facts = factsOf(call, risk, agent, { resolve, now: new Date(this.clock.now()) });
    return {
      risk,
      verdict: profileVerdict(agent.permissions, facts) ?? evaluate(policy ?? in_force, facts),
      policy_version: version,
      commands: call.commands?.map(({ words }) => words) ?? null,
    };
  }

  /** What a person's answer tells for rules to come. */
  async answered(approval: Approval, policy: Policy): Promise<{ verdict: Verdict; answered: Answered }> {
    const call = await this.read(askedOf(approval));
    const resolve = this.paths.from(call.cwd);
    const risk = classify(call, resolve);
    const facts = factsOf(call, risk, this.source.agent(call.agent_id), { resolve, now: new Date(this.clock.now()) });
    const { commands = null, workspace, paths, hosts } = facts;
    const named = [...paths, ...(commands ?? []).flatMap((one) => one.paths)];
    const answered = {
      approval,
      commands,
      inside: named.every((path) => path !== null && (path === workspace || path.startsWith(`${workspace}/`))),
      outward: hosts.length > 0,
    };
    return { verdict: evaluate(policy, facts), answered };
  }

  private async read(given: Judgeable): Promise<Judgeable> {
    const call = { ...given, plans: this.source.plans?.() };
    const { command } = call.input;
    if (call.tool_name !== 'Bash' || typeof command !== 'string') return call;
    return { ...call, commands: await this.shell.commandsOf(command) };
  }
}
