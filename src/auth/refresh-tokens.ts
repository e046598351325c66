import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { newId } from '../shared/ids.js';
import { JwtKeys } from './jwt-keys.js';
import { judgeRefresh, type RefreshRow } from './refresh-policy.js';

/** A refresh token as handed out; only its hash is stored. */
export interface IssuedRefresh {
  readonly token: string;
  readonly family: string;
  readonly username: string;
}

export type RefreshOutcome =
  | ({ readonly kind: 'issued' } & IssuedRefresh)
  | { readonly kind: 'reuse'; readonly family: string; readonly username: string }
  | { readonly kind: 'refused' };

interface StoredRefresh extends RefreshRow {
  readonly family: string;
  readonly username: string;
}

/**
 * Logins that last: a family of refresh tokens, each good for one use, stored as hashes. A used token that comes back
 * ends its family, except at once after its use, when the answer may have been lost: then the same successor is
 * answered again, also after a restart of Nox, because it is derived and not remembered.
 */
@Injectable()
export class RefreshTokens {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(JwtKeys) private readonly keys: JwtKeys,
  ) {}

  /** Begins a family. Forgets what expired, so that the table does not grow for ever. */
  beginIn(tx: Tx, username: string, lifetime_s: number): IssuedRefresh {
    tx.run('DELETE FROM refresh_tokens WHERE expires_ms <= ?', this.clock.now());
    const issued = { token: randomBytes(32).toString('base64url'), family: newId('fam'), username };
    this.storeIn(tx, issued, lifetime_s);
    return issued;
  }

  rotate(token: string, lifetime_s: number): Promise<RefreshOutcome> {
    return this.db.write((tx): RefreshOutcome => {
      const row = this.findIn(tx, token);
      const successor = this.successorOf(token);
      const verdict = judgeRefresh(row, this.findIn(tx, successor), this.clock.now());
      if (row === undefined || verdict === 'refuse') return { kind: 'refused' };
      const { family, username } = row;
      if (verdict === 'reuse') {
        this.revokeIn(tx, family);
        return { kind: 'reuse', family, username };
      }
      const issued = { token: successor, family, username };
      if (verdict === 'rotate') {
        tx.run('UPDATE refresh_tokens SET used_ms = ? WHERE token_sha256 = ?', this.clock.now(), sha256(token));
        this.storeIn(tx, issued, lifetime_s);
      }
      return { kind: 'issued', ...issued };
    });
  }

  revokeIn(tx: Tx, family: string): void {
    tx.run('UPDATE refresh_tokens SET revoked = 1 WHERE family = ?', family);
  }

  /** Families of a user that have not ended. */
  familiesIn(tx: Tx, username: string): string[] {
    return tx
      .all<{ family: string }>(
        'SELECT DISTINCT family FROM refresh_tokens WHERE username = ? AND revoked = 0 AND expires_ms > ?',
        username,
        this.clock.now(),
      )
      .map(({ family }) => family);
  }

  /** Whether access tokens of this login are still good. */
  isLive(family: string): boolean {
    const sql = 'SELECT MAX(revoked) AS revoked FROM refresh_tokens WHERE family = ?';
    // No row at all gives null: the family never was, or expired as a whole.
    return this.db.get<{ revoked: number | null }>(sql, family)?.revoked === 0;
  }

  private findIn(tx: Tx, token: string): StoredRefresh | undefined {
    const sql = 'SELECT family, username, expires_ms, used_ms, revoked FROM refresh_tokens WHERE token_sha256 = ?';
    return tx.get<StoredRefresh>(sql, sha256(token));
  }

  private storeIn(tx: Tx, { token, family, username }: IssuedRefresh, lifetime_s: number): void {
    const now = this.clock.now();
    tx.run(
      'INSERT INTO refresh_tokens (token_sha256, family, username, issued_ms, expires_ms) VALUES (?, ?, ?, ?, ?)',
      sha256(token),
      family,
      username,
      now,
      now + lifetime_s * 1000,
    );
  }

  /** The one token that follows this one; only Nox can compute it. */
  private successorOf(token: string): string {
    return createHmac('sha256', this.keys.current.secret).update(`refresh after ${token}`).digest('base64url');
  }
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
