import { Inject, Injectable } from '@nestjs/common';
import type { Approval } from '../../contracts/approval.js';
import type {
  ApprovalLink,
  ApprovalLinkList,
  CreateLinkRequest,
  CreatedLink,
  DecideByLinkRequest,
  OpenedLink,
} from '../../contracts/approval-link.js';
import type { Actor, Role } from '../../contracts/auth.js';
import { Clock } from '../../shared/clock.js';
import { StateDb, type Tx } from '../../shared/db/state-db.js';
import { newId } from '../../shared/ids.js';
import { NoxError } from '../../shared/nox-error.js';
import { assertAnswered } from '../answers.js';
import { isEnd } from '../approval-state.js';
import { readApproval } from '../approval-store.js';
import { ApprovalsService } from '../approvals.service.js';
import { isAtLeast } from '../finding.js';
import { isSigned, linkIdOf, linkToken } from './link-token.js';

/** What links need to know of the house. Given at wiring. */
export abstract class LinkSettings {
  /** The key that signs. */
  abstract key(): Buffer;
  /** The role that a user has today; undefined when there is none of that name. */
  abstract roleOf(username: string): Role | undefined;
  /** Where browsers reach Nox. */
  abstract public_url(): string;
  /** Nothing riskier is decided by a link. */
  abstract max_risk(): Approval['risk_level'];
}

interface LinkRow {
  id: string;
  approval_id: string;
  input_sha256: string;
  username: string;
  created_by: string;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
  revoked_ms: number | null;
}

/**
 * One-time links by which a phone decides. Contract: a link is good for one request with its very bytes, for one
 * decision, until it expires or is revoked, and with no more right than its user has at that time. Opening it decides nothing.
 */
