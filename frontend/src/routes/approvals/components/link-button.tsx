import { Button } from 'primereact/button';
import { useState } from 'react';
import { CopyButton } from '../../../components/copy-button.js';
import { messageOf } from '../../../lib/http.js';
import { notify } from '../../../lib/notify.js';
import { call } from '../../../lib/session.js';
import { useLinks } from '../queries.js';

/** Makes a one-time link by which a phone can decide this request in the user's own name; says why where none may be. */
export function LinkButton({ approval_id, disabled }: { readonly approval_id: string; readonly disabled: boolean }) {
  const [url, setUrl] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { data } = useLinks(approval_id, !disabled);
  const make = async (): Promise<void> => {
    setBusy(true);
    try {
      setUrl((await call('approval_links_create', { params: { id: approval_id }, body: {} })).url);
    } catch (error) {
      notify.error('No link was made', messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  if (disabled || data === undefined) return null;
  if (data.refusal !== null) return <span className="muted">No one-time link: {data.refusal}</span>;
  if (url === undefined)
    return (
      <Button
        type="button"
        text
        size="small"
        label="Make a one-time link"
        disabled={busy}
        onClick={() => void make()}
      />
    );
  return (
    <span className="row">
      <input
        className="mono link-url"
        readOnly
        aria-label="One-time link"
        value={url}
        onFocus={(event) => event.target.select()}
      />
      <CopyButton text={url} label="Copy link" />
    </span>
  );
}
