import { Button } from 'primereact/button';
import { Link, useRouteError } from 'react-router';
import { PageHead } from '../components/page-head.js';
import { EmptyState, ErrorState } from '../components/states.js';

/** A page that failed to show. The rest of the dashboard stands. */
export function RouteError() {
  const error = useRouteError();
  return (
    <main className="page">
      <ErrorState
        title="This page failed"
        error={error}
        kept="Your agents are not touched by it. Reload to try again; after an update of Nox this is needed once."
        retry={() => location.reload()}
      />
    </main>
  );
}

export function NotFound() {
  return (
    <div className="page">
      <PageHead title="No page" />
      <EmptyState
        icon="search"
        title="There is no page at this address"
        action={
          <Link to="/">
            <Button type="button" outlined label="Go to Overview" />
          </Link>
        }
      />
    </div>
  );
}
