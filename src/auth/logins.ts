import { Inject, Injectable } from '@nestjs/common';
import type { User } from '../contracts/auth.js';
import { Clock } from '../shared/clock.js';
import type { LoginHandle } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { AccessTokens } from './access-tokens.js';
import { RefreshTokens } from './refresh-tokens.js';
import { UserStore } from './user-store.js';
import { type AccessClaims, VerifiedTokens } from './verified-tokens.js';

/** A caller who has shown a valid access token. */
export interface Login extends AccessClaims, LoginHandle {
  readonly role: User['role'];
}

/** Says who an access token belongs to, and tells whoever holds a connection open when that login ends. */
@Injectable()
export class Logins {
  private readonly verified = new VerifiedTokens<Login>();
  private readonly watchers = new Map<string, Set<() => void>>();

  constructor(
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(RefreshTokens) private readonly refresh_tokens: RefreshTokens,
    @Inject(UserStore) private readonly users: UserStore,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Throws UNAUTHORIZED unless the token is good now. */
  verify(token: string | undefined): Login {
    if (token === undefined) throw new NoxError('UNAUTHORIZED');
    const known = this.verified.get(token, this.clock.now());
    if (known !== undefined) return known;
    const claims = this.tokens.read(token);
    if (claims === undefined || !this.refresh_tokens.isLive(claims.family)) throw new NoxError('UNAUTHORIZED');
    // The role is the user's of today, not the one of when the token was made.
    const user = this.users.find(claims.username);
    if (user === undefined) throw new NoxError('UNAUTHORIZED');
    const login: Login = { ...claims, role: user.role, onEnd: (fn) => this.watch(claims, fn) };
    this.verified.add(token, login);
    return login;
  }

  /** To be called after the end of a login is on the disk. */
  ended(family: string): void {
    this.verified.forget(family);
    for (const fn of this.watchers.get(family) ?? []) fn();
  }

  private watch({ family, expires_at_ms }: AccessClaims, fn: (reason: 'expired' | 'revoked') => void): () => void {
    const watchers = this.watchers.get(family) ?? new Set();
    this.watchers.set(family, watchers);
    const stop = (): void => {
      cancelTimer();
      watchers.delete(onRevoked);
      if (watchers.size === 0 && this.watchers.get(family) === watchers) this.watchers.delete(family);
    };
    const onRevoked = (): void => {
      stop();
      fn('revoked');
    };
    const cancelTimer = this.clock.after(expires_at_ms - this.clock.now(), () => {
      stop();
      fn('expired');
    });
    watchers.add(onRevoked);
    return stop;
  }
}
