import { Button } from 'primereact/button';
import { useId, useState } from 'react';
import { CommandLine, CopyButton } from './copy-button.js';
import { Icon } from './icon.js';

/** "Show me the command": what the command line does for what this page does. */
export function CommandHint({ commands }: { readonly commands: readonly string[] }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <div
      className="command-hint"
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
    >
      <Button
        type="button"
        text
        size="small"
        icon={<Icon name="terminal" />}
        aria-label="Show me the command"
        title="Show me the command"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}
      />
      {open && (
        <div id={id} className="command-hint-panel">
          {commands.map((command) => (
            <CommandLine key={command} command={command} />
          ))}
          <span className="row copy-link">
            <span className="muted grow">Link to this page</span>
            <CopyButton text={location.href} label="Copy link" />
          </span>
        </div>
      )}
    </div>
  );
}
