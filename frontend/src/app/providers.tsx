import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { PrimeReactProvider } from 'primereact/api';
import { useEffect } from 'react';
import { RouterProvider } from 'react-router/dom';
import { session } from '../lib/session.js';
import { router } from './router.js';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      // The client repeats by itself what was not answered; what the server refuses stays refused.
      retry: false,
    },
  },
});

/** Everything the pages stand on. */
export function Providers() {
  useEffect(() => {
    // A one-time link brings its own login; trying the cookie first would only waste it.
    if (!location.hash.startsWith('#link=')) void session.refresh();
  }, []);
  return (
    <QueryClientProvider client={queries}>
      <PrimeReactProvider value={{ ripple: false }}>
        <RouterProvider router={router} />
      </PrimeReactProvider>
    </QueryClientProvider>
  );
}
