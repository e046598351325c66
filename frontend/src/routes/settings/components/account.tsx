import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { type FormEvent, useState } from 'react';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { Field } from '../../../components/field.js';
import { Icon } from '../../../components/icon.js';
import { fieldProblems, messageOf, statusOf } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { session, useUser } from '../../../lib/session.js';
import { useChangePassword } from '../queries.js';

/** My name and role, my password, the end of my login. */
export function Account() {
  const user = useUser();
  const [leaving, setLeaving] = useState(false);
  return (
    <section className="card" aria-labelledby="account-title">
      <div className="card-head">
        <h2 id="account-title">Account</h2>
        <Button
          type="button"
          outlined
          size="small"
          icon={<Icon name="logout" />}
          label="Log out"
          onClick={() => setLeaving(true)}
        />
      </div>
      <div className="card-body stack">
        <dl className="facts">
          <dt>User</dt>
          <dd>{user.username}</dd>
          <dt>Role</dt>
          <dd>{user.role}</dd>
        </dl>
        <PasswordForm />
      </div>
      <ConfirmDialog
        visible={leaving}
        title={`Log out ${user.username}?`}
        confirmLabel="Log out"
        danger={false}
        onClose={() => setLeaving(false)}
        onConfirm={() => session.logout()}
      >
        <p>This login ends here and in every other tab that uses it. Agents go on working.</p>
      </ConfirmDialog>
    </section>
  );
}

function PasswordForm() {
  const [values, setValues] = useState({ current_password: '', new_password: '', again: '' });
  const [problems, setProblems] = useState<Record<string, string>>({});
  const change = useChangePassword();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const { current_password, new_password, again } = values;
    const found: Record<string, string> = {
      ...(current_password === '' && { current_password: 'must not be empty' }),
      ...(new_password.length < 8 && { new_password: 'must have 8 characters or more' }),
      ...(again !== new_password && { again: 'is not the same' }),
    };
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    try {
      await change.mutateAsync({ current_password, new_password });
      setValues({ current_password: '', new_password: '', again: '' });
      notify.success('Your password was changed');
    } catch (error) {
      const named = fieldProblems(error);
      const wrong = statusOf(error) === 401 || statusOf(error) === 403 ? 'is not your password' : messageOf(error);
      setProblems(Object.keys(named).length > 0 ? named : { current_password: wrong });
    }
  };
  const line = (key: keyof typeof values, label: string, autoComplete: string) => (
    <Field label={label} error={problems[key]}>
      {(control) => (
        <InputText
          {...control}
          type="password"
          autoComplete={autoComplete}
          value={values[key]}
          onChange={(event) => setValues({ ...values, [key]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <form className="stack" noValidate aria-label="Change password" onSubmit={(event) => void submit(event)}>
      <div className="form-grid">
        {line('current_password', 'Current password', 'current-password')}
        {line('new_password', 'New password', 'new-password')}
        {line('again', 'New password again', 'new-password')}
      </div>
      <div>
        <Button type="submit" outlined label="Change password" disabled={change.isPending} />
      </div>
    </form>
  );
}
