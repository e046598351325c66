import type { Approval, ApprovalGroup, ApprovalList, WaitsBehind } from '../contracts/approval.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb } from '../shared/db/state-db.js';
import { isEnd } from './approval-state.js';
import * as store from './approval-store.js';
import { groupsOf, NOTHING } from './group.js';
import type { Backlog } from './ports.js';
import { ranked as byRank } from './rank.js';

/** Requests as people look at them: what waits is counted and ranked by what waits behind it. */
export class Inbox {
  backlog: Backlog = { behind: () => new Map() };

  constructor(
    private readonly db: StateDb,
    private readonly clock: Clock,
  ) {}

  /** Throws APPROVAL_NOT_FOUND. */
  get(id: string): Approval {
    const { approval } = store.readApproval(this.db, id);
    return isEnd(approval.status) ? approval : this.shown(approval, this.backlog.behind(new Set([approval.agent_id])));
  }

  list({ sort = 'rank', ...query }: store.Page & { readonly sort?: 'rank' | 'age' }): ApprovalList {
    const { status, page, limit } = query;
    const by_rank = sort === 'rank' && (status === 'pending' || status === 'parked');
    const ranked = by_rank ? this.rankedPage(query) : undefined;
    const { ids, total } = ranked ?? store.pageOfIds(this.db, query);
    const found = ids.map((id) => store.readApproval(this.db, id).approval);
    const behind = ranked?.behind ?? this.backlog.behind(new Set(found.filter(waits).map(({ agent_id }) => agent_id)));
    const approvals = found.map((approval) => (waits(approval) ? this.shown(approval, behind) : approval));
    return { approvals, pagination: { page, limit, total } };
  }

  /** All that waits, identical requests together, the most urgent first. */
  groups(): ApprovalGroup[] {
    const { approvals } = this.list({ status: 'pending', page: 1, limit: 10_000 });
    return groupsOf(approvals);
  }

  private rankedPage({ page, limit, ...query }: store.Page) {
    const heads = store.waitingHeads(this.db, query);
    const behind = this.backlog.behind(new Set(heads.map(({ agent_id }) => agent_id)));
    const all = heads.map((head) => ({ ...head, waits_behind: behind.get(head.agent_id) ?? NOTHING }));
    const ids = byRank(all, this.clock.now()).map(({ id }) => id);
    return { ids: ids.slice((page - 1) * limit, page * limit), total: ids.length, behind };
  }

  private shown(approval: Approval, behind: ReadonlyMap<string, WaitsBehind>): Approval {
    return { ...approval, waits_behind: behind.get(approval.agent_id) ?? NOTHING };
  }
}

const waits = ({ status }: Approval): boolean => !isEnd(status);
