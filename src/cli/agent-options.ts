import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CreateAgent, UNSETTABLE, type UpdateAgent } from '../contracts/agent.js';
import type { Cli } from './cli.js';
import { usageError } from './cli-error.js';
import { readAll } from './io.js';

/** Options that making and changing an agent have in common. */
export interface AgentOptions {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly model?: string;
  readonly cwd?: string;
  readonly command?: string[];
  readonly capability?: string[];
  readonly priority?: UpdateAgent['priority'];
  readonly env?: Record<string, string>;
  readonly maxMemory?: number;
  readonly hibernateAfter?: number;
  readonly files?: 'none' | 'ro' | 'rw';
  readonly network?: 'none' | 'limited' | 'full';
  readonly host?: string[];
  readonly allowTool?: string[];
  readonly denyTool?: string[];
}

/** Adds them to a command. */
export function withAgentOptions(command: Command): Command {
  return command
    .option('--prompt <text>', 'its system prompt')
    .option('--prompt-file <file>', 'its system prompt from a file; - is stdin')
    .option('--model <model>', 'model of the Claude CLI, as sonnet')
    .option('--cwd <folder>', 'where it works; it must lie inside allowed_roots')
    .option('--command <words...>', 'program and arguments, for --runtime command; or put them after --')
    .option('--capability <names...>', 'what it is good at')
    .addOption(new Option('--priority <priority>', 'who goes first').choices(['critical', 'high', 'medium', 'low']))
    .option(
      '--env <NAME=reference>',
      'a variable, as GH_TOKEN=env:GH_TOKEN or =file:name (can be repeated)',
      collectEnv,
    )
    .option('--max-memory <mb>', 'memory limit in MiB', wholeNumber)
    .option('--hibernate-after <seconds>', 'how long it may be idle; 0 for ever', wholeNumber)
    .addOption(new Option('--files <access>', 'files it may ever touch').choices(['none', 'ro', 'rw']))
    .addOption(new Option('--network <access>', 'network it may ever use').choices(['none', 'limited', 'full']))
    .option('--host <names...>', 'hosts of --network limited, as *.example.org')
    .option('--allow-tool <names...>', 'only these tools, as Read or mcp__github__*')
    .option('--deny-tool <names...>', 'never these tools');
}

/** What making and changing an agent have in common. */
export type AgentFields = Partial<Omit<CreateAgent, 'id' | 'start' | 'runtime' | 'parent_id'>>;

/** The fields of the API that the options name. Arguments after `--` go to the command. */
export async function agentFields(cli: Cli, options: AgentOptions, args: readonly string[]): Promise<AgentFields> {
  const { model, priority, env, maxMemory, hibernateAfter } = options;
  const command = commandOf(options, args);
  const system_prompt = await promptOf(cli, options);
  return {
    ...(system_prompt === undefined ? {} : { system_prompt }),
    ...(model === undefined ? {} : { model }),
    ...(options.cwd === undefined ? {} : { cwd: placeOf(cli, options.cwd) }),
    ...(command === undefined ? {} : { command }),
    ...(options.capability === undefined ? {} : { capabilities: options.capability }),
    ...(priority === undefined ? {} : { priority }),
    ...(env === undefined ? {} : { env }),
    ...(maxMemory === undefined ? {} : { resource_limits: { max_memory_mb: maxMemory } }),
    ...(hibernateAfter === undefined ? {} : { idle: { hibernate_after_s: hibernateAfter } }),
    ...profileOf(options),
  };
}

/** The whole profile: what is not named is not limited. */
function profileOf({
  files,
  network,
  host,
  allowTool: allow,
  denyTool: deny,
}: AgentOptions): Pick<CreateAgent, 'permissions'> {
  if ([files, network, host, allow, deny].every((one) => one === undefined)) return {};
  if (host !== undefined && network !== 'limited') throw usageError('--host belongs to --network limited.');
  const tools = { ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) };
  return {
    permissions: {
      filesystem: files ?? 'rw',
      network: network ?? 'full',
      hosts: host ?? [],
      ...(allow === undefined && deny === undefined ? {} : { tools }),
    },
  };
}

/** The same, with settings that are to be taken away: null in a patch. Nothing may be both set and taken away. */
export function withUnset(fields: AgentFields, unset: readonly string[] = []): UpdateAgent {
  const body: Record<string, unknown> = { ...fields };
  for (const name of unset) {
    if (!UNSETTABLE.includes(name))
      throw usageError(`--unset ${name}: not a setting that can be taken away; there are ${UNSETTABLE.join(', ')}.`);
    const [table = '', key] = name.split('.');
    const known = body[table];
    const is_table = typeof known === 'object' && known !== null;
    if (key === undefined ? known !== undefined : is_table && key in known)
      throw usageError(`${name} is both set and taken away.`);
    body[table] = key === undefined ? null : { ...(is_table ? known : {}), [key]: null };
  }
  return body;
}

function commandOf(options: AgentOptions & { runtime?: string }, args: readonly string[]): string[] | undefined {
  if (options.command === undefined && args.length === 0) return undefined;
  // Words that nobody asked for are most likely a name without quotes, not a program to run.
  if (options.command === undefined && options.runtime === 'claude') throw usageError(`What is ${args.join(' ')}?`);
  if (options.command === undefined && options.runtime === undefined) {
    throw usageError(`"${args.join(' ')}" is too much: quote names with spaces, and give programs with --command.`);
  }
  return [...(options.command ?? []), ...args];
}

async function promptOf(cli: Cli, { prompt, promptFile }: AgentOptions): Promise<string | undefined> {
  if (prompt !== undefined && promptFile !== undefined) throw usageError('Give --prompt or --prompt-file, not both.');
  if (promptFile === undefined) return prompt;
  return promptFile === '-' ? readAll(cli.io.stdin) : readFile(resolve(cli.io.cwd, promptFile), 'utf8');
}

/** On this machine a relative folder is meant from here; elsewhere only the server knows its folders. */
function placeOf(cli: Cli, folder: string): string {
  const { hostname } = new URL(cli.url);
  const is_here = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  return is_here ? resolve(cli.io.cwd, folder) : folder;
}

function collectEnv(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must look like NAME=env:NAME or NAME=file:name.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

/** An option that is a whole number. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
