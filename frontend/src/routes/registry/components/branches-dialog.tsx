import type { RegistryBranch } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { type FormEvent, useState } from 'react';
import { WideDialog } from '../../../components/form-dialog.js';
import { Banner, SkeletonRows } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { plural, shortHash } from '../../../lib/format.js';
import { messageOf } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { call, useCan } from '../../../lib/session.js';
import { useBranches, useRegistryChange, useTags } from '../queries.js';

interface BranchesDialogProps {
  readonly onClose: () => void;
  readonly onGoBack: (tag: string) => void;
}

const dry = { body: { dry_run: true } } as const;
const sure = { body: { confirm: true } } as const;

/** Branches for experiments and tags as named points. What touches live agents is shown before it is done. */
export function BranchesDialog({ onClose, onGoBack }: BranchesDialogProps) {
  const branches = useBranches();
  const tags = useTags();
  const mayChange = useCan('admin');
  const [asked, setAsked] = useState<{ what: 'switch' | 'merge'; name: string; words: string; blocked: boolean }>();
  const make = useRegistryChange(({ kind, name }: { kind: 'branch' | 'tag'; name: string }) =>
    kind === 'branch'
      ? call('registry_branch_create', { body: { name } })
      : call('registry_tag_create', { body: { name } }),
  );
  const ask = useRegistryChange(async ({ what, name }: { what: 'switch' | 'merge'; name: string }) => {
    const params = { name };
    if (what === 'switch') {
      const plan = await call('registry_branch_switch', { params, ...dry });
      setAsked({ what, name, words: wordsOf(plan.reconciled.map((s) => `${s.agent_id} ${s.action}`)), blocked: false });
      return;
    }
    const plan = await call('registry_branch_merge', { params, ...dry });
    const conflicts = plan.conflicts.map(({ file, key }) => `${file}: ${key}`).join(', ');
    const words =
      conflicts === ''
        ? wordsOf(plan.reconciled.map((s) => `${s.agent_id} ${s.action}`))
        : `Both sides changed ${conflicts}. Choose sides with: nox registry branch merge ${name}`;
    setAsked({ what, name, words, blocked: conflicts !== '' });
  });
  const act = useRegistryChange(async ({ what, name }: { what: 'switch' | 'merge' | 'delete'; name: string }) => {
    const params = { name };
    if (what === 'switch') await call('registry_branch_switch', { params, ...sure });
    else if (what === 'merge') await call('registry_branch_merge', { params, ...sure });
    else await call('registry_branch_delete', { params });
    setAsked(undefined);
    notify.success(`${name}: ${what} done`);
  });
  const problem = make.error ?? ask.error ?? act.error;
  return (
    <WideDialog header="Branches and tags" onHide={onClose}>
      <div className="stack">
        {problem !== null && (
          <Banner tone="red" icon="warning">
            {messageOf(problem)} Nothing was changed.
          </Banner>
        )}
        {asked !== undefined && (
          <Banner tone={asked.blocked ? 'red' : 'blue'} icon="warning">
            {asked.what === 'switch' ? `Put branch ${asked.name} in force?` : `Merge branch ${asked.name}?`}{' '}
            {asked.words}{' '}
            {!asked.blocked && (
              <Button type="button" label="Do it" disabled={act.isPending} onClick={() => act.mutate(asked)} />
            )}{' '}
            <Button type="button" text label="Cancel" onClick={() => setAsked(undefined)} />
          </Banner>
        )}
        <h3 className="field-label">Branches</h3>
        {branches.data === undefined ? <SkeletonRows rows={2} /> : null}
        <ul className="steps" aria-label="Branches">
          {branches.data?.branches.map((branch) => (
            <li key={branch.name} className="row-wrap">
              <strong className="mono">{branch.name}</strong>
              <span className="muted ref-about">{about(branch)}</span>
              {mayChange && !branch.current && (
                <>
                  <Button
                    type="button"
                    outlined
                    label="Switch"
                    onClick={() => ask.mutate({ what: 'switch', name: branch.name })}
                  />
                  <Button
                    type="button"
                    outlined
                    label="Merge"
                    onClick={() => ask.mutate({ what: 'merge', name: branch.name })}
                  />
                  <Button
                    type="button"
                    text
                    label="Delete"
                    onClick={() => act.mutate({ what: 'delete', name: branch.name })}
                  />
                </>
              )}
            </li>
          ))}
        </ul>
        {mayChange && <NameForm label="New branch" onMake={(name) => make.mutateAsync({ kind: 'branch', name })} />}
        <h3 className="field-label">Tags</h3>
        {tags.data?.tags.length === 0 && (
          <p className="muted">Name what is in force now, to come back to it by its name.</p>
        )}
        <ul className="steps" aria-label="Tags">
          {tags.data?.tags.map((tag) => (
            <li key={tag.name} className="row-wrap">
              <strong className="mono">{tag.name}</strong>
              <span className="muted ref-about">
                {shortHash(tag.commit_hash)} by {tag.actor}, <RelativeTime at={tag.timestamp} /> {tag.message}
              </span>
              {mayChange && <Button type="button" outlined label="Go back to it" onClick={() => onGoBack(tag.name)} />}
            </li>
          ))}
        </ul>
        {mayChange && <NameForm label="New tag" onMake={(name) => make.mutateAsync({ kind: 'tag', name })} />}
      </div>
    </WideDialog>
  );
}

const wordsOf = (steps: readonly string[]): string =>
  steps.length === 0 ? 'No running agent is touched.' : `In the live system: ${steps.join(', ')}.`;

const about = (branch: RegistryBranch): string =>
  branch.current ? 'in force' : `${plural(branch.ahead, 'commit')} ahead, ${branch.behind} behind · ${branch.subject}`;

function NameForm({ label, onMake }: { readonly label: string; readonly onMake: (name: string) => Promise<unknown> }) {
  const [name, setName] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    // A refusal is shown above.
    void onMake(name).then(
      () => setName(''),
      () => undefined,
    );
  };
  return (
    <form className="filters" onSubmit={submit}>
      <InputText
        aria-label={label}
        placeholder={`${label}: a-z, 0-9 and "-"`}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit" outlined label="Create" disabled={name === ''} />
    </form>
  );
}
