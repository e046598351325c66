import type { Turn } from '../../contracts/turn.js';
import type { MailEnd } from '../../sessions/mail.js';

/**
 * What a message is owed that an agent had when Nox ended. Pure. `turn` is the one that carried it, as the journal has it
 * after the start: one that ran has ended as interrupted by then.
 */
export function owedEnd(given: {
  readonly turn: Pick<Turn, 'status' | 'reason'> | undefined;
  /** The process had begun on its prompt. */
  readonly was_read: boolean;
  readonly prompt_uuid: string | null;
}): MailEnd {
  const { turn, was_read, prompt_uuid } = given;
  if (was_read && (turn?.status === 'complete' || turn?.status === 'error')) return { kind: 'read' };
  if (turn?.status === 'cancelled' || (turn?.status === 'interrupted' && turn.reason === 'interrupted')) {
    return { kind: 'dropped', reason: turn.reason ?? 'its turn was cancelled' };
  }
  const reason = 'Nox ended before its turn did';
  // Without a prompt it never left Nox, so that is no attempt.
  return prompt_uuid === null ? { kind: 'put_back', reason, delay_ms: 0 } : { kind: 'died', reason };
}
