import { MessagePriority, MessageType } from '@contracts/message.js';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { CommandLine } from '../../../components/copy-button.js';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { plural } from '../../../lib/format.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { fieldProblems } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { useAgents } from '../../../lib/queries.js';
import { type Draft, requestOf, sendCommand, type Way } from '../draft.js';
import { type Outcome, useSend } from '../queries.js';

const WAYS: Readonly<Record<Way, string>> = {
  agent: 'one agent',
  capability: 'the agent that can do it best',
  topic: 'everybody who listens to a topic',
  all: 'all active agents',
};
const PRIORITY_HINTS: Readonly<Record<MessagePriority, string>> = {
  critical: 'Interrupts what the agent does.',
  high: 'Is read between two steps of the running turn.',
  medium: 'Waits for the end of the running turn.',
  low: 'Waits until the agent has nothing to do.',
};

/** Sends one message, or one to each of many. */
export function SendDialog({
  onClose,
  onSent,
}: {
  readonly onClose: () => void;
  readonly onSent: (id: string) => void;
}) {
  const agents = useAgents().data ?? [];
  const [draft, setDraft] = useState<Draft>({
    way: 'agent',
    agent: agents[0]?.id ?? '',
    name: '',
    content: '',
    priority: 'medium',
    message_type: '',
    topic: '',
    ttl: '',
  });
  const { problems, general, setGeneral, begin, fail } = useFormProblems();
  const send = useSend();
  const set = (name: keyof Draft) => (event: { target: { value: string } }) =>
    setDraft((before) => ({ ...before, [name]: event.target.value }));
  const capabilities = [...new Set(agents.flatMap((agent) => agent.capabilities))].sort();

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const request = requestOf(draft);
    begin(request.problems);
    if (request.body === undefined) return;
    try {
      tell(await send.mutateAsync(request.body));
    } catch (error) {
      const fields = fieldProblems(error);
      fail(error, { ...fields, ...(fields['to'] !== undefined && { [draft.way]: fields['to'] }) });
    }
  };
  const tell = ({ sent, refused }: Outcome): void => {
    const [first] = sent;
    const left = refused.map(({ agent_id, reason }) => `${agent_id}: ${reason}`).join('; ');
    if (first === undefined) {
      setGeneral(left === '' ? 'Nobody is there to hear it: no agent is active.' : `Nobody took it. ${left}.`);
      return;
    }
    const words = sent.length === 1 ? `Sent to ${first.to}` : `Sent to ${plural(sent.length, 'agent')}`;
    if (left === '') notify.success(words, 'It is safe on the disk; the conversation shows how far it comes.');
    else notify.warn(words, `Not taken: ${left}`);
    onClose();
    onSent(first.thread_id);
  };
  return (
    <FormDialog
      id="send-message"
      header="Send message"
      problem={general}
      nothing_done="Nothing was sent"
      submit={{ label: 'Send', busy: 'Sending…' }}
      is_pending={send.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <div className="form-grid">
        <Field label="To">
          {(control) => (
            <select {...control} className="select select-wide" value={draft.way} onChange={set('way')}>
              {Object.entries(WAYS).map(([way, words]) => (
                <option key={way} value={way}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        {draft.way === 'agent' && (
          <Field label="Agent" error={problems['agent']}>
            {(control) => (
              <select {...control} className="select select-wide" value={draft.agent} onChange={set('agent')}>
                {agents.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {(draft.way === 'capability' || draft.way === 'topic') && (
          <Field
            label={draft.way === 'topic' ? 'Topic' : 'Capability'}
            error={problems[draft.way]}
            hint={
              draft.way === 'capability' &&
              capabilities.length > 0 &&
              `There are: ${capabilities.slice(0, 12).join(', ')}`
            }
          >
            {(control) => <InputText {...control} value={draft.name} onChange={set('name')} />}
          </Field>
        )}
        <Field label="Priority" error={problems['priority']} hint={PRIORITY_HINTS[draft.priority]}>
          {(control) => (
            <select {...control} className="select select-wide" value={draft.priority} onChange={set('priority')}>
              {MessagePriority.options.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="What it says" error={problems['content']} wide>
          {(control) => (
            <InputTextarea {...control} autoFocus rows={6} value={draft.content} onChange={set('content')} />
          )}
        </Field>
        <Field label="Kind" error={problems['message_type']}>
          {(control) => (
            <select
              {...control}
              className="select select-wide"
              value={draft.message_type}
              onChange={set('message_type')}
            >
              <option value="">as usual</option>
              {MessageType.options.map((each) => (
                <option key={each} value={each}>
                  {each.replaceAll('_', ' ')}
                </option>
              ))}
            </select>
          )}
        </Field>
        {draft.way !== 'topic' && (
          <Field label="About" error={problems['topic']} hint="A topic, for filters; may stay empty.">
            {(control) => <InputText {...control} value={draft.topic} onChange={set('topic')} />}
          </Field>
        )}
        <Field label="Useless after (minutes)" error={problems['ttl_ms']} hint="Empty: as the server is set.">
          {(control) => <InputText {...control} inputMode="decimal" value={draft.ttl} onChange={set('ttl')} />}
        </Field>
      </div>
      <CommandLine command={sendCommand(draft)} />
    </FormDialog>
  );
}
