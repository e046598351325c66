import * as z from 'zod';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

interface ErrorRow {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Exit status of the `nox` command that met it. */
  readonly exit: number;
  /** Level at which the server logs it. */
  readonly level: LogLevel;
  /** What a person reads when the thrower gave no text of its own. */
  readonly message: string;
}

const row = (status: number, exit: number, level: LogLevel, message: string): ErrorRow => ({
  status,
  exit,
  level,
  message,
});

/**
 * Every error that Nox answers with: one row each, for API, command line and log.
 * Exit statuses: 1 Nox failed, 2 bad input, 3 not found, 4 not allowed, 5 conflict, 6 refused for now, 7 unreachable.
 */
export const ERRORS = {
  VALIDATION_ERROR: row(400, 2, 'debug', 'The request does not fit the schema.'),
  INVALID_REQUEST: row(400, 2, 'debug', 'The request cannot be read.'),
  CONFIRMATION_REQUIRED: row(
    400,
    2,
    'debug',
    'This changes live state: send "confirm": true, or "dry_run": true to see what would happen.',
  ),
  UNAUTHORIZED: row(401, 4, 'info', 'A valid access token is needed: log in first.'),
  FORBIDDEN: row(403, 4, 'info', 'Your role does not allow this.'),
  FORBIDDEN_ORIGIN: row(403, 4, 'warn', 'The Host or Origin of this request is not allowed.'),
  NOT_FOUND: row(404, 3, 'debug', 'There is nothing at this address.'),
  AGENT_NOT_FOUND: row(404, 3, 'debug', 'No agent has this id.'),
  TURN_NOT_FOUND: row(404, 3, 'debug', 'No turn has this id.'),
  APPROVAL_NOT_FOUND: row(404, 3, 'debug', 'No approval has this id.'),
  MESSAGE_NOT_FOUND: row(404, 3, 'debug', 'No message has this id.'),
  NO_RECIPIENT: row(404, 3, 'debug', 'Nobody is there to receive this message.'),
  USER_NOT_FOUND: row(404, 3, 'debug', 'No user has this name.'),
  SERVICE_NOT_FOUND: row(404, 3, 'debug', 'No service has this name.'),
  TASK_NOT_FOUND: row(404, 3, 'debug', 'No task has this id.'),
  COMMIT_NOT_FOUND: row(404, 3, 'debug', 'The registry has no such commit.'),
  BRANCH_NOT_FOUND: row(404, 3, 'debug', 'The registry has no such branch.'),
  TAG_NOT_FOUND: row(404, 3, 'debug', 'The registry has no such tag.'),
  NAME_TAKEN: row(409, 5, 'debug', 'This name is taken.'),
  MERGE_CONFLICT: row(409, 5, 'info', 'Both sides changed the same keys; choose a side for each. Nothing was changed.'),
  AGENT_ALREADY_EXISTS: row(409, 5, 'debug', 'An agent with this id exists already.'),
  SERVICE_ALREADY_EXISTS: row(409, 5, 'debug', 'A service with this name exists already.'),
  USER_ALREADY_EXISTS: row(409, 5, 'debug', 'A user with this name exists already.'),
  INVALID_STATE: row(409, 5, 'debug', 'This cannot be done in the present state.'),
  APPROVAL_ALREADY_DECIDED: row(409, 5, 'info', 'This request has already been decided or has ended.'),
  SECOND_PERSON_NEEDED: row(409, 5, 'info', 'You have approved this already; another person must approve it, too.'),
  REGISTRY_INVALID: row(409, 5, 'warn', 'A registry file on disk is not valid; mend it first.'),
  EDIT_HELD: row(
    409,
    5,
    'info',
    'A hand edit of the registry waits for a person; decide about it first: nox registry accept, or reject.',
  ),
  IDEMPOTENCY_CONFLICT: row(
    422,
    5,
    'info',
    'This idempotency key was used for another message; use a new key for a new message.',
  ),
  TASK_FILE_INVALID: row(409, 5, 'info', 'The task file on disk cannot be read; mend it first.'),
  METHOD_NOT_ALLOWED: row(405, 2, 'debug', 'This address is asked with another method.'),
  LINK_GONE: row(410, 3, 'info', 'This link has been used, revoked or has expired.'),
  PAYLOAD_TOO_LARGE: row(413, 2, 'info', 'The request body is larger than allowed.'),
  UNSUPPORTED_MEDIA_TYPE: row(415, 2, 'debug', 'Send JSON with Content-Type: application/json.'),
  SECRET_REFUSED: row(422, 2, 'warn', 'This looks like a secret; git never forgets, so it was not written.'),
  TASK_DEPENDENCY_CYCLE: row(422, 2, 'debug', 'These tasks would wait for each other.'),
  RESOURCE_LIMIT_EXCEEDED: row(429, 6, 'info', 'A limit has been reached.'),
  RATE_LIMITED: row(429, 6, 'info', 'Too many requests; try again later.'),
  INTERNAL_SERVER_ERROR: row(500, 1, 'error', 'Nox failed; the server log has the reason under this request_id.'),
  GIT_OPERATION_FAILED: row(500, 1, 'error', 'Git refused the registry change; nothing was changed.'),
  AGENT_START_FAILED: row(502, 1, 'warn', 'The agent process could not be started.'),
  CLAUDE_CLI_UNAVAILABLE: row(
    503,
    6,
    'warn',
    'The Claude CLI was not found. Install it with "npm install -g @anthropic-ai/claude-code", or set NOX_CLAUDE_PATH to it; then start the agent again.',
  ),
  GATE_UNPROVEN: row(
    503,
    6,
    'error',
    'This Claude CLI has not been proven to hold tool calls back when the gate breaks, so no agent starts with it. "nox gate show" says why.',
  ),
  MODEL_UNAVAILABLE: row(503, 6, 'warn', 'The agent cannot reach its model.'),
  MCP_SERVICE_UNAVAILABLE: row(503, 6, 'warn', 'The service does not answer; "nox mcp show NAME" says why.'),
  ENGINE_UNAVAILABLE: row(
    503,
    6,
    'warn',
    'No container engine answers. Start Docker, or set DOCKER_HOST to its socket; everything else works without it.',
  ),
  BROKER_UNAVAILABLE: row(503, 6, 'warn', 'The message queue cannot be reached; nothing was sent. Try again.'),
  REGISTRY_DAMAGED: row(
    503,
    6,
    'error',
    'The registry on the disk is damaged; nothing is written to it. Repair it: nox registry repair.',
  ),
  SHUTTING_DOWN: row(503, 6, 'info', 'Nox is shutting down.'),
  STORAGE_FAILED: row(507, 1, 'error', 'The disk refused the write; nothing was changed.'),
  UNEXPECTED_REPLY: row(0, 1, 'warn', 'The server answered something that this client does not understand.'),
  SERVER_UNREACHABLE: row(0, 7, 'warn', 'Nox does not answer. Is it running? Start it with "npm start".'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** One field that did not fit: where it is (`resource_limits.max_memory_mb`) and what is wrong with it. */
export const FieldProblem = z.object({ field: z.string(), message: z.string() });
export type FieldProblem = z.infer<typeof FieldProblem>;

/** Body of every answer that is not a success. */
export const ErrorBody = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }),
  timestamp: z.string(),
  request_id: z.string(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;
