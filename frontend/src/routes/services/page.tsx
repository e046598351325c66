import type { CatalogueEntry } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { useMemo, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { plural } from '../../lib/format.js';
import { useAgents } from '../../lib/queries.js';
import { useCan } from '../../lib/session.js';
import { Catalogue } from './components/catalogue.js';
import { EngineBanner } from './components/engine-banner.js';
import { InstallDialog } from './components/install-dialog.js';
import { ServiceTable } from './components/service-table.js';
import { useServices } from './queries.js';
import './services.css';

/** The tools of agents: what is installed, and what can be. */
export function ServicesPage() {
  const [params] = useSearchParams();
  const { data, error, refetch } = useServices();
  const agents = useAgents().data;
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  const [chosen, setChosen] = useState<{ entry: CatalogueEntry | undefined }>();
  const mayOperate = useCan('operator');
  const catalogue = params.get('view') === 'catalogue';
  const services = data?.services;
  const running = services?.filter(({ status }) => status === 'running').length ?? 0;
  const choose = (entry: CatalogueEntry | undefined): void => setChosen({ entry });
  return (
    <div className="page services-page">
      <PageHead
        title="Services"
        summary={
          data &&
          `${plural(data.services.length, 'service')}, ${running} running${data.engine.version === null ? '' : `, Docker ${data.engine.version}`}`
        }
      >
        <CommandHint commands={['nox mcp ls', 'nox mcp search time', 'nox mcp install time --agent lead']} />
        {mayOperate && (
          <Button type="button" icon={<Icon name="plus" />} label="Install service" onClick={() => choose(undefined)} />
        )}
      </PageHead>
      {data !== undefined && <EngineBanner engine={data.engine} />}
      <nav className="tabs" aria-label="Views">
        <Tab to="/services" label="Installed" active={!catalogue} />
        <Tab to="/services?view=catalogue" label="Catalogue" active={catalogue} />
      </nav>
      {catalogue && <Catalogue onChoose={choose} />}
      {!catalogue && services === undefined && error === null && <SkeletonRows rows={6} height="44px" />}
      {!catalogue && services === undefined && error !== null && (
        <ErrorState
          title="The services could not be loaded"
          error={error}
          kept="Those that run go on running."
          retry={() => void refetch()}
        />
      )}
      {!catalogue && services?.length === 0 && (
        <EmptyState
          icon="services"
          title="No services yet"
          action={<Link to="/services?view=catalogue">Look into the catalogue</Link>}
          command="nox mcp install time --agent lead"
        >
          A service gives agents tools: the time, a database, a web page. Each runs confined in a container of its own
          and is reached through Nox only.
        </EmptyState>
      )}
      {!catalogue && services !== undefined && services.length > 0 && (
        <ServiceTable services={services} names={names} />
      )}
      {chosen !== undefined && <InstallDialog entry={chosen.entry} onClose={() => setChosen(undefined)} />}
    </div>
  );
}

function Tab({ to, label, active }: { readonly to: string; readonly label: string; readonly active: boolean }) {
  return (
    <Link to={to} replace className={active ? 'tab active' : 'tab'} aria-current={active ? 'page' : undefined}>
      {label}
    </Link>
  );
}
