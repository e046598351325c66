import { Priority } from '../../contracts/agent.js';
import { TaskId } from '../../contracts/task.js';
import type * as z from 'zod';

/** The line of a task behind its box. */
export interface TitleParts {
  readonly id: string | null;
  readonly title: string;
  /** Null: not said, which counts as medium. */
  readonly priority: z.infer<typeof Priority> | null;
  /** The time behind `Completed:`, as written. */
  readonly completed: string | null;
}

const COMMENT = /<!--((?:(?!-->).)*)-->[ \t]*$/s;
const GROUP = /\([ \t]*(Priority|Completed)[ \t]*:[ \t]*([^()]*?)[ \t]*\)[ \t]*$/i;

/** Reads `Title (Priority: HIGH) (Completed: …) <!-- id: … -->`. */
export function readTitle(text: string): TitleParts | { readonly problem: string } {
  let rest = text.trimEnd();
  let id: string | null = null;
  const start = rest.lastIndexOf('<!--');
  const comment = start < 0 ? null : COMMENT.exec(rest.slice(start));
  if (comment !== null) {
    const inner = (comment[1] ?? '').trim();
    if (/^id[ \t]*:/i.test(inner)) {
      id = inner.slice(inner.indexOf(':') + 1).trim();
      if (!TaskId.safeParse(id).success)
        return { problem: `"${id.slice(0, 60)}" is no id of a task; ids look like t-7f3k2m` };
      rest = rest.slice(0, start).trimEnd();
    }
  }
  if (/<!--[ \t]*id[ \t]*:/i.test(rest)) return { problem: 'the id comment must be the last thing of the line, once' };
  let priority: TitleParts['priority'] = null;
  let completed: string | null = null;
  for (let group = lastGroup(rest); group !== null; group = lastGroup(rest)) {
    const [whole, key = '', value = ''] = group;
    if (key.toLowerCase() === 'completed') completed ??= value;
    else {
      const found = Priority.safeParse(value.toLowerCase());
      if (!found.success)
        return { problem: `"${value.slice(0, 60)}" is no priority; say critical, high, medium or low` };
      priority ??= found.data;
    }
    rest = rest.slice(0, rest.length - whole.length).trimEnd();
  }
  return { id, title: rest.trim(), priority, completed };
}

function lastGroup(text: string): RegExpExecArray | null {
  const open = text.lastIndexOf('(');
  if (open < 0) return null;
  const found = GROUP.exec(text.slice(open));
  return found !== null && found.index === 0 ? found : null;
}

/** The inverse of `readTitle`. */
export function formatTitle({ id, title, priority, completed }: TitleParts): string {
  return [
    title,
    ...(priority === null || priority === 'medium' ? [] : [`(Priority: ${priority.toUpperCase()})`]),
    ...(completed === null ? [] : [`(Completed: ${completed})`]),
    ...(id === null ? [] : [`<!-- id: ${id} -->`]),
  ].join(' ');
}
