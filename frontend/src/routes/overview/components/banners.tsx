import type { SystemStatus } from '@contracts/system.js';
import { Link } from 'react-router';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner } from '../../../components/states.js';

/** Agents talk to a script, not to Claude: said until a person has chosen. */
export function DemoBanner({ detail }: { readonly detail: string }) {
  return (
    <Banner tone="blue" action={<CommandLine command="nox model use claude" />}>
      <strong>Demo model.</strong> {detail} It can be switched in <Link to="/settings">Settings</Link> too.
    </Banner>
  );
}

/** Parts of Nox that fail. Degraded ones are told in Settings only: they are known and work. */
export function HealthBanner({ status }: { readonly status: SystemStatus }) {
  const failed = Object.entries(status.components).filter(([, part]) => part.status === 'failed');
  return failed.map(([name, { detail }]) => (
    <Banner key={name} tone="red" icon="warning">
      <strong>{name.replaceAll('_', ' ')}</strong> has failed. {detail}
    </Banner>
  ));
}
