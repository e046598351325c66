import type { RouteInput, RouteReply } from '../contracts/routes.js';

type Query = RouteInput<'agents_list'>['query'];

/** What the listing needs of the world. */
export interface ListedWorld {
  readonly now_ms: () => number;
  /** Differs, by identity, whenever something that the list shows may have changed. */
  readonly generation: () => readonly unknown[];
  readonly list: (query: Query) => RouteReply<'agents_list'>;
}

/** Some of what is shown is no change that anybody tells, as the time of the last output: at most this old. */
const MAX_AGE_MS = 20;
/** Different questions remembered at a time; a dashboard asks two or three. */
const MAX_ANSWERS = 50;

/**
 * The list of agents as JSON, made once per change: a list that many ask for while nothing changes costs nothing.
 * Contract: an answer is never older than the last change that was told, nor than 20 ms.
 */
export class AgentListing {
  private readonly answers = new Map<string, string>();
  private generation: readonly unknown[] = [];
  private made_ms = Number.NEGATIVE_INFINITY;

  constructor(private readonly world: ListedWorld) {}

  json(query: Query): string {
    this.dropOld();
    const { page, limit, status, capability } = query;
    const key = `${page} ${limit} ${status ?? ''} ${capability ?? ''}`;
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = JSON.stringify(this.world.list(query));
    if (this.answers.size >= MAX_ANSWERS) this.answers.clear();
    this.answers.set(key, answer);
    return answer;
  }

  private dropOld(): void {
    const now_ms = this.world.now_ms();
    const generation = this.world.generation();
    const age_ms = now_ms - this.made_ms;
    // A clock that was set back must not keep an answer alive.
    if (age_ms >= 0 && age_ms < MAX_AGE_MS && generation.every((part, n) => part === this.generation[n])) return;
    this.answers.clear();
    this.generation = generation;
    this.made_ms = now_ms;
  }
}
