import type { Agent } from '@contracts/agent.js';
import type { EmergencyStop } from '@contracts/system.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { ConfirmDialog } from '../components/confirm-dialog.js';
import { HoldButton } from '../components/hold-button.js';
import { Icon } from '../components/icon.js';
import { RelativeTime } from '../components/time.js';
import { plural } from '../lib/format.js';
import { notify } from '../lib/notify.js';
import { useAgents, useEmergency, useEmergencyClear, useEmergencyStop } from '../lib/queries.js';
import { useCan } from '../lib/session.js';

/** Names of so many agents are said; the others are counted. */
const NAMED = 8;

/** As the server decides it when the stop is cleared. */
const startsAgain = ({ desired_state, process_state, queued_turns }: Agent): boolean =>
  desired_state === 'active' && (process_state === 'stopped' || (process_state === 'hibernated' && queued_turns > 0));

/** Ends every agent at once. No dialog: whoever needs it has no time for one. */
export function EmergencyButton() {
  const stop = useEmergencyStop();
  const mayOperate = useCan('operator');
  return (
    <HoldButton
      label="Emergency stop (hold)"
      title={mayOperate ? 'Hold for a second: every agent ends, none starts' : 'Your role does not allow this'}
      className="emergency-button"
      disabled={!mayOperate || stop.isPending}
      onHeld={() => stop.mutate()}
      onReleased={() => notify.warn('Nothing was stopped', 'Hold the button for a second to end every agent.')}
    >
      <Icon name="emergency" size={18} />
      <span className="emergency-words">Emergency stop</span>
    </HoldButton>
  );
}

/** Said on every page while the emergency stop is in force. */
export function EmergencyNote() {
  const stop = useEmergency();
  return stop === null ? null : <InForce stop={stop} />;
}

function InForce({ stop }: { readonly stop: EmergencyStop }) {
  const [asked, setAsked] = useState(false);
  const mayClear = useCan('admin');
  return (
    <div className="emergency-note" role="alert">
      <Icon name="emergency" size={18} />
      <p className="grow">
        <strong>Emergency stop</strong> by {stop.actor}, <RelativeTime at={stop.since} />
        {stop.reason !== null && <>: {stop.reason}</>}. No agent runs or starts until{' '}
        {mayClear ? 'it is cleared.' : 'an admin clears it.'}
      </p>
      {mayClear && (
        <Button type="button" size="small" outlined label="Clear emergency stop" onClick={() => setAsked(true)} />
      )}
      {asked && <ClearDialog onClose={() => setAsked(false)} />}
    </div>
  );
}

function ClearDialog({ onClose }: { readonly onClose: () => void }) {
  const clear = useEmergencyClear();
  const wanted = useAgents().data?.filter(startsAgain) ?? [];
  const named = wanted.slice(0, NAMED).map((agent) => agent.name);
  const more = wanted.length - named.length;
  return (
    <ConfirmDialog
      visible
      title="Clear the emergency stop?"
      confirmLabel="Clear and start"
      onClose={onClose}
      onConfirm={() => clear.mutateAsync()}
    >
      {wanted.length === 0 ? (
        <p>No agent starts by it: none that was stopped is set to be active.</p>
      ) : (
        <p>
          {plural(wanted.length, 'agent starts', 'agents start')} again at once, with the prompts that wait for them:{' '}
          <strong>{named.join(', ')}</strong>
          {more > 0 && ` and ${plural(more, 'more', 'more')}`}.
        </p>
      )}
      <p className="muted">What was said is kept. An agent that has failed stays so until it is started.</p>
    </ConfirmDialog>
  );
}
