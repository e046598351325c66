import type { Message } from '@contracts/message.js';
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { atMostEvery } from './at-most.js';
import { keys } from './keys.js';
import {
  type MessageEvent,
  type MessageFilter,
  type MessagePage,
  newsOf,
  pagesWithNews,
  threadWithNews,
} from './message-news.js';

/** News of so long are shown together: a busy fleet tells of hundreds of messages a second. */
const TOGETHER_MS = 120;
/** Figures are counted by the server; not more often than this. */
const COUNT_MS = 3000;

/** Brings the lists, conversations and figures of messages up to date with what the server tells. */
export class MessageCache {
  #waiting: MessageEvent[] = [];

  readonly #count = atMostEvery(COUNT_MS, () => {
    void this.queries.invalidateQueries({ queryKey: keys.messageStats });
    void this.queries.invalidateQueries({ queryKey: keys.messageGraph });
  });

  constructor(private readonly queries: QueryClient) {}

  take(events: readonly MessageEvent[]): void {
    if (events.length === 0) return;
    if (this.#waiting.length === 0) setTimeout(() => this.#show(), TOGETHER_MS);
    this.#waiting.push(...events);
  }

  #show(): void {
    const news = newsOf(this.#waiting);
    this.#waiting = [];
    for (const { queryKey } of this.queries.getQueryCache().findAll({ queryKey: keys.messageLists })) {
      const filter = (queryKey[2] ?? {}) as MessageFilter;
      let incomplete = false;
      this.queries.setQueryData<InfiniteData<MessagePage>>(queryKey, (data) => {
        if (data === undefined) return data;
        const after = pagesWithNews(data.pages, filter, news);
        incomplete = after.incomplete;
        return { ...data, pages: after.pages };
      });
      if (incomplete) void this.queries.invalidateQueries({ queryKey, exact: true });
    }
    for (const { queryKey } of this.queries.getQueryCache().findAll({ queryKey: keys.messageThreads })) {
      this.queries.setQueryData<readonly Message[]>(queryKey, (messages) => messages && threadWithNews(messages, news));
    }
    this.#count();
  }
}
