import type { ObjectChange, ReconcileStep, RegistryCommit, RollbackResult } from '../../contracts/registry.js';
import type { z } from 'zod';
import type { Cli } from '../cli.js';
import type { Style } from './style.js';
import type { Column } from './table.js';
import { cut, oneLine, plain, visible } from './text.js';
import { relative } from './time.js';

type Rollback = z.infer<typeof RollbackResult>;
const VALUE_WIDTH = 60;

const COLUMNS: readonly Column[] = [
  { head: 'COMMIT' },
  { head: 'WHEN' },
  { head: 'BY' },
  { head: 'SUBJECT', shrinks: true },
];

/** One line per commit. */
export function historyTable(cli: Cli, commits: readonly RegistryCommit[]): void {
  const rows = commits.map((c) => [
    { text: c.hash.slice(0, 8), paint: cli.style.yellow },
    relative(c.timestamp, cli.now_ms),
    c.actor ?? c.author,
    c.subject,
  ]);
  cli.printTable(COLUMNS, rows);
}

/** What changed, by object and field. */
export const changesView = (cli: Cli, objects: readonly ObjectChange[]): string => changes(objects, cli.style);

function changes(objects: readonly ObjectChange[], style: Style): string {
  return objects.map((o) => objectView(o, style)).join('');
}

function objectView({ kind, id, change, fields }: ObjectChange, style: Style): string {
  const [sign, paint] = { added: ['+', style.green], removed: ['-', style.red], changed: ['~', style.yellow] }[
    change
  ] as [string, (text: string) => string];
  const head = `${paint(`${sign} ${kind} ${oneLine(id)}`)} ${change}\n`;
  // An object that came or went is shown by its name; its fields are in the patch.
  if (change !== 'changed') return head;
  return head + fields.map((f) => `    ${oneLine(f.field)}: ${valueOf(f.before)} → ${valueOf(f.after)}\n`).join('');
}

function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return cut(oneLine(visible(JSON.stringify(value))), VALUE_WIDTH);
}

/** A unified diff, coloured. */
export function patchView(cli: Cli, patch: string): string {
  const { style } = cli;
  return plain(patch)
    .split('\n')
    .map((line) => {
      if (/^(diff |index |\+\+\+ |--- )/.test(line)) return style.bold(line);
      if (line.startsWith('+')) return style.green(line);
      if (line.startsWith('-')) return style.red(line);
      return line.startsWith('@@') ? style.cyan(line) : line;
    })
    .join('\n');
}

/** What a rollback would do: to the configuration, and to the agents that run. */
export function planView(cli: Cli, plan: Rollback, style: Style): string {
  const { target } = plan;
  const head = `Back to ${style.yellow(target.hash.slice(0, 8))} "${oneLine(target.subject)}" of ${relative(target.timestamp, cli.now_ms)}\n`;
  const objects = plan.objects.length === 0 ? 'No configuration changes.\n' : changes(plan.objects, style);
  return `${head}${objects}${stepsView(plan.reconciled)}`;
}

/** What happens to the agents that run. */
export function stepsView(steps: readonly ReconcileStep[]): string {
  if (steps.length === 0) return 'No agent is touched.\n';
  const rows = steps.map((s) => `  ${s.action.padEnd(8)}${oneLine(s.agent_id)}: ${oneLine(s.reason)}\n`);
  return `Agents:\n${rows.join('')}`;
}
