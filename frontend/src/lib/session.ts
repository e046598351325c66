import { NoxApiError } from '@client/api-error.js';
import { NoxClient } from '@client/http-client.js';
import { expiryOf } from '@client/token-life.js';
import type { Role, TokenReply, User } from '@contracts/auth.js';
import type { RouteCall, RouteName, RouteReply } from '@contracts/routes.js';
import { Store, useStore } from './store.js';

/** `unknown` until the refresh cookie has been tried. */
export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'anonymous'; readonly why?: 'expired' | 'unreachable' | 'logged_out' }
  | { readonly kind: 'user'; readonly user: User };

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
/** A token this close to its end is renewed before it is used. */
const MARGIN_MS = 15_000;
const RETRY_MS = 5000;

/** The login of this page. The access token lives in memory only, the refresh token in an HttpOnly cookie. */
class Session {
  readonly state = new Store<SessionState>({ kind: 'unknown' });
  readonly client = new NoxClient({
    base_url: '',
    getToken: () => this.#token,
    refresh: async () => {
      await this.refresh();
      return this.#token;
    },
  });
  #token: string | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #refreshing: Promise<void> | undefined;

  async login(username: string, password: string): Promise<void> {
    this.#accept(await this.client.call('auth_login', { body: { username, password } }));
  }

  async loginWithLink(token: string): Promise<void> {
    this.#accept(await this.client.call('auth_login_link', { body: { token } }));
  }

  /** Gets a new access token by the cookie; callers at the same time, also in other tabs, share it or queue for it. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** The access token, renewed when it is about to end. */
  async freshToken(): Promise<string | undefined> {
    const end_ms = this.#token === undefined ? 0 : (expiryOf(this.#token) ?? Infinity);
    if (end_ms - Date.now() < MARGIN_MS && this.state.get().kind === 'user') await this.refresh();
    return this.#token;
  }

  /** Ends the login here and, when the server can be reached, wherever else it is used. */
  async logout(): Promise<void> {
    try {
      await this.client.call('auth_logout', { body: {} });
    } finally {
      this.#end('logged_out');
    }
  }

  async #refresh(): Promise<void> {
    try {
      // The cookie changes with each use: two tabs that sent the same one at once would look like theft.
      this.#accept(await inTurn('nox-refresh', () => this.client.call('auth_refresh', { body: {} })));
    } catch (error) {
      const known = this.state.get().kind === 'user';
      if (!(error instanceof NoxApiError) || !error.transient) this.#end(known ? 'expired' : undefined);
      else if (known) this.#renewIn(RETRY_MS);
      else this.#end('unreachable');
    }
  }

  #accept(reply: TokenReply): void {
    this.#token = reply.access_token;
    this.#renewIn(Math.max(5, reply.expires_in * 0.8) * 1000);
    const state = this.state.get();
    const { user } = reply;
    if (state.kind === 'user' && state.user.username === user.username && state.user.role === user.role) return;
    this.state.set({ kind: 'user', user });
  }

  #end(why: 'expired' | 'unreachable' | 'logged_out' | undefined): void {
    clearTimeout(this.#renewal);
    this.#token = undefined;
    this.state.set({ kind: 'anonymous', ...(why !== undefined && { why }) });
  }

  #renewIn(delay_ms: number): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.refresh(), delay_ms);
  }
}

function inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
  // Absent on plain http beyond loopback.
  const locks = (navigator as Partial<Navigator>).locks;
  return locks === undefined ? task() : locks.request(name, task);
}

export const session = new Session();

/**
 * Calls a route as the logged-in user.
 * @throws NoxApiError
 */
export function call<N extends RouteName>(
  name: N,
  input: RouteCall<N> = {},
  signal?: AbortSignal,
): Promise<RouteReply<N>> {
  return session.client.call(name, input, { signal });
}

/** The user of this page; only inside the frame that is shown after login. */
export function useUser(): User {
  const state = useStore(session.state);
  // For the moment between logging out and leaving the frame.
  return state.kind === 'user' ? state.user : { username: '', role: 'viewer' };
}

/** Whether the user has this role or one that includes it. */
export function useCan(role: Role): boolean {
  const state = useStore(session.state);
  return state.kind === 'user' && RANK[state.user.role] >= RANK[role];
}
