import type { Approval } from '../../contracts/approval.js';
import type { Cli } from '../cli.js';
import { shortInput } from './prompt-printer.js';
import { riskCell, stateCell } from './style.js';
import { type Column, pairs } from './table.js';
import { visible, visibleJson } from './text.js';
import { relative } from './time.js';

const COLUMNS: readonly Column[] = [
  { head: 'ID' },
  { head: 'AGENT' },
  { head: 'RISK' },
  { head: 'STATUS' },
  { head: 'ASKED' },
  { head: 'BEHIND' },
  { head: 'TOOL' },
  { head: 'WHAT', shrinks: true },
];

/** One line per request. */
export function approvalTable(cli: Cli, approvals: readonly Approval[]): void {
  const rows = approvals.map((a) => [
    a.id,
    a.agent_id,
    riskCell(a.risk_level, cli.style),
    stateCell(a.status, cli.style),
    relative(a.requested_at, cli.now_ms),
    behind(a),
    a.tool_name,
    shortInput(a.input),
  ]);
  cli.printTable(COLUMNS, rows);
}

/** The whole request, with the exact input. */
export function approvalView(cli: Cli, a: Approval): string {
  const { style, now_ms } = cli;
  const facts = pairs(
    [
      ['approval', a.id],
      ['agent', a.agent_id],
      ['turn', a.turn_id],
      ['tool', a.tool_name],
      ['risk', riskCell(a.risk_level, style)],
      ['why', a.reasons.join('; ')],
      ['status', stateCell(a.status, style)],
      ['asked', relative(a.requested_at, now_ms)],
      ...(a.waits_behind === undefined ? [] : [['behind it', behind(a)] as const]),
      ...(a.approvals_needed === undefined
        ? []
        : [['approved by', `${a.votes?.length ?? 0} of ${a.approvals_needed}: ${namesOf(a)}`] as const]),
      ...(a.held === undefined
        ? []
        : [['held', `${a.held.status} by ${a.held.decided_by} until ${a.held.until}`] as const]),
      ...(a.decided_at === null ? [['expires', relative(a.expires_at, now_ms)] as const] : decisionOf(a, now_ms)),
      ['folder', { text: visible(a.cwd), paint: (text: string) => text }],
      ['sha256', a.input_sha256],
    ],
    style.dim,
  );
  const edited =
    a.updated_input === null ? '' : `\n${style.dim('what ran instead')}\n${inputView(cli, a.updated_input)}`;
  return `${facts}\n${style.dim('input')}\n${inputView(cli, a.input)}${edited}`;
}

const namesOf = ({ votes = [] }: Approval): string =>
  votes.length === 0 ? 'nobody yet' : votes.map(({ by, channel }) => `${by} (${channel})`).join(', ');

/** What cannot go on before it is decided. */
function behind({ waits_behind }: Approval): string {
  const parts = Object.entries(waits_behind ?? {})
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${count === 1 ? what.slice(0, -1) : what}`);
  return parts.length === 0 ? '-' : parts.join(', ');
}

function decisionOf(a: Approval, now_ms: number): (readonly [string, string | null])[] {
  const ran = a.executed === null ? (a.result ?? 'not known yet') : a.executed ? 'yes' : 'no';
  return [
    ['decided', `${relative(a.decided_at, now_ms)} by ${a.decided_by ?? 'nobody'} (${a.channel ?? 'nox'})`],
    ['because', a.reason],
    ['ran', ran],
  ];
}

/** Field by field; texts as they are, line by line, everything without ink made visible. */
function inputView(cli: Cli, input: unknown): string {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return `${indent(visibleJson(input))}\n`;
  return Object.entries(input)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? visible(value) : visibleJson(value);
      return `  ${cli.style.bold(visible(name))}\n${indent(indent(text))}\n`;
    })
    .join('');
}

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');
