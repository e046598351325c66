import type { Agent, Budget, UsageTotals } from '@contracts/agent.js';
import type { Task } from '@contracts/task.js';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'primereact/button';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import { BudgetMeters } from '../../../components/budget-meters.js';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { limitsOf, raised } from '../../../lib/budget.js';
import { number, plural } from '../../../lib/format.js';
import { messageOf } from '../../../lib/http.js';
import { keys } from '../../../lib/keys.js';
import { putAgent } from '../../../lib/live-cache.js';
import { notify } from '../../../lib/notify.js';
import { useFleetUsage } from '../../../lib/queries.js';
import { call, useCan } from '../../../lib/session.js';
import { useBrokerStats, useMessages, useRetry } from '../../messages/queries.js';
import { taskLook } from '../../tasks/look.js';
import { useMove, useTasks } from '../../tasks/queries.js';

/** More overdue tasks than this are one card. */
const TASKS = 3;
const NOTHING = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

/** What burns beside approvals and broken agents, each as a card with its action: budgets, dead letters, overdue tasks. */
export function useAlarms(agents: readonly Agent[]): ReactNode[] {
  const usage = useFleetUsage().data;
  const dead = useBrokerStats().data?.dead ?? 0;
  const overdue = useTasks()
    .data?.filter((task) => task.overdue)
    .toSorted((a, b) => (a.deadline ?? '').localeCompare(b.deadline ?? ''));
  const spent = new Map(usage?.agents.map((each) => [each.agent_id, each]));
  const alarming = (used: UsageTotals, budget: Budget): boolean =>
    limitsOf(used, budget).some(({ level }) => level !== 'ok');
  return [
    ...(usage !== undefined && alarming(usage.today, usage.budget)
      ? [<FleetBudgetCard key="fleet budget" used={usage.today} budget={usage.budget} />]
      : []),
    ...agents.flatMap((agent) => {
      const used = spent.get(agent.id) ?? NOTHING;
      return agent.budget !== undefined && alarming(used, agent.budget)
        ? [<BudgetCard key={`budget ${agent.id}`} agent={agent} used={used} budget={agent.budget} />]
        : [];
    }),
    ...(dead > 0 ? [<DeadLettersCard key="dead letters" count={dead} />] : []),
    ...(overdue ?? []).slice(0, TASKS).map((task) => <OverdueCard key={task.id} task={task} />),
    ...(overdue !== undefined && overdue.length > TASKS
      ? [
          <Link key="overdue" to="/tasks?only=overdue" className="attention-more">
            {plural(overdue.length - TASKS, 'more overdue task')}
          </Link>,
        ]
      : []),
  ];
}

function FleetBudgetCard({ used, budget }: { readonly used: UsageTotals; readonly budget: Budget }) {
  const full = limitsOf(used, budget).some(({ level }) => level === 'full');
  return (
    <article className="attention-card card" aria-label="Budget of all agents">
      <BudgetTag full={full} />
      <p>
        <strong>All agents</strong>
        <span className="muted">{full ? ': turns wait until midnight' : ' near their budget'}</span>
      </p>
      <BudgetMeters used={used} budget={budget} />
      <div className="row-wrap attention-foot">
        <Link to="/costs">Costs</Link>
      </div>
    </article>
  );
}

function BudgetCard({
  agent,
  used,
  budget,
}: {
  readonly agent: Agent;
  readonly used: UsageTotals;
  readonly budget: Budget;
}) {
  const queries = useQueryClient();
  const mayOperate = useCan('operator');
  const full = limitsOf(used, budget).some(({ level }) => level === 'full');
  const raise = useMutation({
    mutationFn: () => call('agents_update', { params: { id: agent.id }, body: { budget: raised(used, budget) } }),
    onSuccess: (changed) => {
      putAgent(queries, changed);
      notify.success(`The budget of ${agent.name} was raised`, 'Going back in the registry takes it back.');
    },
    onError: (error) => notify.error(`The budget of ${agent.name} stays as it was`, messageOf(error)),
  });
  return (
    <article className="attention-card card" aria-label={`Budget of ${agent.name}`}>
      <BudgetTag full={full} />
      <p className="truncate">
        <Link to={`/agents/${agent.id}/resources`} className="plain-link">
          {agent.name}
        </Link>
        <span className="muted">{full ? ' waits until midnight' : ' is near its budget'}</span>
      </p>
      <BudgetMeters used={used} budget={budget} />
      <div className="row-wrap attention-foot">
        <Button
          type="button"
          size="small"
          outlined
          label="Allow half more"
          aria-label={`Allow ${agent.name} half more`}
          disabled={!mayOperate || raise.isPending}
          onClick={() => raise.mutate()}
        />
        <Link to={`/agents/${agent.id}/configuration`}>Configuration</Link>
      </div>
    </article>
  );
}

