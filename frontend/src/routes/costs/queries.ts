import { useQuery } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

/** All agents day by day; each turn that ends makes it look again. */
export function useFleetDays(days: number) {
  return useQuery({
    queryKey: [...keys.fleetUsage, 'days', days],
    queryFn: ({ signal }) => call('usage_days', { query: { days } }, signal),
    placeholderData: (before) => before,
    refetchInterval: 60_000,
  });
}
