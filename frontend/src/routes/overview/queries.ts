import type { AnyNoxEvent } from '@contracts/event.js';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { parsePage } from '../../lib/events.js';
import { keys } from '../../lib/keys.js';
import { recentEvents } from '../../lib/live-cache.js';
import { useSystemStatus } from '../../lib/queries.js';
import { call } from '../../lib/session.js';
import { useStore } from '../../lib/store.js';

const LOOK_BACK = 500;

/** Events since this time, newest first: those from before the page was opened, then the live ones. */
export function useEventsSince(since_ms: number): readonly AnyNoxEvent[] | undefined {
  const last_seq = useSystemStatus().data?.last_seq;
  const past = useQuery({
    queryKey: [...keys.events, 'overview'],
    enabled: last_seq !== undefined,
    queryFn: async ({ signal }) => {
      const after_seq = Math.max(0, (last_seq ?? 0) - LOOK_BACK);
      const query = { after_seq, follow: 'false', limit: LOOK_BACK };
      return parsePage((await call('events', { query }, signal)).events);
    },
    staleTime: Infinity,
  });
  const fresh = useStore(recentEvents);
  return useMemo(() => {
    if (past.data === undefined) return past.isError ? fresh.toReversed() : undefined;
    const newest = past.data.at(-1)?.seq ?? 0;
    return [...past.data, ...fresh.filter((event) => event.seq > newest)]
      .filter((event) => Date.parse(event.timestamp) >= since_ms)
      .toReversed();
  }, [past.data, past.isError, fresh, since_ms]);
}
