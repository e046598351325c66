import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { plural } from '../../lib/format.js';
import { recentEvents } from '../../lib/live-cache.js';
import type { Decision } from '../../lib/queries.js';
import { useCan, useUser } from '../../lib/session.js';
import { useStore } from '../../lib/store.js';
import { ApprovalList } from './components/approval-list.js';
import { type DetailMode, RequestDetail } from './components/request-detail.js';
import { KeyHelp } from './components/key-help.js';
import { RememberDialog } from './components/remember-dialog.js';
import { UndoBar } from './components/undo-bar.js';
import {
  hasApproved,
  isUndecided,
  useApproval,
  useDecide,
  useDecideGroup,
  useHistory,
  usePending,
  useUndo,
} from './queries.js';
import { useKeys } from './use-keys.js';
import './approvals.css';

/** After a decision the next request is shown; a second press so soon was meant for the one before. */
const SETTLE_MS = 500;
const WIDE = '(min-width: 900px)';

/** Calls that wait, and the exact request of one of them. */
export function ApprovalsPage() {
  const { id } = useParams();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const inHistory = params.has('history');
  const pending = usePending();
  const history = useHistory(inHistory);
  const waiting = useMemo(() => pending.data?.filter(isUndecided), [pending.data]);
  const list = inHistory ? history.data : waiting;
  const decide = useDecide();
  const decideGroup = useDecideGroup();
  const undo = useUndo();
  const mayRemember = useCan('admin');
  const [decided, setDecided] = useState<readonly Approval[]>([]);
  const mayDecide = useCan('operator');
  const [mode, setMode] = useState<DetailMode>('read');
  const [help, setHelp] = useState(false);
  const decided_at = useRef(0);

  const known = list?.find((approval) => approval.id === id) ?? pending.data?.find((approval) => approval.id === id);
  const fetched = useApproval(known === undefined ? id : undefined);
  const selected = known ?? fetched.data;
  const open = selected !== undefined && isUndecided(selected);
  const group = useMemo(() => sameAs(selected, waiting ?? []), [selected, waiting]);

  const go = useCallback(
    (to: Approval | undefined) => {
      setMode('read');
      void navigate(`/approvals${to === undefined ? '' : `/${to.id}`}${inHistory ? '?history' : ''}`, {
        replace: true,
      });
    },
    [navigate, inHistory],
  );

  // Beside a list there is always one open; its id is pinned in the address, so that it never changes under a hand.
  const first = list?.[0];
  useEffect(() => {
    if (id === undefined && first !== undefined && matchMedia(WIDE).matches) go(first);
  }, [id, first, go]);

  const step = (by: number): void => {
    if (list === undefined || list.length === 0) return;
    const at = list.findIndex((approval) => approval.id === id);
    go(list[Math.min(list.length - 1, Math.max(0, at + by))]);
  };
  const busy = decide.isPending || decideGroup.isPending;
  /** Decides what is shown and goes on to the next one; what was decided can be undone for a while. */
  const settle = async (deciding: () => Promise<readonly Approval[]>, ids: readonly string[]): Promise<void> => {
    const left = list?.filter((one) => !ids.includes(one.id)) ?? [];
    const at = list?.findIndex((one) => one.id === selected?.id) ?? 0;
    try {
      const taken = await deciding();
      decided_at.current = Date.now();
      setDecided(taken.filter((one) => one.held !== undefined || one.parked_at !== undefined || isUndecided(one)));
      go(left[Math.min(Math.max(0, at), left.length - 1)]);
    } catch {
      // Said in a notice; the request stays open, or shows how it ended.
      setMode('read');
      if (id !== undefined) void fetched.refetch();
    }
  };
  const take = async (
    decision: 'approve' | 'deny',
    more: Omit<Decision, 'approval' | 'decision'> = {},
  ): Promise<void> => {
    if (selected === undefined || busy) return;
    await settle(async () => [await decide.mutateAsync({ approval: selected, decision, ...more })], [selected.id]);
  };
  const takeGroup = async (decision: 'approve' | 'deny'): Promise<void> => {
    const key = selected?.group_key;
    if (key === undefined || busy) return;
    const ids = group.map((one) => one.id);
    await settle(async () => (await decideGroup.mutateAsync({ key, ids, decision })).decided, ids);
  };
  const { username } = useUser();
  const approved = open && hasApproved(selected, username);
  const takeBack = async (): Promise<void> => {
    const taken = decided.length === 0 && approved ? [selected] : decided;
    const [first] = taken;
    if (first === undefined || undo.isPending) return;
    await undo.mutateAsync(taken.map((one) => one.id));
    setDecided([]);
    go(first);
  };
  // It is over when the calls have heard of it.
  const told = useRecentlyTold(decided);
  useEffect(() => {
    if (told) setDecided([]);
  }, [told]);
  const may = open && mayDecide && !busy && mode === 'read';
  const asks = selected?.tool_name === 'AskUserQuestion';
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    a: () => may && !asks && !approved && Date.now() - decided_at.current > SETTLE_MS && void take('approve'),
    d: () => may && setMode('deny'),
    e: () => may && setMode('edit'),
    g: () => may && group.length > 1 && setMode('group'),
    r: () => may && selected.request_type === 'tool_use' && setMode('remember'),
    u: () => void takeBack(),
    '?': () => setHelp(true),
  });

  return (
    <div className={id === undefined ? 'page page-fill approvals' : 'page page-fill approvals approvals-open'}>
      <div className="approvals-head">
        <PageHead title="Approvals" summary={waiting && summaryOf(waiting.length)}>
          <CommandHint
            commands={['nox approval ls', `nox approval show ${id ?? 'ID'}`, `nox approval approve ${id ?? 'ID'}`]}
          />
          <Button
            type="button"
            text
            className="only-wide"
            icon={<Icon name="keyboard" />}
            aria-label="Keys"
            title="Keys (?)"
            onClick={() => setHelp(true)}
          />
        </PageHead>
        <nav className="tabs" aria-label="Which requests">
          <Link
            to="/approvals"
            replace
            className={inHistory ? 'tab' : 'tab active'}
            aria-current={inHistory ? undefined : 'page'}
          >
            Waiting
          </Link>
          <Link
            to="/approvals?history"
            replace
            className={inHistory ? 'tab active' : 'tab'}
            aria-current={inHistory ? 'page' : undefined}
          >
            History
          </Link>
        </nav>
      </div>
      <UndoBar decided={decided} busy={undo.isPending} onUndo={() => void takeBack()} />
      <div className="approvals-panes">
        <div className="approvals-list">
          <ListPane
            list={list}
            error={inHistory ? history.error : pending.error}
            retry={() => void (inHistory ? history.refetch() : pending.refetch())}
            inHistory={inHistory}
            selected_id={id}
          />
          {inHistory && history.hasNextPage && (
            <Button
              type="button"
              text
              label="Show older"
              disabled={history.isFetchingNextPage}
              onClick={() => void history.fetchNextPage()}
            />
          )}
        </div>
        <div className="approvals-detail">
          {id !== undefined && (
            <Link to={inHistory ? '/approvals?history' : '/approvals'} className="back-link">
              <Icon name="back" /> All requests
            </Link>
          )}
          {selected !== undefined && (
            <RequestDetail
              key={selected.id}
              approval={selected}
              mode={mode}
              busy={busy}
              mayDecide={mayDecide}
              approved={approved}
              group={group}
              onMode={setMode}
              onDecide={(decision, more) => void take(decision, more)}
              onDecideGroup={(decision) => void takeGroup(decision)}
              onTakeBack={() => void takeBack()}
            />
          )}
          {selected === undefined && id !== undefined && fetched.error !== null && (
            <ErrorState
              title="This request could not be loaded"
              error={fetched.error}
              retry={() => void fetched.refetch()}
            />
          )}
          {selected === undefined && id !== undefined && fetched.error === null && <SkeletonRows rows={8} />}
        </div>
      </div>
      {mode === 'remember' && selected !== undefined && (
        <RememberDialog
          approval={selected}
          busy={busy}
          mayRemember={mayRemember}
          onRemember={() => void take('approve', { remember: true })}
          onClose={() => setMode('read')}
        />
      )}
      <KeyHelp visible={help} onClose={() => setHelp(false)} />
    </div>
  );
}

