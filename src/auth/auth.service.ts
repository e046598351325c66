import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { EventPayload } from '../contracts/event.js';
import type { TokenReply, User } from '../contracts/auth.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import { AccessTokens } from './access-tokens.js';
import { AuthSettings } from './auth-settings.js';
import { ClientTokens } from './client-tokens.js';
import { Logins } from './logins.js';
import { PasswordHasher } from './password.js';
import { type IssuedRefresh, RefreshTokens, sha256 } from './refresh-tokens.js';
import { UserStore } from './user-store.js';

export const FIRST_USER = 'admin';
export const MIN_PASSWORD_CHARS = 8;
const LINK_LIFETIME_MS = 15 * 60_000;

/** What is shown once, to the person who started Nox for the first time. */
export interface FirstStart {
  readonly username: string;
  /** Only when Nox made it. */
  readonly password?: string;
  readonly login_link?: string;
}

type RevokeReason = EventPayload<'system.login_revoked'>['reason'];

/** Users and their logins. Every success and failure to log in is an event; no secret is stored or logged in clear. */
@Injectable()
export class AuthService {
  /** Logins wait for the first user to be made. */
  private starting: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(UserStore) private readonly users: UserStore,
    @Inject(RefreshTokens) private readonly refresh_tokens: RefreshTokens,
    @Inject(ClientTokens) private readonly clients: ClientTokens,
    @Inject(AccessTokens) private readonly access_tokens: AccessTokens,
    @Inject(Logins) private readonly logins: Logins,
    @Inject(PasswordHasher) private readonly hasher: PasswordHasher,
    @Inject(AuthSettings) private readonly settings: AuthSettings,
  ) {}

  /**
   * Makes the user `admin` when there is no user yet; undefined when there is. Hashing takes some 0.2 s, so call it
   * after the server listens: logins wait. Throws VALIDATION_ERROR, before anything is done, for a password that is too
   * short. `base_url` is where a browser reaches Nox.
   */
  firstStart(options: { admin_password?: string | undefined; base_url: string }): Promise<FirstStart | undefined> {
    if (this.users.list().length > 0) return Promise.resolve(undefined);
    if (options.admin_password !== undefined) assertAdminPassword(options.admin_password);
    const made = this.makeFirstUser(options.admin_password, options.base_url);
    this.starting = made.catch(() => undefined);
    return made;
  }

  /** Throws UNAUTHORIZED, after the same time for a wrong password and for an unknown user. */
  async login(credentials: { username: string; password: string }, address: string): Promise<TokenReply> {
    await this.starting;
    const user = this.users.find(credentials.username);
    const fits = await this.hasher.verify(credentials.password, user?.password_hash);
    if (user === undefined || !fits) {
      // A name that is no user's may be a password typed in the wrong field.
      await this.events.append('system.login', { username: user?.username ?? '(unknown)', success: false, address });
      throw new NoxError('UNAUTHORIZED', 'Name or password is wrong.');
    }
    return this.begin(user.username, address);
  }

  /** Takes a one-time link. Throws UNAUTHORIZED when it was used or is older than 15 minutes. */
  async loginByLink(token: string, address: string): Promise<TokenReply> {
    await this.starting;
    const sql = 'DELETE FROM login_links WHERE token_sha256 = ? RETURNING username, expires_ms';
    const link = await this.db.write((tx) => tx.get<{ username: string; expires_ms: number }>(sql, sha256(token)));
    if (link === undefined || link.expires_ms <= this.clock.now() || this.users.find(link.username) === undefined) {
      await this.events.append('system.login', { username: link?.username ?? '(unknown)', success: false, address });
      throw new NoxError('UNAUTHORIZED', 'This login link was used already or is too old.');
    }
    return this.begin(link.username, address);
  }

  /** Changes a refresh token for a new pair. Throws UNAUTHORIZED; one that comes back after its use ends the login. */
  async refresh(token: string): Promise<TokenReply> {
    const outcome = await this.refresh_tokens.rotate(token, this.settings.refresh_token_s);
    if (outcome.kind === 'reuse') await this.announceRevoked([outcome.family], outcome.username, 'reuse');
    if (outcome.kind !== 'issued') {
      throw new NoxError('UNAUTHORIZED', 'This login has ended; log in again.');
    }
    return this.reply(outcome);
  }

  /** Ends a login, with its sockets and streams. */
  logout(login: { family: string; username: string }): Promise<void> {
    return this.revoke(() => [login.family], login.username, 'logout');
  }

  /** Changes a password and ends the user's other logins. Throws FORBIDDEN when the present one is wrong. */
  async changePassword(
    login: { family: string; username: string },
    change: { current_password: string; new_password: string },
  ): Promise<void> {
    const { username } = login;
    if (!(await this.hasher.verify(change.current_password, this.users.find(username)?.password_hash))) {
      throw new NoxError('FORBIDDEN', 'The present password is wrong.');
    }
    const password_hash = await this.hasher.hash(change.new_password);
    await this.revoke(
      (tx) => {
        this.users.setPasswordIn(tx, username, password_hash);
        this.clients.forgetIn(tx, username);
        return this.refresh_tokens.familiesIn(tx, username).filter((family) => family !== login.family);
      },
      username,
      'password_changed',
    );
  }

  listUsers(): User[] {
    return this.users.list();
  }

  /** Throws USER_ALREADY_EXISTS. */
  async createUser({ username, password, role }: User & { password: string }): Promise<User> {
    const password_hash = await this.hasher.hash(password);
    await this.db.write((tx) => this.users.createIn(tx, { username, role, password_hash }));
    return { username, role };
  }

  /** Removes a user and ends his logins. Throws USER_NOT_FOUND, and INVALID_STATE for the last admin. */
  deleteUser(username: string): Promise<void> {
    return this.revoke(
      (tx) => {
        this.users.deleteIn(tx, username);
        this.clients.forgetIn(tx, username);
        return this.refresh_tokens.familiesIn(tx, username);
      },
      username,
      'user_deleted',
    );
  }

  private async makeFirstUser(given: string | undefined, base_url: string): Promise<FirstStart> {
    const password = given ?? randomBytes(15).toString('base64url');
    const password_hash = await this.hasher.hash(password);
    const link_token = randomBytes(32).toString('base64url');
    await this.db.write((tx) => {
      this.users.createIn(tx, { username: FIRST_USER, role: 'admin', password_hash });
      if (given !== undefined) return;
      tx.run(
        'INSERT INTO login_links (token_sha256, username, expires_ms) VALUES (?, ?, ?)',
        sha256(link_token),
        FIRST_USER,
        this.clock.now() + LINK_LIFETIME_MS,
      );
    });
    if (given !== undefined) return { username: FIRST_USER };
    // Behind the #, so that it is in no request, log or Referer.
    return { username: FIRST_USER, password, login_link: `${base_url}/login#link=${link_token}` };
  }

  private async begin(username: string, address: string): Promise<TokenReply> {
    const issued = await this.db.write((tx) => {
      this.events.appendIn(tx, 'system.login', { username, success: true, address });
      return this.refresh_tokens.beginIn(tx, username, this.settings.refresh_token_s);
    });
    return this.reply(issued);
  }

  private reply({ token, family, username }: IssuedRefresh): TokenReply {
    const user = this.users.find(username);
    if (user === undefined) throw new NoxError('UNAUTHORIZED');
    const expires_in = Math.min(this.settings.access_token_s, this.settings.refresh_token_s);
    return {
      access_token: this.access_tokens.issue(username, family, expires_in),
      token_type: 'Bearer',
      expires_in,
      refresh_token: token,
      user: { username, role: user.role },
    };
  }

  private async revoke(families: (tx: Tx) => string[], username: string, reason: RevokeReason): Promise<void> {
    const ended = await this.db.write((tx) => {
      const found = families(tx);
      for (const family of found) {
        this.refresh_tokens.revokeIn(tx, family);
        this.events.appendIn(tx, 'system.login_revoked', { username, reason });
      }
      return found;
    });
    for (const family of ended) this.logins.ended(family);
  }

  private async announceRevoked(families: string[], username: string, reason: RevokeReason): Promise<void> {
    for (const family of families) this.logins.ended(family);
    await this.events.append('system.login_revoked', { username, reason });
  }
}

/** Throws VALIDATION_ERROR; main checks NOX_ADMIN_PASSWORD by this before it listens. */
export function assertAdminPassword(password: string): void {
  if (password.length >= MIN_PASSWORD_CHARS) return;
  throw new NoxError(
    'VALIDATION_ERROR',
    `NOX_ADMIN_PASSWORD is too short: give it at least ${MIN_PASSWORD_CHARS} characters, or leave it out and Nox makes one.`,
  );
}
