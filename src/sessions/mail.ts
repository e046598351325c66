import type { Tx } from '../shared/db/state-db.js';

/** Where an agent's run is, which says what may be handed to it. */
export type MailPoint = 'interrupt' | 'tool_boundary' | 'turn_end' | 'idle';

/** Messages that go into one prompt. */
export interface Parcel {
  /** Of the messages, as the broker knows them. */
  readonly ids: readonly string[];
  /** As a turn names it: `agent:<id>`, `user` or `system`. */
  readonly source: string;
  readonly actor: string;
  /** The prompt: who sent what, and the texts as quoted data. */
  readonly content: string;
}

/** The prompt that carries messages, and its turn. */
export interface PromptRef {
  readonly turn_id: string;
  readonly prompt_uuid: string;
}

/** Says by which prompt a parcel goes; what it stores with that belongs to the same change. */
export type Give = (tx: Tx, parcel: Parcel) => PromptRef;

/** What became of messages that an agent had. */
export type MailEnd =
  /** The result of the turn that read them is in the journal. */
  | { readonly kind: 'read' }
  /** To be handed over again, through no fault of theirs. */
  | { readonly kind: 'put_back'; readonly reason: string; readonly delay_ms: number }
  /** The agent's process died with them. */
  | { readonly kind: 'died'; readonly reason: string }
  /** A person ended what read them: they are not handed over again. */
  | { readonly kind: 'dropped'; readonly reason: string };

/**
 * Where an agent's messages come from. Given at wiring: the broker is above. Contract: what `take` answers is owed one
 * `settle`; by which prompt it goes is stored before that goes out, so that a crash in between can be made up for.
 */
export abstract class Mail {
  /** Whether `take` would give something at this point. Cheap: asked at each tool call. */
  abstract waits(agent_id: string, point: MailPoint): boolean;
  /**
   * `give` is part of the change that takes them; not called (`is_given` false) when it had to be looked up first what the
   * agent has read of them: then `give` is next.
   */
  abstract take(agent_id: string, point: MailPoint, give: Give): Promise<(Parcel & { is_given: boolean }) | undefined>;
  abstract give(parcel: Parcel, give: Give): Promise<void>;
  /** Says by which prompt they go, as part of a change of the journal. */
  abstract bindIn(tx: Tx, ids: readonly string[], prompt: PromptRef): void;
  /** Messages that this turn has read and that are not settled. */
  abstract held(agent_id: string, turn_id: string): readonly string[];
  /** The process has begun on the prompt: the receipt. */
  abstract received(ids: readonly string[]): Promise<void>;
  abstract settle(ids: readonly string[], end: MailEnd): Promise<void>;
  /** Settles what was read with the change of the journal that ends the turn. */
  abstract readIn(tx: Tx, ids: readonly string[]): void;
}

/** Nobody writes to anybody. */
export class NoMail extends Mail {
  waits(): boolean {
    return false;
  }
  take(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  give(): Promise<void> {
    return Promise.resolve();
  }
  bindIn(): void {
    // There is nothing to bind.
  }
  held(): readonly string[] {
    return [];
  }
  received(): Promise<void> {
    return Promise.resolve();
  }
  settle(): Promise<void> {
    return Promise.resolve();
  }
  readIn(): void {
    // There is nothing to settle.
  }
}
