import { Sign } from '../components/sign.js';
import { exactTime, clockTime } from '../lib/format.js';
import { connection as connectionStore } from '../lib/live.js';
import { useStore } from '../lib/store.js';

/** Whether what is shown is what is: live, reconnecting, or offline since when. */
export function ConnectionState() {
  const connection = useStore(connectionStore);
  const look = LOOKS[connection.kind];
  const since = 'since' in connection ? connection.since : undefined;
  const words = connection.kind === 'offline' ? `offline since ${clockTime(connection.since)}` : connection.kind;
  return (
    <span
      className={`connection state state-${look.colour}`}
      role="status"
      title={since === undefined ? look.title : `${look.title}, since ${exactTime(since)}`}
    >
      <Sign name={look.sign} pulse={look.sign === 'dashed'} />
      <span>{words}</span>
    </span>
  );
}

const LOOKS = {
  live: { colour: 'green', sign: 'dot', title: 'Every change is shown as it happens' },
  connecting: { colour: 'amber', sign: 'dashed', title: 'What is shown may be some seconds old' },
  reconnecting: { colour: 'amber', sign: 'dashed', title: 'What is shown may be some seconds old' },
  offline: { colour: 'red', sign: 'cross', title: 'Nox does not answer' },
} as const;

/** Said on every page once the connection has been gone for a while. */
export function OfflineNote() {
  const connection = useStore(connectionStore);
  if (connection.kind !== 'offline') return null;
  return (
    <div className="offline-note" role="alert">
      Nox has not answered since {clockTime(connection.since)}. What you see is from then; nothing that you typed is
      lost. This page reconnects by itself.
    </div>
  );
}
