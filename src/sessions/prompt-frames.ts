import type { AnyNoxEvent } from '../contracts/event.js';
import type { PromptFrame, PromptReply, Turn } from '../contracts/turn.js';

export const replyOf = (turn: Turn): PromptReply => ({
  turn_id: turn.id,
  status: turn.status,
  text: turn.text,
  usage: turn.usage,
  reason: turn.reason,
});

/** Makes frames of the events of one turn. A whole text that was not streamed in parts becomes content itself. */
export class FrameMaker {
  private streamed = '';

  constructor(private readonly turn_id: string) {}

  next(event: AnyNoxEvent): PromptFrame | undefined {
    switch (event.type) {
      case 'turn.text_delta':
        if (event.payload.turn_id !== this.turn_id) return undefined;
        this.streamed += event.payload.text;
        return { event: 'content', data: { text: event.payload.text } };
      case 'turn.text': {
        if (event.payload.turn_id !== this.turn_id) return undefined;
        const { text } = event.payload;
        const rest = text.startsWith(this.streamed) ? text.slice(this.streamed.length) : text;
        this.streamed = '';
        return rest === '' ? undefined : { event: 'content', data: { text: rest } };
      }
      case 'turn.tool_call': {
        const { turn_id, ...data } = event.payload;
        return turn_id === this.turn_id ? { event: 'tool_call_start', data } : undefined;
      }
      case 'turn.tool_result': {
        const { turn_id, ...data } = event.payload;
        return turn_id === this.turn_id ? { event: 'tool_call_end', data } : undefined;
      }
      case 'approval.requested':
      case 'approval.decided':
      case 'approval.expired':
      case 'approval.cancelled': {
        const { id: approval_id, status, turn_id } = event.payload.approval;
        return turn_id === this.turn_id ? { event: 'approval', data: { approval_id, status } } : undefined;
      }
      case 'turn.postponed': {
        const { turn_id, reason, resume_at } = event.payload;
        if (turn_id !== this.turn_id) return undefined;
        // The next try says everything that follows, from its beginning.
        this.streamed = '';
        return { event: 'postponed', data: { reason, resume_at } };
      }
      case 'turn.ended':
        return event.payload.turn.id === this.turn_id
          ? { event: 'message_end', data: replyOf(event.payload.turn) }
          : undefined;
      default:
        return undefined;
    }
  }
}
