import type { Message, MessagePriority, MessageStatus } from '@contracts/message.js';
import { StateTag } from '../../../components/status-badge.js';
import { exactTime } from '../../../lib/format.js';
import { messageLook, PRIORITY_LEVEL, stepsOf, stepWords } from '../look.js';

/** Urgency as filled bars and a word. */
export function PriorityBar({ priority }: { readonly priority: MessagePriority }) {
  return (
    <span className={`risk risk-${priority}`} title={`Priority: ${priority}`}>
      <span className="risk-bars" aria-hidden="true">
        {[1, 2, 3, 4].map((each) => (
          <span key={each} className={each <= PRIORITY_LEVEL[priority] ? 'on' : ''} />
        ))}
      </span>
      <span>
        <span className="visually-hidden">priority </span>
        {priority}
      </span>
    </span>
  );
}

export const MessageBadge = ({ status }: { readonly status: MessageStatus }) => <StateTag look={messageLook(status)} />;

/** accepted · delivered · read · done: how far it is proved to have come. */
export function ReceiptSteps({ message }: { readonly message: Message }) {
  return (
    <span className="receipt" role="img" aria-label={`Receipt: ${stepWords(message)}`}>
      {stepsOf(message).map(({ word, reached, meaning, at }) => (
        <span
          key={word}
          className={reached ? 'receipt-step receipt-reached' : 'receipt-step'}
          title={at === null ? meaning : `${meaning}, ${exactTime(at)}`}
        >
          <span className="receipt-mark" />
          {word}
        </span>
      ))}
    </span>
  );
}
