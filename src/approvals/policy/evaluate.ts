import type { RiskLevel } from '../../contracts/approval.js';
import type { CommandPattern, Policy, PolicyEffect, PolicyRule, PolicyWhen } from '../../contracts/policy.js';

/** A command of a script that was read for sure. */
export interface CommandFacts {
  readonly words: readonly string[];
  /** Nox itself knows that it only looks, inside the workspace. */
  readonly harmless: boolean;
  /** Where the paths that it names really lead; null when that cannot be said. */
  readonly paths: readonly (string | null)[];
  readonly hosts: readonly string[];
  /** Files that it redirects, as calls of the tools that do the same. */
  readonly files: readonly { readonly tool_name: 'Read' | 'Write'; readonly path: string | null }[];
}

/** Everything about a call that a rule may ask for. */
export interface PolicyFacts {
  readonly agent_id: string;
  readonly capabilities: readonly string[];
  readonly tool_name: string;
  readonly risk_level: RiskLevel;
  readonly risk_reasons: readonly string[];
  readonly paths: readonly (string | null)[];
  readonly hosts: readonly string[];
  readonly workspace: string;
  /** Minutes since midnight on the server's clock. */
  readonly minute: number;
  readonly spent_usd: number;
  /** For a shell command: its parts, or null when it could not be read for sure. Undefined for other tools. */
  readonly commands?: readonly CommandFacts[] | null;
  /** For a shell command: every command that it may run, found leniently. */
  readonly loose?: readonly (readonly string[])[];
}

export interface Verdict {
  readonly effect: PolicyEffect;
  /** Null: no rule decided, but what Nox itself knows. */
  readonly rule_id: string | null;
  readonly reason: string;
}

/** One thing that rules are matched against: a whole call, or one command of it. */
interface Subject {
  readonly tool_name: string;
  readonly words: readonly string[] | null;
  readonly loose: readonly (readonly string[])[];
  readonly paths: readonly (string | null)[];
  readonly hosts: readonly string[];
}

const RANK: Record<PolicyEffect, number> = { allow: 0, ask: 1, deny: 2 };

/**
 * What the policy says about a call: the first rule that matches. Each command of a script is judged alone, and the
 * strictest word counts. Nothing critical is ever allowed by a rule, nor a command that could not be read for sure;
 * rules that ask or forbid also match what such a command may hide.
 */
export function evaluate(policy: Policy, facts: PolicyFacts): Verdict {
  const verdict = facts.tool_name === 'Bash' ? ofShell(policy, facts) : ofCall(policy, facts);
  if (verdict.effect === 'allow' && verdict.rule_id !== null && facts.risk_level === 'critical')
    return { effect: 'ask', rule_id: verdict.rule_id, reason: `rule ${verdict.rule_id} cannot allow what is critical` };
  return verdict;
}

function ofCall(policy: Policy, facts: PolicyFacts): Verdict {
  const subject: Subject = { ...facts, words: null, loose: facts.loose ?? [] };
  const rule = policy.rules.find((one) => matches(one, subject, facts));
  if (rule !== undefined) return says(rule);
  return facts.risk_level === 'low' ? known(facts.risk_reasons.join('; ')) : UNRULED;
}

function ofShell(policy: Policy, facts: PolicyFacts): Verdict {
  const { commands = null } = facts;
  if (commands === null) {
    const strict = { ...policy, rules: policy.rules.filter(({ then: effect }) => effect !== 'allow') };
    const verdict = ofCall(strict, { ...facts, risk_level: worseThanLow(facts.risk_level) });
    return verdict.rule_id === null ? { ...UNRULED, reason: 'Nox cannot be sure what this command runs' } : verdict;
  }
  const verdicts = commands.flatMap((command) => ofCommand(policy, command, facts));
  // All harmless, and yet the whole is not: something beside the commands, such as a setting, is risky.
  if (verdicts.every(({ rule_id, effect }) => rule_id === null && effect === 'allow') && facts.risk_level !== 'low')
    return UNRULED;
  return verdicts.reduce((worst, verdict) => (RANK[verdict.effect] > RANK[worst.effect] ? verdict : worst), {
    ...(verdicts.find(({ rule_id }) => rule_id !== null) ?? known(facts.risk_reasons.join('; '))),
    effect: 'allow',
  });
}

