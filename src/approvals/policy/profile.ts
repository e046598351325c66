import type { PermissionProfile } from '../../contracts/agent.js';
import type { PolicyFacts, Verdict } from './evaluate.js';

const WRITERS = ['Write', 'Edit', 'MultiEdit', 'NotebookEdit'];
const READERS = ['Read', 'Glob', 'Grep', 'LS'];
const OUTWARD = ['WebFetch', 'WebSearch'];

/**
 * What an agent's profile forbids outright; null where it says nothing, and the rules decide. A profile only takes away:
 * no rule can give back what it forbids. A shell command that was not read for sure counts as one that does everything.
 */
export function profileVerdict(profile: PermissionProfile | undefined, facts: PolicyFacts): Verdict | null {
  if (profile === undefined) return null;
  const { filesystem, network, tools, hosts } = profile;
  const { tool_name } = facts;
  if (tools?.deny?.some((name) => isNamed(name, tool_name)) === true)
    return denies('tools', `${tool_name} is not for it`);
  if (tools?.allow !== undefined && !tools.allow.some((name) => isNamed(name, tool_name)))
    return denies('tools', `${tool_name} is not among its tools`);
  const shell = tool_name === 'Bash';
  if (filesystem === 'none' && (shell || WRITERS.includes(tool_name) || READERS.includes(tool_name)))
    return denies('filesystem', 'it may touch no files');
  if (filesystem === 'ro' && WRITERS.includes(tool_name)) return denies('filesystem', 'it may only read files');
  if (filesystem === 'ro' && shell && !onlyLooks(facts))
    return denies('filesystem', 'it may only read files, and this command may do more');
  if (network === 'none' && OUTWARD.includes(tool_name)) return denies('network', 'it may not use the network');
  if (network === 'none' && shell && !onlyLooks(facts))
    return denies('network', 'it may not use the network, and this command may');
  if (network === 'limited') {
    const other = facts.hosts.find((host) => !hosts.some((one) => isHost(one, host)));
    if (other !== undefined) return denies('network', `it may not reach ${other}`);
    if (tool_name === 'WebSearch') return denies('network', 'a search reaches hosts that nobody named');
    if (shell && facts.commands === null) return denies('network', 'it is not sure which hosts this command reaches');
  }
  return null;
}

/** Tools that a profile leaves no use for: the CLI does not even offer them to the model. */
export function uselessTools(profile: PermissionProfile | undefined): string[] {
  if (profile === undefined) return [];
  const { filesystem, network, tools } = profile;
  return [
    ...(tools?.deny ?? []).filter((name) => !name.endsWith('*')),
    ...(filesystem === 'none' ? [...READERS, ...WRITERS, 'Bash'] : filesystem === 'ro' ? WRITERS : []),
    ...(network === 'none' ? OUTWARD : network === 'limited' ? ['WebSearch'] : []),
  ];
}

const onlyLooks = ({ commands }: PolicyFacts): boolean =>
  commands !== undefined && commands !== null && commands.length > 0 && commands.every(({ harmless }) => harmless);
const isNamed = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
const isHost = (pattern: string, host: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1).toLowerCase()) : pattern.toLowerCase() === host;
const denies = (part: string, why: string): Verdict => ({
  effect: 'deny',
  rule_id: `profile:${part}`,
  reason: `The permissions of this agent forbid it: ${why}.`,
});
