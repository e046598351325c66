import { formatKey, formatValue } from '../registry/toml/toml-format.js';
import type { TomlValue } from '../registry/toml/toml.js';
import type { KeptTask } from './model.js';

const KEPT = 500;
const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;

/** `agents/<id>/tasks.toml`: what became of an agent's tasks, newest last, and sums of it. */
export function formatHistory(tasks: readonly KeptTask[]): string {
  const ended = tasks
    .filter(({ completed_at }) => completed_at !== null)
    .sort((a, b) => ((a.completed_at ?? '') < (b.completed_at ?? '') ? -1 : 1));
  const done = ended.filter(({ status }) => status === 'done');
  const took_s = done.flatMap(({ started_at, completed_at }) =>
    started_at === null || completed_at === null ? [] : [(Date.parse(completed_at) - Date.parse(started_at)) / 1000],
  );
  const average_s = took_s.length === 0 ? 0 : Math.round(took_s.reduce((sum, each) => sum + each, 0) / took_s.length);
  const count = (status: KeptTask['status']): number => ended.filter((task) => task.status === status).length;
  const lines = [
    'schema_version = 1',
    '',
    '[metrics]',
    `total = ${tasks.length}`,
    `completed = ${done.length}`,
    `failed = ${count('failed')}`,
    `cancelled = ${count('cancelled')}`,
    `average_s = ${average_s}`,
    '',
    '[metrics.by_priority]',
    ...PRIORITIES.map((name) => `${name} = ${tasks.filter(({ priority }) => priority === name).length}`),
  ];
  for (const task of ended.slice(-KEPT)) {
    lines.push('', '[[history]]');
    const entry = {
      id: task.id,
      title: task.title,
      status: task.status,
      priority: task.priority,
      requested_by: task.requested_by,
      created_at: task.created_at,
      started_at: task.started_at,
      completed_at: task.completed_at,
      attempts: task.attempts,
      reason: task.reason,
      result: task.result,
      evidence: task.evidence?.results.map(({ command, exit_code, passed, timed_out, output }) => ({
        command,
        exit_code,
        passed,
        timed_out,
        output,
      })),
    };
    for (const [key, value] of Object.entries(entry)) {
      if (value !== null && value !== undefined) lines.push(`${formatKey(key)} = ${formatValue(plain(value), key)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** TOML has no null: what is not there is left out. */
const plain = (value: unknown): TomlValue =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => each ?? undefined)) as TomlValue;