function ofCommand(policy: Policy, command: CommandFacts, facts: PolicyFacts): Verdict[] {
  const subject: Subject = { ...command, tool_name: 'Bash', loose: facts.loose ?? [] };
  const rule = policy.rules.find((one) => matches(one, subject, facts));
  const files = command.files.map(({ tool_name, path }): Verdict => {
    const file: Subject = { tool_name, words: null, loose: [], paths: [path], hosts: [] };
    const found = policy.rules.find((one) => matches(one, file, facts));
    if (found !== undefined) return says(found);
    return command.harmless ? known('only looks') : UNRULED;
  });
  const own = rule !== undefined ? says(rule) : command.harmless ? known('only looks') : UNRULED;
  return [own, ...files];
}

const says = ({ id, then: effect, reason }: PolicyRule): Verdict => ({ effect, rule_id: id, reason });
const known = (reason: string): Verdict => ({ effect: 'allow', rule_id: null, reason });
const UNRULED: Verdict = { effect: 'ask', rule_id: null, reason: 'no rule decides this' };
const worseThanLow = (level: RiskLevel): RiskLevel => (level === 'low' ? 'medium' : level);

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

function matches({ when, then: effect }: PolicyRule, subject: Subject, facts: PolicyFacts): boolean {
  const lenient = effect !== 'allow';
  const some = <T>(items: readonly T[], fits: (item: T) => boolean): boolean =>
    lenient ? items.some(fits) : items.length > 0 && items.every(fits);
  const { tool, command, path_inside, host, agent, capability, risk, time, spent_below_usd } = when;
  if (tool !== undefined && !list(tool).some((name) => isNamed(name, subject.tool_name))) return false;
  if (command !== undefined && !commandFits(command, subject, lenient)) return false;
  if (path_inside !== undefined) {
    const roots = list(path_inside).map((root) => rootOf(root, facts.workspace));
    if (!some(subject.paths, (path) => path !== null && roots.some((root) => isInside(path, root)))) return false;
  }
  if (host !== undefined && !some(subject.hosts, (name) => list(host).some((one) => isHost(one, name)))) return false;
  if (agent !== undefined && !list(agent).includes(facts.agent_id)) return false;
  if (capability !== undefined && !list(capability).some((one) => facts.capabilities.includes(one))) return false;
  if (risk !== undefined && !list(risk).includes(facts.risk_level)) return false;
  if (time !== undefined && !isTime(time, facts.minute)) return false;
  return spent_below_usd === undefined || facts.spent_usd < spent_below_usd;
}

function commandFits(pattern: CommandPattern, subject: Subject, lenient: boolean): boolean {
  if (subject.tool_name !== 'Bash') return false;
  if (!lenient) return subject.words !== null && wordsFit(pattern, subject.words, list(pattern.program));
  const names = list(pattern.program).map((name) => baseName(name));
  return subject.loose.some(([program = '', ...args]) => wordsFit(pattern, [baseName(program), ...args], names));
}

function wordsFit(
  { args, args_start, args_contain }: CommandPattern,
  [program = '', ...given]: readonly string[],
  programs: readonly string[],
): boolean {
  if (!programs.includes(program)) return false;
  if (args !== undefined && !(args.length === given.length && args.every((arg, at) => arg === given[at]))) return false;
  if (args_start !== undefined && !args_start.every((arg, at) => arg === given[at])) return false;
  return (
    args_contain === undefined ||
    args_contain.every((arg) => given.some((one) => one === arg || one.startsWith(`${arg}=`)))
  );
}

const baseName = (program: string): string => program.replace(/^.*\//, '').toLowerCase();
const isNamed = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
const isHost = (pattern: string, host: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1).toLowerCase()) : pattern.toLowerCase() === host;
const isInside = (path: string, root: string): boolean =>
  path === root || path.startsWith(root === '/' ? '/' : `${root}/`);

/** `workspace` and relative folders are the agent's own. */
function rootOf(root: string, workspace: string): string {
  if (root === 'workspace') return workspace;
  const parts: string[] = [];
  for (const part of (root.startsWith('/') ? root : `${workspace}/${root}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function isTime({ from, to }: NonNullable<PolicyWhen['time']>, minute: number): boolean {
  const [start, end] = [minutesOf(from), minutesOf(to)];
  return start <= end ? minute >= start && minute < end : minute >= start || minute < end;
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}
