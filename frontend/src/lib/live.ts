import { connectLive, type LiveConnection, type LiveSnapshot, type LiveState } from '@client/live.js';
import type { AnyNoxEvent } from '@contracts/event.js';
import { messageOf } from './http.js';
import { notify } from './notify.js';
import { session } from './session.js';
import { Store } from './store.js';

export type Connection =
  { readonly kind: 'connecting' | 'live' } | { readonly kind: 'reconnecting' | 'offline'; readonly since: string };

export interface LiveListener {
  /** Everything anew; `first` when nothing was known before, so nothing can have been missed. */
  readonly onSnapshot: (snapshot: LiveSnapshot, first: boolean) => void;
  /** In the order of `seq`, each once; those that came together are given together. */
  readonly onEvents: (events: readonly AnyNoxEvent[]) => void;
}

const OFFLINE_AFTER_MS = 10_000;
const ROOMS = ['agent', 'turn', 'approval', 'registry', 'system', 'task', 'message', 'service'];

/** Whether what is shown is what is. */
export const connection = new Store<Connection>({ kind: 'connecting' });

/** Connects and tells the listener until the returned function is called. */
export function startLive(listener: LiveListener): () => void {
  let first = true;
  let batch: AnyNoxEvent[] = [];
  let offline: ReturnType<typeof setTimeout> | undefined;
  let told = false;

  const flush = (): void => {
    const events = batch;
    batch = [];
    if (events.length > 0) listener.onEvents(events);
  };
  const onState = (state: LiveState): void => {
    if (state === 'live' || state === 'connecting') {
      clearTimeout(offline);
      offline = undefined;
      connection.set({ kind: state });
    } else if (state !== 'closed') {
      const now = connection.get();
      const since = 'since' in now ? now.since : new Date().toISOString();
      if (now.kind !== 'offline') connection.set({ kind: 'reconnecting', since });
      offline ??= setTimeout(() => connection.set({ kind: 'offline', since }), OFFLINE_AFTER_MS);
    }
  };

  connection.set({ kind: 'connecting' });
  const live: LiveConnection = connectLive({
    token: () => session.freshToken(),
    rooms: ROOMS,
    onState,
    onSnapshot: (snapshot) => {
      flush();
      listener.onSnapshot(snapshot, first);
      first = false;
    },
    onEvent: (event) => {
      if (batch.push(event) === 1) queueMicrotask(flush);
    },
    onError: (error) => {
      if (told) return;
      told = true;
      notify.warn(
        'Part of what the server tells could not be read',
        `Reload this page for its newest version. ${messageOf(error)}`,
      );
    },
  });
  return () => {
    clearTimeout(offline);
    live.close();
  };
}
