import { type CatalogueEntry, type Service, ServiceNetwork } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { useNavigate } from 'react-router';
import { CommandLine } from '../../../components/copy-button.js';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { Banner } from '../../../components/states.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { fieldProblems } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { useAgents } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';
import { NETWORKS } from '../../../lib/service-words.js';
import { useInstall } from '../queries.js';
import { installBody, installCommand, type Kind, renamed, type Wish, wishOf, wishOfProposal } from '../wish.js';
import { Judgement } from '../../../components/judgement.js';

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  image: 'a container image',
  command: 'a program on this machine',
  url: 'a server elsewhere',
};
const SOURCE_WORDS: Readonly<Record<Kind, string>> = { image: 'Image', command: 'Command', url: 'Address' };
const SOURCE_HINTS: Readonly<Record<Kind, string>> = {
  image: 'With a tag or a digest; what is installed is bound to its bytes.',
  command: 'Program and arguments; started without a shell, confined like an agent.',
  url: 'It must speak streamable HTTP.',
};

interface InstallProps {
  readonly entry: CatalogueEntry | undefined;
  /** One that was judged before and waits. */
  readonly proposal?: Service | undefined;
  readonly onClose: () => void;
}

/** First what it is, then the judgement, then the decision of a person. */
export function InstallDialog({ entry, proposal, onClose }: InstallProps) {
  const agents = useAgents().data ?? [];
  const [wish, setWish] = useState<Wish>(() => (proposal === undefined ? wishOf(entry) : wishOfProposal(proposal)));
  const [judged, setJudged] = useState<Service | undefined>(proposal);
  const { problems, general, begin, fail } = useFormProblems();
  const install = useInstall();
  const navigate = useNavigate();
  const mayApprove = useCan('admin');
  const change = (part: Partial<Wish>): void => {
    setWish((before) => ({ ...before, ...part }));
    // Another thing than the one that was judged.
    if (!('agent' in part)) setJudged(undefined);
  };
  const set = (name: keyof Wish) => (event: { target: { value: string } }) => change({ [name]: event.target.value });

  const run = async (more: { auto_approve?: boolean; agent_id?: string }): Promise<Service | undefined> => {
    const request = installBody(wish);
    begin(request.problems);
    if (request.body === undefined) return undefined;
    try {
      return await install.mutateAsync({ ...request.body, ...more });
    } catch (error) {
      fail(error, renamed(fieldProblems(error)));
      return undefined;
    }
  };
  const judge = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const found = await run({});
    if (found === undefined) return;
    setJudged(found);
    setWish((before) => ({ ...before, name: found.name }));
  };
  const take = async (): Promise<void> => {
    const agent = wish.agent === '' ? {} : { agent_id: wish.agent };
    const done = await run({ ...agent, ...(mayApprove && { auto_approve: true }) });
    if (done === undefined) return;
    if (!mayApprove) notify.success(`The installation of ${done.name} waits for a decision`);
    onClose();
    void navigate(
      done.approval_id !== null && !mayApprove ? `/approvals/${done.approval_id}` : `/services/${done.name}`,
    );
  };
  const container = wish.kind === 'image';
  return (
    <FormDialog
      id="install-service"
      header={
        entry === undefined && proposal === undefined
          ? 'Install a service'
          : `Install ${entry?.title ?? proposal?.name ?? ''}`
      }
      problem={general}
      nothing_done="Nothing was installed"
      submit={{ label: 'Judge', busy: 'Judging…' }}
      is_pending={install.isPending}
      action={
        judged === undefined ? undefined : (
          <Button
            type="button"
            label={install.isPending ? 'Asking…' : mayApprove ? 'Install' : 'Ask for approval'}
            disabled={install.isPending || (!mayApprove && wish.agent === '')}
            onClick={() => void take()}
          />
        )
      }
      onSubmit={judge}
      onClose={onClose}
    >
      {judged !== undefined &&
        (judged.evaluation === null ? (
          <Banner tone="amber" icon="warning">
            Nothing is known of it: it runs outside of any container. Install it only if you trust it.
          </Banner>
        ) : (
          <Judgement evaluation={judged.evaluation} />
        ))}
      <div className="form-grid">
        {entry === undefined && proposal === undefined && (
          <Field label="What it is">
            {(control) => (
              <select {...control} className="select select-wide" value={wish.kind} onChange={set('kind')}>
                {Object.entries(KIND_WORDS).map(([kind, words]) => (
                  <option key={kind} value={kind}>
                    {words}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field label="Name" error={problems['name']} hint={container ? 'Empty: made from the image.' : undefined}>
          {(control) => <InputText {...control} value={wish.name} onChange={set('name')} />}
        </Field>
        <Field label={SOURCE_WORDS[wish.kind]} error={problems['source']} hint={SOURCE_HINTS[wish.kind]} wide>
          {(control) => (
            <InputText
              {...control}
              className="mono"
              autoFocus={entry === undefined}
              value={wish.source}
              onChange={set('source')}
            />
          )}
        </Field>
        {container && (
          <>
            <Field label="Network" error={problems['network']} hint={NETWORKS[wish.network]}>
              {(control) => (
                <select {...control} className="select select-wide" value={wish.network} onChange={set('network')}>
                  {ServiceNetwork.options.map((each) => (
                    <option key={each}>{each}</option>
                  ))}
                </select>
              )}
            </Field>
            <Field label="It speaks" error={problems['transport']}>
              {(control) => (
                <select {...control} className="select select-wide" value={wish.transport} onChange={set('transport')}>
                  <option value="stdio">over its input and output</option>
                  <option value="http">over HTTP</option>
                </select>
              )}
            </Field>
          </>
        )}
        {container && wish.network === 'egress' && (
          <Field label="Hosts that it may reach" error={problems['hosts']} hint="One on each line." wide>
            {(control) => (
              <InputTextarea {...control} rows={2} className="mono" value={wish.hosts} onChange={set('hosts')} />
            )}
          </Field>
        )}
        <Field
          label="Secrets"
          error={problems['env']}
          hint="NAME=env:NAME of Nox’s own environment, or NAME=file:name in .nox/secrets; never a value."
          wide
        >
          {(control) => <InputTextarea {...control} rows={2} className="mono" value={wish.env} onChange={set('env')} />}
        </Field>
        <Field
          label="For agent"
          error={problems['agent']}
          hint={
            mayApprove ? 'It can be given to more of them later.' : 'An admin is asked to approve it for this agent.'
          }
        >
          {(control) => (
            <select {...control} className="select select-wide" value={wish.agent} onChange={set('agent')}>
              <option value="">nobody yet</option>
              {agents.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {container && <CommandLine command={installCommand(wish)} />}
    </FormDialog>
  );
}