@Injectable()
export class LinksService {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(LinkSettings) private readonly settings: LinkSettings,
  ) {}

  /** FORBIDDEN for another user without being admin, or for what is too risky; INVALID_STATE when nothing waits. */
  async create(approval_id: string, { username, expires_in_s }: CreateLinkRequest, actor: Actor): Promise<CreatedLink> {
    const { approval } = readApproval(this.db, approval_id);
    const owner = username ?? actor.name;
    if (owner !== actor.name && actor.role !== 'admin')
      throw new NoxError('FORBIDDEN', 'Only admins make links for others.');
    if (isEnd(approval.status)) throw new NoxError('INVALID_STATE', `This request is already ${approval.status}.`);
    this.actorOf(owner);
    this.assertRisk(approval);
    const now_ms = this.clock.now();
    const row: LinkRow = {
      id: newId('lnk'),
      approval_id,
      input_sha256: approval.input_sha256,
      username: owner,
      created_by: actor.name,
      created_ms: now_ms,
      expires_ms: Math.min(now_ms + expires_in_s * 1000, Date.parse(approval.expires_at)),
      used_ms: null,
      revoked_ms: null,
    };
    await this.db.write((tx) => {
      tx.run(
        'INSERT INTO approval_links (id, approval_id, input_sha256, username, created_by, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
        row.id,
        row.approval_id,
        row.input_sha256,
        row.username,
        row.created_by,
        row.created_ms,
        row.expires_ms,
      );
    });
    return { link: this.view(row), url: this.addressOf(row) };
  }

  /** The address of a link that was made before; undefined when there is none. */
  urlOf(id: string): string | undefined {
    const row = this.read(this.db, id);
    return row === undefined ? undefined : this.addressOf(row);
  }

  list(approval_id: string): ApprovalLinkList {
    const { approval } = readApproval(this.db, approval_id);
    const links = this.db
      .all<LinkRow & Record<string, never>>(
        'SELECT * FROM approval_links WHERE approval_id = ? ORDER BY id',
        approval_id,
      )
      .map((row) => this.view(row));
    return { links, refusal: this.refusal(approval) };
  }

  /** Why no link can be made of a request, in words for people; null when one can. */
  refusal({ risk_level }: Approval): string | null {
    const max = this.settings.max_risk();
    return isAtLeast(max, risk_level) ? null : `Links decide up to the risk "${max}"; for "${risk_level}" log in.`;
  }

  /** NOT_FOUND; FORBIDDEN for a link that is neither one's own nor made by oneself. Revoking twice changes nothing. */
  revoke(approval_id: string, id: string, actor: Actor): Promise<ApprovalLink> {
    return this.db.write((tx) => {
      const row = this.read(tx, id);
      if (row?.approval_id !== approval_id) throw new NoxError('NOT_FOUND', `This request has no link ${id}.`);
      if (actor.role !== 'admin' && actor.name !== row.username && actor.name !== row.created_by)
        throw new NoxError('FORBIDDEN', 'This link is of somebody else.');
      const revoked_ms = row.revoked_ms ?? this.clock.now();
      tx.run('UPDATE approval_links SET revoked_ms = ? WHERE id = ?', revoked_ms, id);
      return this.view({ ...row, revoked_ms });
    });
  }

  /** What the link asks about. NOT_FOUND for a forged one, LINK_GONE for one that is over. Decides nothing. */
  open(token: string): OpenedLink {
    const row = this.verified(this.db, token);
    const approval = this.approvals.get(row.approval_id);
    this.assertFits(row, approval);
    return { link: this.view(row), approval };
  }

  /** Decides in the name of its user, once. Rejects like `open` and like a decision of that user. */
  async decide({ token, decision, reason, answers }: DecideByLinkRequest): Promise<Approval> {
    const row = await this.db.write((tx) => {
      const found = this.verified(tx, token);
      const { approval } = readApproval(tx, found.approval_id);
      this.assertFits(found, approval);
      if (isEnd(approval.status) || approval.held !== undefined)
        throw new NoxError('APPROVAL_ALREADY_DECIDED', undefined, { approval });
      this.assertRisk(approval);
      this.actorOf(found.username);
      // What cannot be taken does not spend the link.
      if (decision === 'approve') assertAnswered(approval, answers);
      // Spent before it decides: a link that is pressed twice at once decides once.
      tx.run('UPDATE approval_links SET used_ms = ? WHERE id = ?', this.clock.now(), found.id);
      return found;
    });
    const request = { channel: 'link', ...(reason === undefined ? {} : { reason }) };
    const actor = this.actorOf(row.username);
    if (decision === 'deny') return this.approvals.deny(row.approval_id, request, actor);
    return this.approvals.approve(
      row.approval_id,
      { ...request, ...(answers === undefined ? {} : { answers }) },
      actor,
    );
  }

  private addressOf(row: LinkRow): string {
    return `${this.settings.public_url()}/decide#${linkToken(this.settings.key(), row)}`;
  }

  private verified(db: Pick<Tx, 'get'>, token: string): LinkRow {
    const id = linkIdOf(token);
    const row = id === undefined ? undefined : this.read(db, id);
    if (row === undefined || !isSigned(this.settings.key(), row, token))
      throw new NoxError('NOT_FOUND', 'This link is not one of this Nox.');
    const { status } = this.view(row);
    if (status !== 'open') throw new NoxError('LINK_GONE', `This link is ${status}.`);
    return row;
  }

  private read(db: Pick<Tx, 'get'>, id: string): LinkRow | undefined {
    return db.get<LinkRow & Record<string, never>>('SELECT * FROM approval_links WHERE id = ?', id);
  }

  private assertFits(row: LinkRow, approval: Approval): void {
    if (approval.input_sha256 !== row.input_sha256)
      throw new NoxError('LINK_GONE', 'The request is not the one that this link was made for.');
  }

  private assertRisk(approval: Approval): void {
    const refusal = this.refusal(approval);
    if (refusal !== null) throw new NoxError('FORBIDDEN', refusal);
  }

  private actorOf(username: string): Actor {
    const role = this.settings.roleOf(username);
    if (role === undefined || role === 'viewer')
      throw new NoxError('FORBIDDEN', `"${username}" may not decide requests for approval.`);
    return { name: username, role };
  }

  private view({
    id,
    approval_id,
    username,
    created_by,
    created_ms,
    expires_ms,
    used_ms,
    revoked_ms,
  }: LinkRow): ApprovalLink {
    const over = this.clock.now() >= expires_ms ? 'expired' : 'open';
    return {
      id,
      approval_id,
      username,
      created_by,
      created_at: this.clock.iso(created_ms),
      expires_at: this.clock.iso(expires_ms),
      status: used_ms !== null ? 'used' : revoked_ms !== null ? 'revoked' : over,
    };
  }
}
