import { PageHead } from '../../components/page-head.js';

export function SettingsPage() {
  return (
    <div className="page">
      <PageHead title="Settings" />
    </div>
  );
}
