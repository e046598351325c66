import type { Agent } from '@contracts/agent.js';
import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'primereact/button';
import { Menu } from 'primereact/menu';
import { type ReactNode, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { CopyButton } from '../../../components/copy-button.js';
import { Icon, type IconName } from '../../../components/icon.js';
import { PageHead } from '../../../components/page-head.js';
import { StatusBadge } from '../../../components/status-badge.js';
import { Elapsed } from '../../../components/time.js';
import { controlsOf } from '../../../lib/agent-state.js';
import { bytes, dollars, plural } from '../../../lib/format.js';
import { notify } from '../../../lib/notify.js';
import { type AgentAction, deleteAgent, useAgentAction, useEmergency, useFleetUsage } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';
import { RunNotice } from './run-notice.js';

type Asked = 'stop' | 'force' | 'restart' | 'delete';

/** Name, state, figures and controls. */
export function AgentHeader({ agent }: { readonly agent: Agent }) {
  const action = useAgentAction(agent);
  const mayOperate = useCan('operator');
  const controls = controlsOf(agent);
  const [asked, setAsked] = useState<Asked>();
  const menu = useRef<Menu>(null);
  const barred = useEmergency() !== null;
  const busy = agent.current_turn_id !== null;
  const run = (name: AgentAction): void => action.mutate({ action: name });

  const control = (label: string, icon: IconName, enabled: boolean, onClick: () => void): ReactNode => (
    <Button
      type="button"
      outlined
      className="agent-control"
      icon={<Icon name={icon} />}
      label={label}
      disabled={!enabled || !mayOperate || action.isPending}
      title={mayOperate ? undefined : 'Your role does not allow this'}
      onClick={onClick}
    />
  );
  return (
    <>
      <PageHead title={agent.name} badge={<StatusBadge agent={agent} />} summary={<Facts agent={agent} />}>
        <CommandHint
          commands={[
            `nox agent show ${agent.id}`,
            `nox agent prompt ${agent.id} "…"`,
            `nox agent logs ${agent.id} --follow`,
          ]}
        />
        {controls.start
          ? control('Start', 'play', !barred, () => run('start'))
          : control('Stop', 'stop', controls.stop, () => (busy ? setAsked('stop') : run('stop')))}
        {control('Restart', 'restart', controls.restart, () => (busy ? setAsked('restart') : run('restart')))}
        {control('Interrupt', 'interrupt', controls.interrupt, () => run('interrupt'))}
        <Button
          type="button"
          outlined
          icon={<Icon name="more" />}
          aria-label="More controls"
          aria-haspopup="menu"
          disabled={!mayOperate}
          onClick={(event) => menu.current?.toggle(event)}
        />
        <Menu
          ref={menu}
          popup
          popupAlignment="right"
          model={[
            {
              label: 'Hibernate',
              icon: <Icon name="moon" />,
              disabled: !controls.hibernate,
              command: () => run('hibernate'),
            },
            {
              label: 'Stop by force',
              icon: <Icon name="cross" />,
              disabled: !controls.stop,
              command: () => setAsked('force'),
            },
            { separator: true },
            { label: 'Delete…', icon: <Icon name="trash" />, command: () => setAsked('delete') },
          ]}
        />
      </PageHead>
      <RunNotice agent={agent} />
      <Confirmations agent={agent} asked={asked} onClose={() => setAsked(undefined)} />
    </>
  );
}

function Facts({ agent }: { readonly agent: Agent }) {
  const today = useFleetUsage().data?.agents.find(({ agent_id }) => agent_id === agent.id);
  const facts: ReactNode[] = [
    <span key="id" className="mono">
      {agent.id}
    </span>,
    agent.pid !== null && <span key="pid">pid {agent.pid}</span>,
    agent.started_at !== null && (
      <span key="up">
        up <Elapsed since={agent.started_at} />
      </span>
    ),
    agent.memory_usage !== null && <span key="memory">{bytes(agent.memory_usage)}</span>,
    <span key="restarts">{plural(agent.restart_count, 'restart')}</span>,
    <span
      key="cost"
      title={`${dollars(agent.usage.cost_usd)} in ${plural(agent.usage.turns, 'turn')} since it was made`}
    >
      {dollars(today?.cost_usd ?? 0)} today
    </span>,
    agent.queued_turns > 0 && <span key="queued">{plural(agent.queued_turns, 'prompt')} waiting</span>,
    agent.session_id !== null && (
      <span key="session" className="row session">
        session <span className="mono">{agent.session_id.slice(0, 8)}</span>
        <CopyButton text={agent.session_id} label="Copy session id" />
      </span>
    ),
  ];
  return <span className="fact-line num">{facts.filter(Boolean)}</span>;
}

interface ConfirmationsProps {
  readonly agent: Agent;
  readonly asked: Asked | undefined;
  readonly onClose: () => void;
}

function Confirmations({ agent, asked, onClose }: ConfirmationsProps) {
  const action = useAgentAction(agent);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const turn = agent.current_turn_id === null ? '' : 'The turn that runs now is interrupted. ';
  return (
    <>
      <ConfirmDialog
        visible={asked === 'stop'}
        title={`Stop ${agent.name}?`}
        confirmLabel="Stop"
        onClose={onClose}
        onConfirm={() => action.mutateAsync({ action: 'stop' })}
      >
        <p>{turn}All its processes end. The conversation is kept; it goes on with it when it is started again.</p>
      </ConfirmDialog>
      <ConfirmDialog
        visible={asked === 'force'}
        title={`Stop ${agent.name} by force?`}
        confirmLabel="Stop by force"
        onClose={onClose}
        onConfirm={() => action.mutateAsync({ action: 'stop', force: true })}
      >
        <p>
          {turn}Its processes are killed without being asked first: what they had not written yet is lost. The
          conversation is kept.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        visible={asked === 'restart'}
        title={`Restart ${agent.name}?`}
        confirmLabel="Restart"
        onClose={onClose}
        onConfirm={() => action.mutateAsync({ action: 'restart' })}
      >
        <p>{turn}A new process takes the conversation on.</p>
      </ConfirmDialog>
      <ConfirmDialog
        visible={asked === 'delete'}
        title={`Delete ${agent.name}?`}
        confirmLabel="Delete agent"
        onClose={onClose}
        onConfirm={async () => {
          await deleteAgent(queries, agent.id);
          notify.success(`${agent.name} was deleted`, 'Going back in the registry brings it back.');
          void navigate('/agents', { replace: true });
        }}
      >
        <p>
          The agent <code>{agent.id}</code> is stopped and leaves the registry. {turn}
        </p>
        <p>
          Its configuration stays in the history: going back to a commit before this one brings the agent back with its
          conversation.
        </p>
      </ConfirmDialog>
    </>
  );
}
