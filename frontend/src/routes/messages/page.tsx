import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { MessagePriority, MessageStatus, MessageType, Topic } from '@contracts/message.js';
import { useEffect, useMemo, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { Banner, EmptyState } from '../../components/states.js';
import { number, plural } from '../../lib/format.js';
import type { MessageFilter } from '../../lib/message-news.js';
import { useAgents } from '../../lib/queries.js';
import { useCan } from '../../lib/session.js';
import { Conversation } from './components/conversation.js';
import { DeadLetters } from './components/dead-letters.js';
import { Inbox } from './components/inbox.js';
import { Queues } from './components/queues.js';
import { SendDialog } from './components/send-dialog.js';
import { Talk } from './components/talk.js';
import { messageLook } from './look.js';
import { useBrokerStats } from './queries.js';
import './messages.css';

const VIEWS = { '': 'Conversations', dead: 'Dead letters', queues: 'Queues', talk: 'Who talks to whom' } as const;
type View = keyof typeof VIEWS;
const PAUSE_MS = 250;

/** What agents and people say to each other, and the proof that it arrived. */
export function MessagesPage() {
  const { id } = useParams();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const [filtering, setFiltering] = useState(false);
  const agents = useAgents().data;
  const stats = useBrokerStats().data;
  const mayOperate = useCan('operator');
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  const asked = params.get('view') ?? '';
  const view: View = id === undefined && asked in VIEWS ? (asked as View) : '';
  const filter = useFilter(params);
  const grouped = params.get('list') !== 'messages';
  const kept = new URLSearchParams(params);
  kept.delete('send');
  const search = kept.size === 0 ? '' : `?${kept.toString()}`;
  const none = stats !== undefined && stats.waiting + stats.active + stats.acked + stats.dead + stats.dropped === 0;

  const change = (edit: (next: URLSearchParams) => void): void =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        edit(next);
        return next;
      },
      { replace: true },
    );
  const choose = (name: string, value: string): void =>
    change((next) => (value === '' ? next.delete(name) : next.set(name, value)));
  const flag = (name: string, on: boolean): void => change((next) => (on ? next.set(name, '') : next.delete(name)));
  const send = mayOperate && (
    <Button
      type="button"
      icon={<Icon name="plus" />}
      label="Send message"
      disabled={agents?.length === 0}
      onClick={() => flag('send', true)}
    />
  );
  return (
    <div
      className={`page messages-page${view === '' && !none ? ' page-fill' : ''}${id === undefined ? '' : ' messages-open'}`}
    >
      <div className="messages-head">
        <PageHead
          title="Messages"
          summary={stats && summaryOf(stats.waiting, stats.active, stats.dead, stats.messages_per_minute)}
        >
          <CommandHint commands={['nox message ls', 'nox message send worker "…"', 'nox broker stats']} />
          {send}
        </PageHead>
        <nav className="tabs" aria-label="Views">
          {Object.entries(VIEWS).map(([key, label]) => (
            <Link
              key={key}
              to={key === '' ? '/messages' : `/messages?view=${key}`}
              replace
              className={view === key ? 'tab active' : 'tab'}
              aria-current={view === key ? 'page' : undefined}
            >
              {label}
              {key === 'dead' && stats !== undefined && stats.dead > 0 && (
                <span className="count count-red num">{number(stats.dead)}</span>
              )}
            </Link>
          ))}
        </nav>
      </div>
      {stats?.available === false && view !== 'queues' && (
        <Banner tone="red" icon="warning">
          <strong>The queue is away.</strong> {stats.detail} Nothing is lost; sending is refused until it is back.
        </Banner>
      )}
      {view === 'dead' && <DeadLetters names={names} />}
      {view === 'queues' && <Queues names={names} />}
      {view === 'talk' && <Talk names={names} />}
      {view === '' && none && (
        <EmptyState
          icon="messages"
          title="No messages yet"
          action={send}
          command='nox message send worker "Look at the build"'
        >
          Agents hand each other work and talk here; you can write to them too. Each message shows how far it came.
        </EmptyState>
      )}
      {view === '' && !none && (
        <div className="messages-panes">
          <div className="messages-list">
            <div className={filtering ? 'filters messages-filters messages-filtering' : 'filters messages-filters'}>
              <TextFilter value={params.get('text') ?? ''} onChange={(text) => choose('text', text)} />
              <Button
                type="button"
                outlined
                className="messages-toggle"
                aria-expanded={filtering}
                label={Object.keys(filter).length > 0 ? `Filters (${Object.keys(filter).length})` : 'Filters'}
                onClick={() => setFiltering(!filtering)}
              />
              <Choice
                label="Agent"
                all="every agent"
                value={params.get('agent') ?? ''}
                options={(agents ?? []).map((agent) => [agent.id, agent.name])}
                onChange={(value) => choose('agent', value)}
              />
              <Choice
                label="Status"
                all="every status"
                value={params.get('status') ?? ''}
                options={MessageStatus.options.map((status) => [status, messageLook(status).word])}
                onChange={(value) => choose('status', value)}
              />
              <Choice
                label="Priority"
                all="every priority"
                value={params.get('priority') ?? ''}
                options={MessagePriority.options.map((priority) => [priority, priority])}
                onChange={(value) => choose('priority', value)}
              />
              <Choice
                label="Kind"
                all="every kind"
                value={params.get('type') ?? ''}
                options={MessageType.options.map((type) => [type, type.replaceAll('_', ' ')])}
                onChange={(value) => choose('type', value)}
              />
              <TopicFilter
                key={params.get('topic') ?? ''}
                value={params.get('topic') ?? ''}
                onChange={(topic) => choose('topic', topic)}
              />
              <Choice
                label="List"
                all="conversations"
                value={grouped ? '' : 'messages'}
                options={[['messages', 'each message']]}
                onChange={(value) => choose('list', value)}
              />
            </div>
            <Inbox
              key={JSON.stringify(filter)}
              filter={filter}
              grouped={grouped}
              names={names}
              selected={id}
              search={search}
            />
          </div>
          <div className="messages-detail">
            {id === undefined ? (
              <p className="muted messages-hint">Choose a conversation to read it.</p>
            ) : (
              <Conversation id={id} names={names} search={search} />
            )}
          </div>
        </div>
      )}
      {mayOperate && params.has('send') && (
        <SendDialog onClose={() => flag('send', false)} onSent={(thread) => void navigate(`/messages/${thread}`)} />
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly all: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly onChange: (value: string) => void;
}

function Choice({ label, all, value, options, onChange }: ChoiceProps) {
  return (
    <select className="select" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{all}</option>
      {options.map(([each, words]) => (
        <option key={each} value={each}>
          {words}
        </option>
      ))}
    </select>
  );
}

/** Asked for when a person pauses: each search reads every message. */
function TextFilter({ value, onChange }: { readonly value: string; readonly onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [asked, setAsked] = useState(value);
  if (value !== asked) {
    // Another address of the page: its words, not those that were typed here.
    setAsked(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => {
      setAsked(typed);
      onChange(typed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  });
  return (
    <InputText
      type="search"
      aria-label="Search messages"
      placeholder="Search…"
      maxLength={200}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

/** Asked for when it is whole: half a topic is another one. */
function TopicFilter({ value, onChange }: { readonly value: string; readonly onChange: (topic: string) => void }) {
  const [typed, setTyped] = useState(value);
  const done = (): void => {
    const topic = typed.trim();
    if (topic !== value && (topic === '' || Topic.safeParse(topic).success)) onChange(topic);
  };
  return (
    <InputText
      className="topic-filter"
      aria-label="Topic"
      placeholder="every topic"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === 'Enter' && done()}
    />
  );
}

/** What the address of the page says, as far as it is understood. */
function useFilter(params: URLSearchParams): MessageFilter {
  const text = params.get('text') ?? '';
  const [agent_id, topic] = [params.get('agent'), params.get('topic')];
  const status = MessageStatus.safeParse(params.get('status')).data;
  const priority = MessagePriority.safeParse(params.get('priority')).data;
  const message_type = MessageType.safeParse(params.get('type')).data;
  return useMemo(
    () => ({
      ...(agent_id !== null && { agent_id }),
      ...(status !== undefined && { status }),
      ...(priority !== undefined && { priority }),
      ...(message_type !== undefined && { message_type }),
      ...(topic !== null && { topic }),
      ...(text.trim() !== '' && { text: text.trim() }),
    }),
    [agent_id, status, priority, message_type, topic, text],
  );
}

function summaryOf(waiting: number, active: number, dead: number, per_minute: number): string {
  const parts = [
    waiting + active === 0 ? 'Nothing waits' : `${number(waiting)} waiting, ${number(active)} being read`,
    ...(dead > 0 ? [plural(dead, 'dead letter')] : []),
    ...(per_minute > 0 ? [`${number(per_minute)} in the last minute`] : []),
  ];
  return parts.join(', ');
}
