import type { Message, MessagePriority, MessageStatus } from '@contracts/message.js';
import type { StateLook } from '../../lib/agent-state.js';

const LOOKS: Readonly<Record<MessageStatus, StateLook>> = {
  queued: { word: 'waiting', sign: 'circle', colour: 'grey' },
  delivered: { word: 'being read', sign: 'dot', colour: 'blue' },
  acked: { word: 'done', sign: 'check', colour: 'green' },
  cancelled: { word: 'taken back', sign: 'square', colour: 'grey' },
  expired: { word: 'expired', sign: 'ring', colour: 'grey' },
  dead: { word: 'dead letter', sign: 'cross', colour: 'red' },
};

/** Word, sign and colour of where a message stands. */
export const messageLook = (status: MessageStatus): StateLook => LOOKS[status];

/** How full the bars of a priority are. */
export const PRIORITY_LEVEL: Readonly<Record<MessagePriority, number>> = { low: 1, medium: 2, high: 3, critical: 4 };

export interface Step {
  readonly word: 'accepted' | 'delivered' | 'read' | 'done';
  readonly reached: boolean;
  /** What it means, with its time where one is known. */
  readonly meaning: string;
  readonly at: string | null;
}

/** The way of a message, as far as it is proved to have come. */
export function stepsOf({ created_at, turn_id, delivered_at, ended_at, status }: Message): Step[] {
  const done = status === 'acked';
  return [
    { word: 'accepted', reached: true, meaning: 'Safe on the disk', at: created_at },
    {
      word: 'delivered',
      reached: turn_id !== null || delivered_at !== null || done,
      meaning: 'Handed to the agent as a prompt',
      at: null,
    },
    { word: 'read', reached: delivered_at !== null || done, meaning: 'Its process has taken it in', at: delivered_at },
    { word: 'done', reached: done, meaning: 'The turn that read it is stored', at: done ? ended_at : null },
  ];
}

/** How far it has come, for those who listen: "read, 3 of 4". */
export function stepWords(message: Message): string {
  const steps = stepsOf(message).filter(({ reached }) => reached);
  return `${steps.at(-1)?.word ?? ''}, step ${steps.length} of 4`;
}

/** `user:anna` as anna, the rest as it is. */
export const nameOf = (party: string, names: ReadonlyMap<string, string>): string =>
  names.get(party) ?? (party.startsWith('user:') ? party.slice(5) : party);

/** Whether it was sent by somebody else than it says, and who that was. */
export function proxyOf({ from, sent_by }: Message): string | undefined {
  return sent_by === from || sent_by === `agent:${from}` ? undefined : sent_by;
}
