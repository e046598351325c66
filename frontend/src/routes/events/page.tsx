import { PageHead } from '../../components/page-head.js';

export function EventsPage() {
  return (
    <div className="page">
      <PageHead title="Events" />
    </div>
  );
}
