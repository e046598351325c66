import type { Service } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { Menu } from 'primereact/menu';
import { type ReactNode, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { Icon } from '../../../components/icon.js';
import { PageHead } from '../../../components/page-head.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { plural } from '../../../lib/format.js';
import { notify } from '../../../lib/notify.js';
import { useCan } from '../../../lib/session.js';
import { KINDS, serviceLook } from '../look.js';
import { useRemoveService, useServiceAction } from '../queries.js';
import { InstallDialog } from './install-dialog.js';
import { UpdateDialog } from './update-dialog.js';

type Asked = 'stop' | 'restart' | 'remove' | 'update' | 'install';

/** Name, state and controls. */
export function ServiceHeader({ service }: { readonly service: Service }) {
  const action = useServiceAction(service.name);
  const [asked, setAsked] = useState<Asked>();
  const menu = useRef<Menu>(null);
  const mayOperate = useCan('operator');
  const mayChange = useCan('admin');
  const pending = service.status === 'pending_approval';
  const off = service.status === 'stopped' || service.status === 'failed';
  const why = mayOperate ? {} : { title: 'Your role does not allow this' };
  return (
    <>
      <PageHead
        title={service.name}
        badge={<StateTag look={serviceLook(service.status)} />}
        summary={<Facts service={service} />}
      >
        <CommandHint
          commands={[
            `nox mcp show ${service.name}`,
            `nox mcp tools ${service.name}`,
            `nox mcp logs ${service.name}`,
            `nox mcp ${off ? 'start' : 'restart'} ${service.name}`,
          ]}
        />
        {pending && service.approval_id === null && (
          <Button type="button" label="Install…" disabled={!mayOperate} onClick={() => setAsked('install')} {...why} />
        )}
        {!pending &&
          (off ? (
            <Button
              type="button"
              outlined
              icon={<Icon name="play" />}
              label="Start"
              disabled={!mayOperate || action.isPending}
              onClick={() => action.mutate('start')}
              {...why}
            />
          ) : (
            <Button
              type="button"
              outlined
              icon={<Icon name="stop" />}
              label="Stop"
              disabled={!mayOperate || action.isPending}
              onClick={() => setAsked('stop')}
              {...why}
            />
          ))}
        {!pending && (
          <Button
            type="button"
            outlined
            icon={<Icon name="restart" />}
            label="Restart"
            disabled={!mayOperate || off || action.isPending}
            onClick={() => setAsked('restart')}
            {...why}
          />
        )}
        <Button
          type="button"
          outlined
          icon={<Icon name="more" />}
          aria-label="More controls"
          aria-haspopup="menu"
          disabled={!mayChange}
          onClick={(event) => menu.current?.toggle(event)}
        />
        <Menu
          ref={menu}
          popup
          popupAlignment="right"
          model={[
            {
              label: 'Change…',
              icon: <Icon name="pencil" />,
              disabled: pending,
              command: () => setAsked('update'),
            },
            { separator: true },
            {
              label: pending ? 'Withdraw…' : 'Remove…',
              icon: <Icon name="trash" />,
              command: () => setAsked('remove'),
            },
          ]}
        />
      </PageHead>
      <Confirmations service={service} asked={asked} onClose={() => setAsked(undefined)} />
      {asked === 'update' && <UpdateDialog service={service} onClose={() => setAsked(undefined)} />}
      {asked === 'install' && (
        <InstallDialog entry={undefined} proposal={service} onClose={() => setAsked(undefined)} />
      )}
    </>
  );
}

function Facts({ service }: { readonly service: Service }) {
  const facts: ReactNode[] = [
    <span key="kind">{KINDS[service.kind]}</span>,
    service.server !== null && (
      <span key="server">
        speaks as {service.server.name} {service.server.version}
      </span>
    ),
    <span key="since">
      since <RelativeTime at={service.since} />
    </span>,
    <span key="restarts">{plural(service.restarts, 'restart')}</span>,
    service.instances > 1 && <span key="instances">{plural(service.instances, 'instance')}</span>,
  ];
  return <span className="fact-line num">{facts.filter(Boolean)}</span>;
}

interface ConfirmationsProps {
  readonly service: Service;
  readonly asked: Asked | undefined;
  readonly onClose: () => void;
}

function Confirmations({ service, asked, onClose }: ConfirmationsProps) {
  const { name, agents } = service;
  const action = useServiceAction(name);
  const remove = useRemoveService(name);
  const navigate = useNavigate();
  const users = agents.length === 0 ? 'No agent uses it.' : `${agents.join(', ')} cannot call its tools meanwhile.`;
  const pending = service.status === 'pending_approval';
  return (
    <>
      <ConfirmDialog
        visible={asked === 'stop'}
        title={`Stop ${name}?`}
        confirmLabel="Stop"
        onClose={onClose}
        onConfirm={() => action.mutateAsync('stop')}
      >
        <p>Calls that run now fail, and what it holds in memory is lost. {users} They keep it for later.</p>
      </ConfirmDialog>
      <ConfirmDialog
        visible={asked === 'restart'}
        title={`Restart ${name}?`}
        confirmLabel="Restart"
        onClose={onClose}
        onConfirm={() => action.mutateAsync('restart')}
      >
        <p>Calls that run now fail, and what it holds in memory is lost. {users}</p>
      </ConfirmDialog>
      <ConfirmDialog
        visible={asked === 'remove'}
        title={pending ? `Withdraw ${name}?` : `Remove ${name}?`}
        confirmLabel={pending ? 'Withdraw' : 'Remove service'}
        onClose={onClose}
        onConfirm={async () => {
          await remove.mutateAsync();
          notify.success(
            pending ? `${name} was withdrawn` : `${name} was removed`,
            pending ? undefined : 'Going back in the registry brings its configuration back.',
          );
          void navigate('/services', { replace: true });
        }}
      >
        {pending ? (
          <p>Nothing was installed; the judgement is forgotten.</p>
        ) : (
          <>
            <p>
              {agents.length === 0 ? 'No agent uses it.' : `${agents.join(', ')} will lose its tools.`} Its containers,
              its network and everything that it wrote in them are gone for good.
            </p>
            <p>Its configuration stays in the history: going back brings it back, with an empty container.</p>
          </>
        )}
      </ConfirmDialog>
    </>
  );
}
