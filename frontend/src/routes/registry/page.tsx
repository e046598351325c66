import { PageHead } from '../../components/page-head.js';

export function RegistryPage() {
  return (
    <div className="page">
      <PageHead title="Registry" />
    </div>
  );
}
