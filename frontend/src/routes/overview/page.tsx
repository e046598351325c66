import { PageHead } from '../../components/page-head.js';

export function OverviewPage() {
  return (
    <div className="page">
      <PageHead title="Overview" />
    </div>
  );
}
