import { PageHead } from '../../components/page-head.js';

export function ApprovalsPage() {
  return (
    <div className="page">
      <PageHead title="Approvals" />
    </div>
  );
}
