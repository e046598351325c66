import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Navigate, useLocation, useNavigate } from 'react-router';
import { Field } from '../../components/field.js';
import { Icon } from '../../components/icon.js';
import { Banner, SkeletonRows } from '../../components/states.js';
import { messageOf, statusOf } from '../../lib/http.js';
import { session } from '../../lib/session.js';
import { useStore } from '../../lib/store.js';
import './login.css';

const LINK = /^#link=(.+)$/;

/** Login by password, or by the one-time link that the server prints at its first start. */
export function LoginPage() {
  const state = useStore(session.state);
  const location = useLocation();
  const navigate = useNavigate();
  const link = useRef(LINK.exec(location.hash)?.[1]);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(link.current !== undefined);
  const from = (location.state as { from?: string } | null)?.from ?? '/';

  useEffect(() => {
    document.title = 'Log in · Nox';
    const token = link.current;
    if (token === undefined) return;
    // Used once, so it goes at once: neither a reload nor the history may hold it.
    link.current = undefined;
    void navigate('/login', { replace: true });
    session
      .loginWithLink(decodeURIComponent(token))
      .catch((error: unknown) => setProblem(linkProblem(error)))
      .finally(() => {
        setBusy(false);
        if (session.state.get().kind === 'unknown') void session.refresh();
      });
  }, [navigate]);

  if (state.kind === 'user') return <Navigate to={from} replace />;

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(undefined);
    try {
      await session.login(form.get('username') as string, form.get('password') as string);
    } catch (error) {
      setProblem(loginProblem(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="login">
      <div className="login-card">
        <div className="login-brand">
          <span className="rail-logo">
            <Icon name="moon" size={22} />
          </span>
          <h1>Log in to Nox</h1>
        </div>
        {state.kind === 'anonymous' && state.why === 'expired' && problem === undefined && (
          <Banner tone="amber">Your login has ended. Log in again and you are back where you were.</Banner>
        )}
        {state.kind === 'anonymous' && state.why === 'unreachable' && problem === undefined && (
          <Banner tone="red" icon="warning">
            Nox does not answer. Is it running? Start it with <code>npm start</code>.
          </Banner>
        )}
        {problem !== undefined && (
          <Banner tone="red" icon="warning">
            {problem}
          </Banner>
        )}
        {state.kind === 'unknown' && problem === undefined ? (
          <SkeletonRows rows={4} height="28px" />
        ) : (
          <form className="stack" onSubmit={(event) => void submit(event)}>
            <Field label="User name">
              {(control) => (
                <InputText
                  {...control}
                  name="username"
                  autoComplete="username"
                  autoCapitalize="none"
                  spellCheck={false}
                  defaultValue="admin"
                  required
                />
              )}
            </Field>
            <Field label="Password" hint="Set by NOX_ADMIN_PASSWORD, or printed once when Nox first started.">
              {(control) => (
                <InputText
                  {...control}
                  name="password"
                  type="password"
                  autoComplete="current-password"
                  autoFocus
                  required
                />
              )}
            </Field>
            <Button type="submit" label={busy ? 'Logging in…' : 'Log in'} disabled={busy} />
          </form>
        )}
      </div>
    </main>
  );
}

function loginProblem(error: unknown): string {
  const status = statusOf(error);
  if (status === 401) return 'User name or password is wrong.';
  return status === 429 ? 'Too many attempts. Wait a minute, then try again.' : messageOf(error);
}

function linkProblem(error: unknown): string {
  const status = statusOf(error) ?? 0;
  return status >= 400 && status < 500 && status !== 429
    ? 'This link has been used or is too old. Log in with the password.'
    : loginProblem(error);
}