/** Those that ask for the very same, with this one; oldest first. */
const sameAs = (selected: Approval | undefined, waiting: readonly Approval[]): readonly Approval[] =>
  selected?.group_key === undefined ? [] : waiting.filter((one) => one.group_key === selected.group_key);

/** Whether the calls of these decisions have heard of them, so that nothing can be undone. */
function useRecentlyTold(decided: readonly Approval[]): boolean {
  const events = useStore(recentEvents);
  return (
    decided.length > 0 &&
    decided.every(({ id, held, parked_at }) =>
      events.some(
        (event) =>
          (event.type === 'turn.tool_decided' && event.payload.approval_id === id) ||
          (event.type.startsWith('approval.') &&
            'approval' in event.payload &&
            event.payload.approval.id === id &&
            (event.type === 'approval.executed' ||
              event.type === 'approval.expired' ||
              event.type === 'approval.cancelled' ||
              (event.type === 'approval.decided' && held !== undefined && parked_at === undefined))),
      ),
    )
  );
}

interface ListPaneProps {
  readonly list: readonly Approval[] | undefined;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly inHistory: boolean;
  readonly selected_id: string | undefined;
}

function ListPane({ list, error, retry, inHistory, selected_id }: ListPaneProps) {
  if (list === undefined) {
    return error === null ? (
      <SkeletonRows rows={6} height="48px" />
    ) : (
      <ErrorState title="The requests could not be loaded" error={error} kept="They go on waiting." retry={retry} />
    );
  }
  if (list.length > 0) return <ApprovalList approvals={list} selected_id={selected_id} inHistory={inHistory} />;
  return inHistory ? (
    <EmptyState icon="approvals" title="Nothing has been decided yet">
      Every decision is kept here: who, when, why, and what then ran.
    </EmptyState>
  ) : (
    <EmptyState icon="check" title="Nothing waits for you" command="nox approval ls">
      When an agent wants to do something risky, the call stops and waits here for your decision.
    </EmptyState>
  );
}

const summaryOf = (waiting: number): string =>
  waiting === 0 ? 'No call waits' : `${plural(waiting, 'call')} wait${waiting === 1 ? 's' : ''} for a decision`;
