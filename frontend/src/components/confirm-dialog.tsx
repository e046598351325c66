import { Button } from 'primereact/button';
import { Dialog } from 'primereact/dialog';
import { type ReactNode, useState } from 'react';
import { messageOf } from '../lib/http.js';
import { Banner } from './states.js';

interface ConfirmProps {
  readonly visible: boolean;
  /** Names the object: "Delete agent Lead?". */
  readonly title: string;
  /** What is lost and what is kept. */
  readonly children: ReactNode;
  readonly confirmLabel: string;
  readonly danger?: boolean;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks before something is lost. Stays open with the reason when it fails. */
export function ConfirmDialog({
  visible,
  title,
  children,
  confirmLabel,
  danger = true,
  onConfirm,
  onClose,
}: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      visible={visible}
      header={title}
      modal
      draggable={false}
      resizable={false}
      blockScroll
      onHide={onClose}
      footer={
        <>
          <Button type="button" outlined label="Cancel" onClick={onClose} autoFocus={danger} />
          <Button
            type="button"
            {...(danger && { severity: 'danger' as const })}
            label={confirmLabel}
            disabled={busy}
            autoFocus={!danger}
            onClick={() => void confirm()}
          />
        </>
      }
    >
      <div className="stack">
        {children}
        {problem !== undefined && (
          <Banner tone="red" icon="warning">
            {problem} Nothing was changed.
          </Banner>
        )}
      </div>
    </Dialog>
  );
}
