import type { RunRequest } from '../runtime.js';

/**
 * Command line of the CLI. Values that come from outside stand in one word with their option, so that none can be taken
 * for an option. The system prompt is not here: it goes by initialize.
 */
export function claudeArgv(path: string, request: RunRequest): [string, ...string[]] {
  const { session_id, resume, model, disallowed_tools } = request;
  return [
    path,
    '-p',
    '--verbose', // stream-json output requires it
    '--input-format=stream-json',
    '--output-format=stream-json',
    '--include-partial-messages',
    '--replay-user-messages',
    '--permission-prompt-tool=stdio',
    '--permission-mode=default',
    '--system-prompt-snapshot=off', // else a changed prompt does not apply on resume
    '--setting-sources=', // the person's login, not the person's settings
    '--strict-mcp-config',
    '--settings={"cleanupPeriodDays":3650}', // transcripts must outlive the CLI's own clean-up
    ...(model === undefined ? [] : [`--model=${model}`]),
    ...(disallowed_tools.length === 0 ? [] : [`--disallowedTools=${disallowed_tools.join(',')}`]),
    resume ? `--resume=${session_id}` : `--session-id=${session_id}`,
  ];
}
