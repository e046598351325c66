import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type ReactNode, useState } from 'react';
import type { AgentDraft } from '../lib/agent-form.js';
import { Field } from './field.js';
import { Icon } from './icon.js';

interface AgentFieldsProps {
  readonly draft: AgentDraft;
  readonly problems: Record<string, string>;
  readonly creating: boolean;
  readonly disabled?: boolean;
  readonly onChange: (change: Partial<AgentDraft>) => void;
}

const ADVANCED = new Set(['capabilities', 'priority', 'resource_limits', 'restart', 'idle', 'env', 'permissions']);

/** For names that must be typed as they are. */
const exact = { spellCheck: false, autoCapitalize: 'none', className: 'mono' };

/** The fields of an agent: what everyone sets first, the rest folded. */
export function AgentFields({ draft, problems, creating, disabled = false, onChange }: AgentFieldsProps) {
  const [unfolded, setUnfolded] = useState(!creating);
  const open = unfolded || Object.keys(problems).some((field) => ADVANCED.has(field.split('.')[0] ?? ''));
  const of = (field: string): string | undefined =>
    problems[field] ?? Object.entries(problems).find(([key]) => key.startsWith(`${field}.`))?.[1];
  const line = (key: keyof AgentDraft, label: string, hint: string, problem = of(key), extra = {}): ReactNode => (
    <Field label={label} hint={hint} error={problem}>
      {(control) => (
        <InputText
          {...control}
          {...extra}
          disabled={disabled}
          value={String(draft[key])}
          onChange={(event) => onChange({ [key]: event.target.value })}
        />
      )}
    </Field>
  );
  const choice = (
    key: keyof AgentDraft,
    label: string,
    options: readonly (readonly [string, string])[],
    hint: string,
    problem = of(key),
    locked = false,
  ): ReactNode => (
    <Field label={label} hint={hint} error={problem}>
      {(control) => (
        <select
          {...control}
          className="select select-wide"
          disabled={disabled || locked}
          value={String(draft[key])}
          onChange={(event) => onChange({ [key]: event.target.value })}
        >
          {options.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  return (
    <div className="stack">
      <div className="form-grid">
        {line('name', 'Name', 'What people call it.', of('name'), { autoFocus: creating, required: true })}
        {creating &&
          line('id', 'Id', 'Its name in addresses and files; made from the name when left empty.', of('id'), {
            spellCheck: false,
            autoCapitalize: 'none',
          })}
        <Field
          wide
          label="System prompt"
          hint="What it is, what it may do, how it should work."
          error={of('system_prompt')}
        >
          {(control) => (
            <InputTextarea
              {...control}
              rows={creating ? 4 : 8}
              disabled={disabled}
              value={draft.system_prompt}
              onChange={(event) => onChange({ system_prompt: event.target.value })}
            />
          )}
        </Field>
        {choice(
          'runtime',
          'Runtime',
          [
            ['claude', 'Claude CLI'],
            ['command', 'Own command'],
          ],
          creating ? 'What drives it.' : 'Cannot be changed later.',
          of('runtime'),
          !creating,
        )}
        {draft.runtime === 'claude' &&
          line('model', 'Model', 'Empty: the default of the Claude CLI.', of('model'), { spellCheck: false })}
        {draft.runtime === 'command' && (
          <Field
            wide
            label="Command"
            hint="The program, then one argument per line. Started without a shell."
            error={of('command')}
          >
            {(control) => (
              <InputTextarea
                {...control}
                className="mono"
                rows={3}
                disabled={disabled}
                value={draft.command}
                onChange={(event) => onChange({ command: event.target.value })}
              />
            )}
          </Field>
        )}
        {line('cwd', 'Working directory', 'Inside the allowed roots. Empty: the default.', of('cwd'), {
          spellCheck: false,
          className: 'mono',
        })}
      </div>
      {creating && (
        <button type="button" className="fold-button" aria-expanded={open} onClick={() => setUnfolded(!open)}>
          <Icon name={open ? 'down' : 'right'} /> Permissions, limits, restart and environment
        </button>
      )}
      {open && (
        <div className="form-grid">
          {line('capabilities', 'Capabilities', 'Words by which others find it, with commas between.')}
          {choice(
            'priority',
            'Priority',
            [
              ['critical', 'critical'],
              ['high', 'high'],
              ['medium', 'medium'],
              ['low', 'low'],
            ],
            'Who is awake when there is not room for all.',
          )}
          {line(
            'max_memory_mb',
            'Memory limit (MB)',
            'Empty: the system’s limit.',
            of('resource_limits.max_memory_mb'),
            { inputMode: 'numeric' },
          )}
          {line(
            'max_cpu_percent',
            'CPU limit (% of one core)',
            'Empty: the system’s limit.',
            of('resource_limits.max_cpu_percent'),
            { inputMode: 'numeric' },
          )}
          {choice(
            'restart_policy',
            'Restart',
            [
              ['', 'as the system says'],
              ['on-failure', 'on failure'],
              ['always', 'always'],
              ['no', 'never'],
            ],
            'What happens when its process ends by itself.',
            of('restart'),
          )}
          {line('hibernate_after_s', 'Hibernate after (s)', '0: never. Empty: as the system says.', of('idle'), {
            inputMode: 'numeric',
          })}
          <Field
            wide
            label="Environment"
            hint="One NAME=reference per line. References only: env:NAME or file:name, never a value."
            error={of('env')}
          >
            {(control) => (
              <InputTextarea
                {...control}
                className="mono"
                rows={2}
                disabled={disabled}
                spellCheck={false}
                value={draft.env}
                placeholder="GH_TOKEN=env:GH_TOKEN"
                onChange={(event) => onChange({ env: event.target.value })}
              />
            )}
          </Field>
        </div>
      )}
      {open && (
        <fieldset className="form-part">
          <legend>Permissions</legend>
          <p className="muted">What it may at most. No rule and no person gives back what is taken away here.</p>
          <div className="form-grid">
            {choice(
              'files',
              'Files',
              [
                ['rw', 'reads and writes'],
                ['ro', 'reads only'],
                ['none', 'none, and no shell'],
              ],
              FILES_HINT[draft.files] ?? '',
              of('permissions.filesystem'),
            )}
            {choice(
              'network',
              'Network',
              [
                ['full', 'all, as the policy says'],
                ['limited', 'named hosts only'],
                ['none', 'none'],
              ],
              NETWORK_HINT[draft.network] ?? '',
              of('permissions.network'),
            )}
            {draft.network === 'limited' &&
              line(
                'hosts',
                'Hosts',
                'Such as api.example.org or *.example.org, with spaces between.',
                of('permissions.hosts'),
                {
                  ...exact,
                  placeholder: 'api.example.org *.example.org',
                },
              )}
            {line(
              'allow_tools',
              'Allowed tools',
              'Only these, as Read Grep mcp__files__*. Empty: all.',
              of('permissions.tools.allow'),
              exact,
            )}
            {line(
              'deny_tools',
              'Forbidden tools',
              'Never these, whatever rules or people allow.',
              of('permissions.tools.deny'),
              exact,
            )}
          </div>
        </fieldset>
      )}
    </div>
  );
}

const NETWORK_HINT: Readonly<Record<string, string>> = {
  full: 'The policy alone says what it may reach.',
  limited: 'Calls that reach other hosts, or may, are refused.',
  none: 'Calls that reach out, or may, are refused.',
};
const FILES_HINT: Readonly<Record<string, string>> = {
  rw: 'The policy alone says which files it may change.',
  ro: 'What writes, or may, is refused; its folder is read-only where the system can keep that.',
  none: 'No tool that touches files, and no commands.',
};
