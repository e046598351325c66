import type { ErrorCode, FieldProblem } from '../../contracts/errors.js';
import { NoxError } from '../nox-error.js';

/** What an address names nothing of, by the word before its parameter: `/tasks/:id` asks for one of `tasks`. */
const COLLECTIONS: Readonly<Partial<Record<string, readonly [code: ErrorCode, one: string]>>> = {
  agents: ['AGENT_NOT_FOUND', 'agent'],
  turns: ['TURN_NOT_FOUND', 'turn'],
  approvals: ['APPROVAL_NOT_FOUND', 'approval'],
  messages: ['MESSAGE_NOT_FOUND', 'message'],
  tasks: ['TASK_NOT_FOUND', 'task'],
  services: ['SERVICE_NOT_FOUND', 'service'],
  commits: ['COMMIT_NOT_FOUND', 'commit'],
  branches: ['BRANCH_NOT_FOUND', 'branch'],
  tags: ['TAG_NOT_FOUND', 'tag'],
  users: ['USER_NOT_FOUND', 'user'],
};

/** Characters that stand in an address as they are; whoever sends others means no name, and is told so by 400. */
const PLAIN = /^[A-Za-z0-9_-]{1,200}$/;

/**
 * The answer to a parameter that no object can have as its name, as in `/tasks/nope`: nothing is there, so 404, with
 * what such a name looks like. Undefined when it is not a plain word.
 */
export function nameless(path: string, params: unknown, problems: readonly FieldProblem[]): NoxError | undefined {
  const [problem] = problems;
  if (problem === undefined || typeof params !== 'object' || params === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(params, problem.field)?.value;
  if (typeof value !== 'string' || !PLAIN.test(value)) return undefined;
  const segments = path.split('/');
  const [code, one] = COLLECTIONS[segments[segments.indexOf(`:${problem.field}`) - 1] ?? ''] ?? ['NOT_FOUND', 'thing'];
  return new NoxError(code, `No ${one} is called ${value}: a name here ${problem.message}.`, problems);
}
