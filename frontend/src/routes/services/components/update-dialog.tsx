import { type Service, ServiceNetwork, UpdateService } from '@contracts/service.js';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { schemaProblems } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { configOf } from '../config.js';
import { NETWORKS } from '../../../lib/service-words.js';
import { useUpdateService } from '../queries.js';

const listOf = (text: string): string[] =>
  text
    .split(/[\s,]+/)
    .map((each) => each.trim())
    .filter((each) => each !== '');

/** Changes a service: its image, what it may reach, what agents may call. One commit; its containers are made anew. */
export function UpdateDialog({ service, onClose }: { readonly service: Service; readonly onClose: () => void }) {
  const config = configOf(service);
  const before = {
    image: config?.image ?? '',
    network: config?.network ?? 'none',
    egress_hosts: config?.egress_hosts.join('\n') ?? '',
    allowed_tools: config?.allowed_tools.join('\n') ?? '',
    denied_tools: config?.denied_tools.join('\n') ?? '',
  };
  const [draft, setDraft] = useState(before);
  const { problems, general, begin, fail } = useFormProblems();
  const update = useUpdateService(service.name);
  const set = (name: keyof typeof draft) => (event: { target: { value: string } }) =>
    setDraft((old) => ({ ...old, [name]: event.target.value }));
  const touched = (name: keyof typeof draft): boolean => draft[name] !== before[name];

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const parsed = UpdateService.safeParse({
      ...(touched('image') && { image: draft.image.trim() }),
      ...(touched('network') && { network: draft.network }),
      ...((touched('egress_hosts') || (touched('network') && draft.network !== 'egress')) && {
        egress_hosts: draft.network === 'egress' ? listOf(draft.egress_hosts) : [],
      }),
      ...(touched('allowed_tools') && { allowed_tools: listOf(draft.allowed_tools) }),
      ...(touched('denied_tools') && { denied_tools: listOf(draft.denied_tools) }),
    });
    begin(parsed.success ? {} : schemaProblems(parsed.error));
    if (!parsed.success) return;
    try {
      await update.mutateAsync(parsed.data);
      notify.success(`${service.name} was changed`);
      onClose();
    } catch (error) {
      fail(error);
    }
  };
  const dirty = JSON.stringify(draft) !== JSON.stringify(before);
  return (
    <FormDialog
      id="update-service"
      header={`Change ${service.name}`}
      problem={general}
      nothing_done="Nothing was changed"
      submit={{ label: 'Save', busy: 'Saving…', disabled: !dirty }}
      is_pending={update.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <p className="muted">
        Its containers are made anew if they must: calls that run then fail, and what it holds in memory is lost.
      </p>
      {service.kind === 'container' && (
        <>
          <Field label="Image" error={problems['image']} hint="With its digest, as image@sha256:…" wide>
            {(control) => <InputText {...control} className="mono" value={draft.image} onChange={set('image')} />}
          </Field>
          <Field label="Network" error={problems['network']} hint={NETWORKS[draft.network]}>
            {(control) => (
              <select {...control} className="select" value={draft.network} onChange={set('network')}>
                {ServiceNetwork.options.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            )}
          </Field>
          {draft.network === 'egress' && (
            <Field label="Hosts that it may reach" error={problems['egress_hosts']} hint="One on each line." wide>
              {(control) => (
                <InputTextarea
                  {...control}
                  rows={2}
                  className="mono"
                  value={draft.egress_hosts}
                  onChange={set('egress_hosts')}
                />
              )}
            </Field>
          )}
        </>
      )}
      <Field
        label="Tools that agents may call"
        error={problems['allowed_tools']}
        hint="One on each line, * stands for any letters. Empty: all."
        wide
      >
        {(control) => (
          <InputTextarea
            {...control}
            rows={2}
            className="mono"
            value={draft.allowed_tools}
            onChange={set('allowed_tools')}
          />
        )}
      </Field>
      <Field label="Tools that they may not call" error={problems['denied_tools']} hint="These win." wide>
        {(control) => (
          <InputTextarea
            {...control}
            rows={2}
            className="mono"
            value={draft.denied_tools}
            onChange={set('denied_tools')}
          />
        )}
      </Field>
    </FormDialog>
  );
}
