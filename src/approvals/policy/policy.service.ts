import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import type { Approval } from '../../contracts/approval.js';
import type { Actor } from '../../contracts/auth.js';
import type { PolicyTestRequest } from '../../contracts/policy.js';
import type {
  DryRun,
  Policy,
  PolicyProposal,
  PolicyRule,
  PolicyTestReply,
  PolicyVerdict,
  PolicyView,
  RuleOffer,
} from '../../contracts/policy.js';
import { parsePolicy } from '../../registry/policy-change.js';
import { RegistryService } from '../../registry/registry.service.js';
import { StateDb } from '../../shared/db/state-db.js';
import { answeredByPeople } from '../approval-store.js';
import { canonicalJson } from '../canonical.js';
import { askedOf } from '../request.js';
import { NoxError } from '../../shared/nox-error.js';
import { validationProblem } from '../problem.js';
import { sumUpRun } from './dry-run.js';
import { PolicyJudge } from './judge.js';
import { proposeRules, ruleOf } from './propose.js';

const LOOKED_AT = 200;
const DRY_RUN_OVER = 60;
const DISMISSED = 'dismissed_proposals';
const MAX_DISMISSED = 1000;

/** What a rule does, whatever it is called. */
const keyOf = ({ when, then: effect }: PolicyRule): string => canonicalJson([when, effect]);

/** The rules: reading and changing them, trying them on past requests, and proposing new ones. */
@Injectable()
export class PolicyService {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(PolicyJudge) private readonly judge: PolicyJudge,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  view(): PolicyView {
    const { policy, text, version } = this.registry.policy();
    return { version, text, defaults: policy.defaults, rules: policy.rules };
  }

  /** VALIDATION_ERROR with line and field; INVALID_STATE when another version is in force by now. */
  async write(text: string, base_version: string | undefined, actor: Actor): Promise<PolicyView> {
    await this.registry.writePolicy(text, actor, base_version);
    return this.view();
  }

  async addRule(rule: PolicyRule, first: boolean, actor: Actor): Promise<PolicyView> {
    await this.registry.addRule(rule, first, actor);
    return this.view();
  }

  /** NOT_FOUND. */
  async removeRule(id: string, actor: Actor): Promise<PolicyView> {
    await this.registry.removeRule(id, actor);
    return this.view();
  }

  /** Judges a call and runs a policy over past requests. Changes nothing. VALIDATION_ERROR: a policy that does not fit. */
  async test({ text, rules = [], call, last }: PolicyTestRequestOf): Promise<PolicyTestReply> {
    const base = text === undefined ? this.registry.policy().policy : parsePolicy(text);
    const policy: Policy = { ...base, rules: [...rules, ...base.rules] };
    const verdict = call === undefined ? null : await this.verdictOn(call, policy);
    return { verdict, dry_run: await this.dryRun(policy, last) };
  }

  /** Rules that follow from equal answers, those with most answers first. */
  async proposals(): Promise<PolicyProposal[]> {
    const { policy } = this.registry.policy();
    const open = [];
    for (const approval of answeredByPeople(this.db, LOOKED_AT)) {
      const { verdict, answered } = await this.judge.answered(approval, policy);
      if (verdict.rule_id === null) open.push(answered);
    }
    const dismissed = this.dismissed();
    const proposed = proposeRules(open, new Set(policy.rules.map(({ id }) => id))).filter(
      ({ rule }) => !dismissed.includes(keyOf(rule)),
    );
    const proposals = proposed.map(async ({ rule, answers }): Promise<PolicyProposal> => ({
      id: rule.id,
      rule,
      answers: answers.length,
      last_at: answers.map(({ decided_at }) => decided_at ?? '').reduce((a, b) => (a > b ? a : b), ''),
      dry_run: await this.dryRun({ ...policy, rules: [...policy.rules, rule] }, DRY_RUN_OVER),
    }));
    return (await Promise.all(proposals)).sort((a, b) => b.answers - a.answers);
  }

  /** The rule that would follow from approving this request always, with its dry run, or why there is none. */
  async offer(approval: Approval): Promise<RuleOffer> {
    const { policy } = this.registry.policy();
    const { verdict, answered } = await this.judge.answered(approval, policy);
    const no = (why_not: string): RuleOffer => ({ rule: null, why_not, dry_run: null });
    if (verdict.rule_id !== null) return no(`the rule ${verdict.rule_id} says something of it already`);
    const rule = ruleOf(answered, new Set(policy.rules.map(({ id }) => id)));
    if (typeof rule === 'string') return no(rule);
    return {
      rule,
      why_not: null,
      dry_run: await this.dryRun({ ...policy, rules: [...policy.rules, rule] }, DRY_RUN_OVER),
    };
  }

  /** The same rule, to be put in force; VALIDATION_ERROR when there is none, FORBIDDEN for whoever may not change rules. */
  async ruleToRemember(approval: Approval, actor: Actor): Promise<PolicyRule> {
    if (actor.role !== 'admin')
      throw new NoxError('FORBIDDEN', 'Only admins change the policy; approve without "remember".');
    const { rule, why_not } = await this.offer(approval);
    if (rule === null) throw validationProblem('remember', `cannot be done: ${why_not ?? 'there is no such rule'}`);
    return rule;
  }

  /** A person does not want this rule: it is not proposed again. NOT_FOUND. Answers those that are left. */
  async dismiss(id: string): Promise<PolicyProposal[]> {
    const proposal = (await this.proposals()).find((one) => one.id === id);
    if (proposal === undefined) throw new NoxError('NOT_FOUND', `No proposal has the id ${id}.`);
    const kept = [...this.dismissed(), keyOf(proposal.rule)].slice(-MAX_DISMISSED);
    await this.db.setMeta(DISMISSED, JSON.stringify(kept));
    return this.proposals();
  }

  private dismissed(): string[] {
    return z.array(z.string()).parse(JSON.parse(this.db.getMeta(DISMISSED) ?? '[]'));
  }

  private async verdictOn(call: NonNullable<PolicyTestRequestOf['call']>, policy: Policy): Promise<PolicyVerdict> {
    const { agent_id = 'any-agent', tool_name, input, cwd = '/workspace' } = call;
    const { verdict, risk, commands } = await this.judge.judge({ agent_id, tool_name, input, cwd }, policy);
    return {
      ...verdict,
      risk_level: risk.level,
      reasons: [...risk.reasons],
      commands: commands?.map((words) => [...words]) ?? null,
    };
  }

  private async dryRun(policy: Policy, last: number): Promise<DryRun> {
    const judged: { approval: Approval; verdict: Awaited<ReturnType<PolicyJudge['judge']>>['verdict'] }[] = [];
    for (const approval of answeredByPeople(this.db, last)) {
      judged.push({ approval, verdict: (await this.judge.judge(askedOf(approval), policy)).verdict });
    }
    return sumUpRun(judged);
  }
}

type PolicyTestRequestOf = ReturnType<(typeof PolicyTestRequest)['parse']>;
