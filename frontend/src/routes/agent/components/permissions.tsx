import type { Agent } from '@contracts/agent.js';
import { CommandLine } from '../../../components/copy-button.js';

const KEEPERS = { gate: 'refused by Nox', os: 'refused by Nox, and by the operating system' } as const;

/** What the agent may ever do, and by what that is really kept. */
export function Permissions({ agent }: { readonly agent: Agent }) {
  const { permissions, permissions_kept_by: kept } = agent;
  return (
    <section className="card" aria-labelledby="permissions-title">
      <div className="card-head">
        <h2 id="permissions-title">Permissions</h2>
      </div>
      <div className="card-body stack">
        {permissions === undefined || kept === undefined ? (
          <p className="muted">No limits of its own: the policy alone decides what runs and what asks.</p>
        ) : (
          <>
            <dl className="facts">
              <dt>Files</dt>
              <dd>
                {{ none: 'none', ro: 'read only', rw: 'read and write' }[permissions.filesystem]}
                {permissions.filesystem !== 'rw' && `, the rest is ${KEEPERS[kept.filesystem]}`}
              </dd>
              <dt>Network</dt>
              <dd>
                {permissions.network}
                {permissions.hosts.length > 0 && ` to ${permissions.hosts.join(', ')}`}
                {permissions.network !== 'full' && `, the rest is ${KEEPERS[kept.network]}`}
              </dd>
              <dt>Tools</dt>
              <dd>
                {permissions.tools?.allow === undefined ? 'all' : permissions.tools.allow.join(', ') || 'none'}
                {permissions.tools?.deny !== undefined && `, never ${permissions.tools.deny.join(', ')}`}
              </dd>
            </dl>
            <p className="muted">{kept.detail}</p>
          </>
        )}
        <CommandLine command={`nox agent edit ${agent.id} --files ro --network none`} />
      </div>
    </section>
  );
}
