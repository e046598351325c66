import type { Approval } from '../../contracts/approval.js';
import type { PolicyRule } from '../../contracts/policy.js';

/** An answer that a person gave, and the commands of it if they were read for sure. */
export interface Answered {
  readonly approval: Approval;
  readonly commands: readonly { readonly words: readonly string[]; readonly harmless: boolean }[] | null;
  /** All paths lead into the agent's workspace. */
  readonly inside: boolean;
  /** Names a host. */
  readonly outward: boolean;
}

export interface Proposal {
  readonly rule: PolicyRule;
  readonly answers: readonly Approval[];
}

const EQUAL_ANSWERS = 3;
const MAX_PROPOSALS = 20;
const FILE_TOOLS = new Set(['Read', 'Write', 'Edit', 'MultiEdit', 'NotebookEdit', 'Glob', 'Grep', 'LS']);

/**
 * Rules that follow from at least three equal answers and none to the contrary. Only for what is no worse than `medium`,
 * stays in the workspace and names no host: reading secrets and reaching out are never proposed.
 */
export function proposeRules(answered: readonly Answered[], taken: ReadonlySet<string>): Proposal[] {
  const groups = new Map<string, { when: PolicyRule['when']; name: string; answers: Approval[] }>();
  for (const one of answered) {
    const pattern = patternOf(one);
    if (pattern === null) continue;
    const key = JSON.stringify(pattern.when);
    const group = groups.get(key) ?? { ...pattern, answers: [] };
    group.answers.push(one.approval);
    groups.set(key, group);
  }
  const ids = new Set(taken);
  return [...groups.values()].slice(0, MAX_PROPOSALS * 5).flatMap(({ when, name, answers }) => {
    const first = answers[0];
    const equal = answers.every(({ status }) => status === first?.status);
    if (first === undefined || !equal || answers.length < EQUAL_ANSWERS) return [];
    const agents = [...new Set(answers.map(({ agent_id }) => agent_id))].sort();
    const id = freeId(name, ids);
    ids.add(id);
    const rule: PolicyRule = {
      id,
      when: { ...when, agent: agents.length === 1 && agents[0] !== undefined ? agents[0] : agents },
      then: first.status === 'approved' ? 'allow' : 'deny',
      reason: `people ${first.status} this ${answers.length} times`,
      proposed_from: answers.map((approval) => approval.id),
    };
    return [{ rule, answers }];
  });
}

/** The rule that allows what was asked here, for this agent; or why none may be made of it. */
export function ruleOf(one: Answered, taken: ReadonlySet<string>): PolicyRule | string {
  const { approval, outward } = one;
  if (outward) return 'it names a host, and what reaches out is asked each time';
  if (approval.risk_level === 'high' || approval.risk_level === 'critical')
    return `its risk is ${approval.risk_level}, and that is asked each time`;
  const pattern = patternOf(one);
  if (pattern === null) return 'it is not a single plain command, or a file of the workspace';
  return {
    id: freeId(pattern.name, taken),
    when: { ...pattern.when, agent: approval.agent_id },
    then: 'allow',
    reason: 'a person approved this for the future',
    proposed_from: [approval.id],
  };
}

function patternOf({
  approval,
  commands,
  inside,
  outward,
}: Answered): { when: PolicyRule['when']; name: string } | null {
  const { tool_name, risk_level, request_type, updated_input } = approval;
  if (request_type !== 'tool_use' || updated_input !== null || outward) return null;
  if (risk_level !== 'medium' && risk_level !== 'low') return null;
  if (tool_name === 'Bash') {
    const risky = commands?.filter(({ harmless }) => !harmless) ?? [];
    const [program = '', ...args] = risky.length === 1 ? (risky[0]?.words ?? []) : [];
    if (program === '') return null;
    return { when: { tool: 'Bash', command: { program, args } }, name: [program, ...args].join('-') };
  }
  if (!FILE_TOOLS.has(tool_name) || !inside) return null;
  return { when: { tool: tool_name, path_inside: 'workspace' }, name: `${tool_name}-workspace` };
}

function freeId(name: string, taken: ReadonlySet<string>): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'rule';
  for (let n = 1; ; n += 1) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(id)) return id;
  }
}
