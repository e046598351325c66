import { type CreateTask, CreateTask as Schema } from '../../contracts/task.js';
import { Priority } from '../../contracts/agent.js';
import type { TaskFileProblem } from '../../contracts/task.js';

/** A task as somebody dropped it: a file of its own, with headings. */
export interface Drop {
  /** Undefined: whoever has the least to do. */
  readonly agent_id: string | undefined;
  readonly task: Omit<CreateTask, 'agent_id'>;
}

export type ReadDrop =
  { readonly ok: true; readonly drop: Drop } | { readonly ok: false; readonly problems: TaskFileProblem[] };

/** What is told to the agent, in this order; each with its heading. */
const TOLD = ['Objective', 'Requirements', 'Input Data', 'Expected Output', 'Estimated Time'] as const;
const KNOWN: ReadonlySet<string> = new Set(
  [...TOLD, 'Priority', 'Deadline', 'Assigned Agent'].map((each) => each.toLowerCase()),
);

interface Part {
  readonly line: number;
  readonly text: string;
}

/**
 * Reads `# title`, then `## Objective`, `## Requirements`, `## Input Data`, `## Expected Output`, `## Priority`,
 * `## Deadline`, `## Estimated Time`, `## Assigned Agent` (an id, or auto). Only an objective or a title is needed. Pure.
 */
export function readDrop(text: string): ReadDrop {
  const { title, parts, problems } = split(text);
  const said = (name: string): Part | undefined => parts.get(name.toLowerCase());
  const priority = said('Priority');
  const level = Priority.safeParse(priority?.text.toLowerCase() ?? 'medium');
  if (!level.success)
    problems.push({ line: priority?.line ?? null, message: `"${priority?.text ?? ''}" is no priority` });
  const deadline = said('Deadline');
  const due_ms = deadline === undefined ? null : Date.parse(deadline.text.replace(' ', 'T'));
  if (due_ms !== null && Number.isNaN(due_ms))
    problems.push({ line: deadline?.line ?? null, message: `"${deadline?.text ?? ''}" is no time` });
  const objective = said('Objective');
  const name = title ?? objective?.text.split('\n')[0]?.slice(0, 300);
  if (name === undefined) problems.push({ line: null, message: 'says neither a title nor an objective' });
  if (problems.length > 0) return { ok: false, problems };
  const told = TOLD.flatMap((each) => {
    const part = said(each);
    return part === undefined ? [] : [`${each}:\n${part.text}`];
  });
  const parsed = Schema.omit({ agent_id: true }).safeParse({
    title: name,
    description: told.join('\n\n'),
    priority: level.data,
    deadline: due_ms === null ? null : new Date(due_ms).toISOString(),
  });
  if (!parsed.success)
    return {
      ok: false,
      problems: parsed.error.issues.map(({ path, message }) => ({
        line: null,
        message: `${path.join('.')} ${message}`,
      })),
    };
  const agent = said('Assigned Agent')?.text;
  return {
    ok: true,
    drop: { agent_id: agent === undefined || agent.toLowerCase() === 'auto' ? undefined : agent, task: parsed.data },
  };
}

function split(text: string): { title: string | undefined; parts: Map<string, Part>; problems: TaskFileProblem[] } {
  const parts = new Map<string, Part>();
  const problems: TaskFileProblem[] = [];
  let title: string | undefined;
  let open: { readonly name: string; readonly line: number; readonly lines: string[] } | undefined;
  const close = (): void => {
    const said = open?.lines.join('\n').trim() ?? '';
    // A heading with nothing below it is one of a form that was left empty.
    if (open !== undefined && said !== '') parts.set(open.name, { line: open.line, text: said });
  };
  for (const [at, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    // Cut, because the search for its end is slow in a line without one.
    const heading = /^(#{1,2})[ \t]+(.*?)[ \t#]*$/.exec(raw.slice(0, 400));
    const words = heading?.[2]?.trim() ?? '';
    if (heading === null) open?.lines.push(raw);
    else if (heading[1] === '#' && title === undefined && words !== '') title = words;
    else if (KNOWN.has(words.toLowerCase())) {
      close();
      open = { name: words.toLowerCase(), line: at + 1, lines: [] };
    } else problems.push({ line: at + 1, message: `"${words.slice(0, 80)}" is no heading of a task` });
  }
  close();
  return { title, parts, problems };
}