const BudgetTag = ({ full }: { readonly full: boolean }) => (
  <div className="row">
    <StateTag
      look={
        full
          ? { word: 'budget used up', sign: 'pause', colour: 'violet' }
          : { word: 'budget nearly used', sign: 'diamond', colour: 'amber' }
      }
    />
  </div>
);

function DeadLettersCard({ count }: { readonly count: number }) {
  const { messages } = useMessages({ status: 'dead' });
  const retry = useRetry();
  const [asked, setAsked] = useState(false);
  const mayOperate = useCan('operator');
  return (
    <article className="attention-card card" aria-label="Dead letters">
      <div className="row">
        <StateTag look={{ word: plural(count, 'dead letter'), sign: 'cross', colour: 'red' }} />
      </div>
      <ul className="attention-lines">
        {messages?.slice(0, 3).map((message) => (
          <li key={message.id} className="truncate">
            <span className="muted">to {message.to}:</span>{' '}
            <Link to={`/messages/${message.thread_id}#${message.id}`}>
              <ExactText text={message.content.slice(0, 80)} />
            </Link>
          </li>
        ))}
      </ul>
      <div className="row-wrap attention-foot">
        <Button
          type="button"
          size="small"
          outlined
          label="Send again…"
          disabled={!mayOperate || messages === undefined || messages.length === 0 || retry.isPending}
          onClick={() => setAsked(true)}
        />
        <Link to="/messages?view=dead">All</Link>
      </div>
      <ConfirmDialog
        visible={asked}
        danger={false}
        title={`Send ${plural(messages?.length ?? 0, 'dead message')} again?`}
        confirmLabel="Send again"
        onClose={() => setAsked(false)}
        onConfirm={() => retry.mutateAsync(messages ?? [])}
      >
        <p>
          Each gets five new tries.
          {count > (messages?.length ?? 0) && ` The ${number(count - (messages?.length ?? 0))} older ones stay.`}
        </p>
      </ConfirmDialog>
    </article>
  );
}

function OverdueCard({ task }: { readonly task: Task }) {
  const move = useMove();
  const queries = useQueryClient();
  const mayOperate = useCan('operator');
  const startable = task.status === 'todo' && task.blocked_by.length === 0;
  return (
    <article className="attention-card card" aria-label={`Overdue: ${task.title}`}>
      <div className="row">
        <StateTag look={{ word: 'overdue', sign: 'ring', colour: 'orange' }} />
        <StateTag look={taskLook(task.status)} />
        <span className="grow" />
        {task.deadline !== null && (
          <span className="muted">
            <RelativeTime at={task.deadline} />
          </span>
        )}
      </div>
      <p className="attention-title">
        <Link to={`/tasks/${task.id}`} className="plain-link">
          <ExactText text={task.title} />
        </Link>
      </p>
      <p className="muted truncate">
        {task.blocked_by.length > 0 ? `waits for ${plural(task.blocked_by.length, 'task')}, ` : ''}
        <Link to={`/agents/${task.agent_id}`}>{task.agent_id}</Link>
      </p>
      <div className="row-wrap attention-foot">
        {startable ? (
          <Button
            type="button"
            size="small"
            outlined
            icon={<Icon name="play" />}
            label="Start now"
            aria-label={`Start ${task.title}`}
            disabled={!mayOperate || move.isPending}
            onClick={() =>
              move.mutate(
                { task, to: 'in_progress' },
                { onSettled: () => void queries.invalidateQueries({ queryKey: keys.tasks }) },
              )
            }
          />
        ) : (
          <Link to={`/tasks/${task.id}`}>Open</Link>
        )}
        <Button
          type="button"
          size="small"
          text
          label="Cancel it"
          aria-label={`Cancel ${task.title}`}
          disabled={!mayOperate || move.isPending}
          onClick={() => move.mutate({ task, to: 'cancelled' })}
        />
      </div>
    </article>
  );
}
