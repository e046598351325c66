import { PageHead } from '../../components/page-head.js';

export function AgentPage() {
  return (
    <div className="page">
      <PageHead title="Agent" />
    </div>
  );
}
