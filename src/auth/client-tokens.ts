import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor, Client, ClientReply, CreateClient, Role } from '../contracts/auth.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import { sha256 } from './refresh-tokens.js';
import { includesRole } from './roles.js';
import { UserStore } from './user-store.js';

const PREFIX = 'nox_';
const DAY_MS = 86_400_000;
const MAX_PER_USER = 50;

interface Row {
  readonly username: string;
  readonly name: string;
  readonly role: Role;
  readonly created_ms: number;
  readonly expires_ms: number;
}

/** Tokens of MCP clients: they last, and so open `/mcp` only. Stored as hashes. */
@Injectable()
export class ClientTokens {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(UserStore) private readonly users: UserStore,
  ) {}

  /** Whether it has the form of one. */
  static is(token: string | undefined): token is string {
    return token?.startsWith(PREFIX) === true;
  }

  /** NAME_TAKEN; FORBIDDEN for a role above one's own; RESOURCE_LIMIT_EXCEEDED. */
  async create({ name, role, expires_in_days }: CreateClient, owner: Actor): Promise<ClientReply> {
    if (!includesRole(owner.role, role))
      throw new NoxError('FORBIDDEN', `Your role is ${owner.role}: give ${role} to no client.`);
    const token = PREFIX + randomBytes(32).toString('base64url');
    const created_ms = this.clock.now();
    const row = { username: owner.name, name, role, created_ms, expires_ms: created_ms + expires_in_days * DAY_MS };
    await this.db.write((tx) => {
      tx.run('DELETE FROM clients WHERE expires_ms <= ?', created_ms);
      const known = tx.all<Row>('SELECT * FROM clients WHERE username = ?', owner.name);
      if (known.some((each) => each.name === name))
        throw new NoxError('NAME_TAKEN', `You have a client "${name}" already; end it first, or choose another name.`);
      if (known.length >= MAX_PER_USER)
        throw new NoxError('RESOURCE_LIMIT_EXCEEDED', `You have ${MAX_PER_USER} clients; end one first.`);
      tx.run(
        'INSERT INTO clients (token_sha256, username, name, role, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?)',
        sha256(token),
        row.username,
        row.name,
        row.role,
        row.created_ms,
        row.expires_ms,
      );
    });
    return { ...this.view(row), token };
  }

  /** Those of the user; of all for an admin. */
  list({ name, role }: Actor): Client[] {
    return this.db
      .all<Row>('SELECT * FROM clients WHERE expires_ms > ? ORDER BY username, name', this.clock.now())
      .filter(({ username }) => role === 'admin' || username === name)
      .map((row) => this.view(row));
  }

  /** NOT_FOUND. */
  async end(name: string, owner: Actor): Promise<void> {
    const { changes } = await this.db.write((tx) =>
      tx.run('DELETE FROM clients WHERE username = ? AND name = ?', owner.name, name),
    );
    if (changes === 0) throw new NoxError('NOT_FOUND', `You have no client "${name}".`);
  }

  /** Who this is: its user by name and client, with the lesser of both roles. UNAUTHORIZED. */
  verify(token: string): { readonly name: string; readonly role: Role } {
    const row = this.db.get<Row>('SELECT * FROM clients WHERE token_sha256 = ?', sha256(token));
    const user = row === undefined ? undefined : this.users.find(row.username);
    if (row === undefined || user === undefined || row.expires_ms <= this.clock.now())
      throw new NoxError(
        'UNAUTHORIZED',
        'This client token is not known, or its time is over: make one with "nox client add".',
      );
    return {
      name: `${row.username}+${row.name}`,
      role: includesRole(user.role, row.role) ? row.role : user.role,
    };
  }

  /** With the user's password, or with the user, they end. */
  forgetIn(tx: Tx, username: string): void {
    tx.run('DELETE FROM clients WHERE username = ?', username);
  }

  private view({ name, username, role, created_ms, expires_ms }: Row): Client {
    return { name, username, role, created_at: this.clock.iso(created_ms), expires_at: this.clock.iso(expires_ms) };
  }
}
