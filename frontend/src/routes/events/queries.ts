import type { AnyNoxEvent } from '@contracts/event.js';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { parsePage } from '../../lib/events.js';
import { keys } from '../../lib/keys.js';
import { recentEvents } from '../../lib/live-cache.js';
import { useSystemStatus } from '../../lib/queries.js';
import { call } from '../../lib/session.js';
import { useStore } from '../../lib/store.js';

const PAGE = 200;

export interface EventFilter {
  readonly area: string;
  readonly agent_id: string;
}

/** Past events page by page backwards, with the live ones in front; newest first. */
export function useEvents({ area, agent_id }: EventFilter) {
  const last_seq = useSystemStatus().data?.last_seq;
  const past = useInfiniteQuery({
    queryKey: [...keys.events, 'all', area, agent_id],
    enabled: last_seq !== undefined,
    initialPageParam: last_seq ?? 0,
    // A page is a stretch of the journal that ends at `upto`; with a filter it may hold few events, or none.
    queryFn: async ({ pageParam: upto, signal }) => {
      const after_seq = Math.max(0, upto - PAGE);
      const query = {
        after_seq,
        follow: 'false',
        limit: PAGE,
        ...(area !== '' && { areas: area }),
        ...(agent_id !== '' && { agent_id }),
      };
      const events = parsePage((await call('events', { query }, signal)).events).filter((event) => event.seq <= upto);
      return { events, after_seq };
    },
    getNextPageParam: ({ after_seq }) => (after_seq === 0 ? undefined : after_seq),
    staleTime: Infinity,
  });
  const fresh = useStore(recentEvents);
  const events = useMemo((): AnyNoxEvent[] | undefined => {
    if (past.data === undefined) return undefined;
    const newest = past.data.pageParams[0] as number;
    const live = fresh.filter(
      (event) =>
        event.seq > newest &&
        (area === '' || event.type.startsWith(`${area}.`)) &&
        (agent_id === '' || event.agent_id === agent_id),
    );
    return [...live.toReversed(), ...past.data.pages.flatMap((page) => page.events.toReversed())];
  }, [past.data, fresh, area, agent_id]);
  return { ...past, events };
}
