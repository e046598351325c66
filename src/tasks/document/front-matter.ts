import { parseDocument, visit } from 'yaml';
import type { Line } from './lines.js';

export interface FrontMatter {
  /** Index of the first line after it. */
  readonly end: number;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface FrontMatterProblem {
  readonly line: number;
  readonly message: string;
}

const MAX_LINES = 200;

/**
 * The YAML between two lines `---` at the very top. It is data and nothing else: no other language, no tags, no
 * anchors. Null when there is none.
 */
export function readFrontMatter(lines: readonly Line[]): FrontMatter | FrontMatterProblem | null {
  const first = lines[0]?.text ?? '';
  if (!first.startsWith('---') || /^-{4,}$|^---+ /.test(first.trimEnd())) return null;
  const language = first.slice(3).trim();
  if (language !== '' && language !== 'yaml')
    return { line: 1, message: `front matter must be YAML, not "${language.slice(0, 40)}"` };
  const end = lines.findIndex((line, index) => index > 0 && index <= MAX_LINES && line.text.trimEnd() === '---');
  if (end < 0) return { line: 1, message: 'the front matter that begins here never ends with a line "---"' };
  const text = lines
    .slice(1, end)
    .map((line) => line.text)
    .join('\n');
  const yaml = parseDocument(text, { schema: 'core', version: '1.2', prettyErrors: false, uniqueKeys: true });
  const error = yaml.errors[0] ?? yaml.warnings[0];
  if (error !== undefined) return { line: 2 + lineAt(text, error.pos[0]), message: `front matter: ${error.message}` };
  let problem: FrontMatterProblem | undefined;
  const refuse = (what: string, at: number): symbol => {
    problem = { line: 2 + lineAt(text, at), message: `front matter: ${what} are not allowed` };
    return visit.BREAK;
  };
  visit(yaml, {
    Alias: (_, node) => refuse('aliases', node.range?.[0] ?? 0),
    Node: (_, node) => {
      if (node.tag?.startsWith('!') === true) return refuse('tags', node.range?.[0] ?? 0);
      return 'anchor' in node && node.anchor !== undefined ? refuse('anchors', node.range?.[0] ?? 0) : undefined;
    },
  });
  if (problem !== undefined) return problem;
  const values: unknown = yaml.toJS({ maxAliasCount: 0 });
  if (values === null) return { end: end + 1, values: {} };
  if (typeof values !== 'object' || Array.isArray(values))
    return { line: 2, message: 'front matter must be a table of keys' };
  return { end: end + 1, values: values as Record<string, unknown> };
}

const lineAt = (text: string, position: number): number => text.slice(0, position).split('\n').length - 1;
