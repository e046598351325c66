import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../shared/clock.js';
import { NoxError } from '../../../shared/nox-error.js';
import type { FrameBody } from './frames.js';

interface Waiting {
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimer: () => void;
}

/** Nox's own requests to the agent process, matched with their answers by id. */
export class ControlRequests {
  private readonly waiting = new Map<string, Waiting>();
  private ended: Error | undefined;

  constructor(
    private readonly write: (frame: object) => Promise<void>,
    private readonly clock: Clock,
  ) {}

  /** Resolves with the answer's body. Rejects when the process refuses, ends, or does not answer in time. */
  send(request: { readonly subtype: string }, timeout_ms: number): Promise<unknown> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const request_id = randomUUID();
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.take(request_id);
        reject(error);
      };
      const cancelTimer = this.clock.after(timeout_ms, () => {
        fail(
          new NoxError('INVALID_STATE', `The agent process did not answer "${request.subtype}" in ${timeout_ms} ms.`),
        );
      });
      this.waiting.set(request_id, { resolve, reject, cancelTimer });
      this.write({ type: 'control_request', request_id, request }).catch(fail);
    });
  }

  settle({ response }: FrameBody<'control_response'>): void {
    const waiting = this.take(response.request_id);
    if (waiting === undefined) return;
    if (response.subtype === 'success') waiting.resolve(response.response);
    else {
      const reason = typeof response.error === 'string' ? response.error : response.subtype;
      waiting.reject(new NoxError('INVALID_STATE', `The agent process refused: ${reason}`));
    }
  }

  /** Rejects all that wait, and all later ones. */
  close(error: Error): void {
    this.ended ??= error;
    for (const id of this.waiting.keys()) this.take(id)?.reject(error);
  }

  private take(request_id: string): Waiting | undefined {
    const waiting = this.waiting.get(request_id);
    this.waiting.delete(request_id);
    waiting?.cancelTimer();
    return waiting;
  }
}
