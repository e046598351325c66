import { Button } from 'primereact/button';
import { useEffect, useState } from 'react';
import { notify } from '../lib/notify.js';
import { Icon } from './icon.js';

/** Copies a text and says so. `label` names what is copied: "Copy session id". */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      notify.warn('The browser does not let this page copy', 'Select the text and copy it by hand.');
    }
  };
  return (
    <Button
      type="button"
      text
      size="small"
      className="copy-button"
      icon={<Icon name={copied ? 'check' : 'copy'} size={14} />}
      aria-label={copied ? 'Copied' : label}
      title={label}
      onClick={() => void copy()}
    />
  );
}

/** A command with a button that copies it. */
export function CommandLine({ command }: { readonly command: string }) {
  return (
    <span className="command-line">
      <code>{command}</code>
      <CopyButton text={command} label="Copy command" />
    </span>
  );
}
