import type { RuntimeEvent } from '../runtime.js';

/** Which prompts the process still has to answer. One result may answer several, so their receipts are followed. */
export class OpenPrompts {
  private readonly states = new Map<string, 'sent' | 'queued' | 'started'>();

  get none(): boolean {
    return this.states.size === 0;
  }

  sent(uuid: string): void {
    this.states.set(uuid, 'sent');
  }

  withdrawn(uuid: string): void {
    this.states.delete(uuid);
  }

  see(event: RuntimeEvent): void {
    if (event.type === 'prompt_state' && this.states.has(event.prompt_uuid)) {
      if (event.state === 'completed' || event.state === 'cancelled') this.states.delete(event.prompt_uuid);
      else this.states.set(event.prompt_uuid, event.state);
    } else if (event.type === 'result') {
      for (const [uuid, state] of this.states) if (state !== 'queued') this.states.delete(uuid);
    }
  }
}
