import type { RouteReply } from '@contracts/routes.js';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner } from '../../../components/states.js';

type Engine = RouteReply<'services_list'>['engine'];

/** Containers cannot be had: why, what still works, and what to do. */
export function EngineBanner({ engine }: { readonly engine: Engine }) {
  if (engine.available) return null;
  return (
    <Banner tone="amber" icon="warning" action={<CommandLine command="nox doctor" />}>
      <strong>No container engine.</strong>{' '}
      {engine.reason !== null && `${capital(engine.reason)}${/[.!?]$/.test(engine.reason) ? '' : '.'} `}
      Services in containers wait for one; programs, services elsewhere and everything else of Nox work. Start Docker on
      this machine, or set <code>DOCKER_HOST</code> for Nox; it is found within half a minute.
    </Banner>
  );
}

const capital = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
