import { Inject, Injectable } from '@nestjs/common';
import type { Role, User } from '../contracts/auth.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';

interface UserRow {
  username: string;
  role: User['role'];
  password_hash: string;
}

/** The users, in the journal. */
@Injectable()
export class UserStore {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  list(): User[] {
    return this.db.all<{ username: string; role: User['role'] }>('SELECT username, role FROM users ORDER BY username');
  }

  find(username: string): UserRow | undefined {
    return this.db.get<UserRow>('SELECT username, role, password_hash FROM users WHERE username = ?', username);
  }

  /** Throws USER_ALREADY_EXISTS. */
  createIn(tx: Tx, user: { username: string; role: (typeof Role.options)[number]; password_hash: string }): void {
    const { changes } = tx.run(
      'INSERT INTO users (username, role, password_hash, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      user.username,
      user.role,
      user.password_hash,
      this.clock.now(),
    );
    if (changes === 0) throw new NoxError('USER_ALREADY_EXISTS', `There is a user "${user.username}" already.`);
  }

  /** Throws USER_NOT_FOUND, and INVALID_STATE for the last admin: nobody could undo that. */
  deleteIn(tx: Tx, username: string): void {
    const user = tx.get<{ role: string }>('SELECT role FROM users WHERE username = ?', username);
    if (user === undefined) throw new NoxError('USER_NOT_FOUND', `There is no user "${username}".`);
    const admins = tx.get<{ n: number }>("SELECT COUNT(*) AS n FROM users WHERE role = 'admin'")?.n ?? 0;
    if (user.role === 'admin' && admins === 1) {
      throw new NoxError('INVALID_STATE', `"${username}" is the only admin; make another one first.`);
    }
    tx.run('DELETE FROM users WHERE username = ?', username);
  }

  setPasswordIn(tx: Tx, username: string, password_hash: string): void {
    tx.run('UPDATE users SET password_hash = ? WHERE username = ?', password_hash, username);
  }
}
