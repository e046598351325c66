import { Sign } from '../components/sign.js';
import { exactTime, clockTime } from '../lib/format.js';
import { connection as connectionStore } from '../lib/live.js';
import { useStore } from '../lib/store.js';

/** Whether what is shown is what is: live, reconnecting, or offline since when. */
export function ConnectionState() {
  const connection = useStore(connectionStore);
  switch (connection.kind) {
    case 'live':
      return (
        <span className="connection state state-green" role="status" title="Every change is shown as it happens">
          <Sign name="dot" />
          <span className="connection-word">live</span>
        </span>
      );
    case 'connecting':
    case 'reconnecting':
      return (
        <span className="connection state state-amber" role="status" title="What is shown may be some seconds old">
          <Sign name="dashed" pulse />
          <span className="connection-word">{connection.kind}</span>
        </span>
      );
    case 'offline':
      return (
        <span className="connection state state-red" role="status" title={`Since ${exactTime(connection.since)}`}>
          <Sign name="cross" />
          <span className="connection-word">offline since {clockTime(connection.since)}</span>
        </span>
      );
  }
}

/** Said on every page once the connection has been gone for a while. */
export function OfflineNote() {
  const connection = useStore(connectionStore);
  if (connection.kind !== 'offline') return null;
  return (
    <div className="offline-note" role="alert">
      Nox has not answered since {clockTime(connection.since)}. What you see is from then; agents that run go on
      running. This page reconnects by itself.
    </div>
  );
}
