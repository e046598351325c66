import type { ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { SkeletonRows } from '../components/states.js';
import { session } from '../lib/session.js';
import { useStore } from '../lib/store.js';

/** Shows its children to a logged-in user; everyone else goes to the login and comes back afterwards. */
export function Gate({ children }: { readonly children: ReactNode }) {
  const state = useStore(session.state);
  const location = useLocation();
  if (state.kind === 'unknown') {
    return (
      <div className="gate-wait">
        <SkeletonRows rows={4} />
      </div>
    );
  }
  if (state.kind === 'anonymous') {
    const from = state.why === 'logged_out' ? '/' : location.pathname + location.search;
    return <Navigate to="/login" replace state={{ from }} />;
  }
  return children;
}
