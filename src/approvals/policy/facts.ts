import type { PermissionProfile } from '../../contracts/agent.js';
import { absolute, type Place, type Resolve } from '../paths.js';
import { callPaths, type RiskyCall } from '../risk.js';
import type { Risk } from '../finding.js';
import { everyCommand } from '../shell/every-command.js';
import { isHarmlessTarget, type JudgedCommand, judgeCommands } from '../shell/judge-script.js';
import type { CommandFacts, PolicyFacts } from './evaluate.js';

/** What is known of the agent when it asks. */
export interface AgentFacts {
  readonly capabilities: readonly string[];
  readonly spent_usd: number;
  readonly permissions?: PermissionProfile | undefined;
}

/** Gathers what rules may ask for. Pure: where paths lead is told by `resolve`. */
export function factsOf(
  call: RiskyCall & { readonly agent_id: string },
  risk: Risk,
  agent: AgentFacts,
  { resolve, now }: { readonly resolve: Resolve; readonly now: Date },
): PolicyFacts {
  const named = absolute(call.workspace ?? call.cwd, call.cwd);
  const workspace = resolve(named) ?? named;
  const place: Place = { cwd: call.cwd, workspace, resolve };
  const base = {
    agent_id: call.agent_id,
    capabilities: agent.capabilities,
    spent_usd: agent.spent_usd,
    tool_name: call.tool_name,
    risk_level: risk.level,
    risk_reasons: risk.reasons,
    workspace,
    minute: now.getHours() * 60 + now.getMinutes(),
    paths: callPaths(call).map((path) => resolve(path)),
    hosts: hostsIn(JSON.stringify(call.input)),
  };
  if (call.tool_name !== 'Bash') return base;
  const { command } = call.input;
  const text = typeof command === 'string' ? command : '';
  const commands =
    call.commands === undefined || call.commands === null
      ? null
      : judgeCommands(call.commands, place).map((one) => commandFacts(one, resolve));
  return { ...base, commands, loose: everyCommand(text) };
}

function commandFacts(command: JudgedCommand, resolve: Resolve): CommandFacts {
  const { words, reads, writes, findings, cwds } = command;
  const files = [
    ...reads.map((path) => ({ tool_name: 'Read' as const, path })),
    ...writes.map((path) => ({ tool_name: 'Write' as const, path })),
  ].filter(({ path }) => !isHarmlessTarget(path));
  const from = (path: string): (string | null)[] => cwds.map((cwd) => resolve(absolute(path, cwd)));
  return {
    words,
    harmless: findings !== null && findings.every(({ level }) => level === 'low'),
    paths: [...cwds.map((cwd) => resolve(cwd)), ...words.slice(1).flatMap(pathsIn).flatMap(from)],
    hosts: hostsIn(words.join(' ')),
    files: files.flatMap(({ tool_name, path }) => from(path).map((real) => ({ tool_name, path: real }))),
  };
}

/** Every argument may be a path; of an option it is what follows its first slash or its equals sign. */
function pathsIn(arg: string): string[] {
  if (!arg.startsWith('-')) return [arg];
  const found = /=(.*)$/s.exec(arg)?.[1] ?? /[/~].*$/s.exec(arg)?.[0];
  return found === undefined || found === '' ? [] : [found];
}

function hostsIn(text: string): string[] {
  const found = [
    ...text.matchAll(/[a-z][a-z0-9+.-]*:\/\/(?:[^\s/@"'\\]*@)?(\[[0-9a-f:]+\]|[^\s/:?#"'\\]+)/gi),
    ...text.matchAll(/(?:^|[\s"'])[\w.-]+@([\w.-]+):/g),
  ];
  return [...new Set(found.map(([, host = '']) => host.toLowerCase().replace(/\.$/, '')))];
}
