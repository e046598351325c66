import { Button } from 'primereact/button';
import { Dialog, type DialogProps } from 'primereact/dialog';
import type { FormEvent, ReactNode } from 'react';
import { Banner } from './states.js';

/** A wide dialog over a page that stays where it is. */
export function WideDialog(props: Pick<DialogProps, 'header' | 'footer' | 'children' | 'onHide' | 'visible'>) {
  return <Dialog visible modal draggable={false} resizable={false} blockScroll className="dialog-wide" {...props} />;
}

interface FormDialogProps {
  /** Of the form; a button outside of it names it. */
  readonly id: string;
  readonly header: string;
  readonly visible?: boolean;
  /** What went wrong beside single fields. */
  readonly problem: string | undefined;
  /** What did not happen then, as `Nothing was sent`. */
  readonly nothing_done: string;
  /** The button that sends the form. */
  readonly submit: { readonly label: string; readonly busy: string; readonly disabled?: boolean };
  readonly is_pending: boolean;
  /** What stands in the place of that button. */
  readonly action?: ReactNode;
  /** What stands at the left of the buttons. */
  readonly aside?: ReactNode;
  readonly onSubmit: (event: FormEvent) => Promise<void>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A form in a dialog: what was typed stays until it is taken or the dialog is closed. */
export function FormDialog({ id, problem, submit, is_pending, children, ...props }: FormDialogProps) {
  return (
    <WideDialog
      visible={props.visible ?? true}
      header={props.header}
      onHide={props.onClose}
      footer={
        <>
          {props.aside}
          <Button type="button" outlined label="Cancel" onClick={props.onClose} />
          {props.action ?? (
            <Button
              type="submit"
              form={id}
              label={is_pending ? submit.busy : submit.label}
              disabled={is_pending || submit.disabled === true}
            />
          )}
        </>
      }
    >
      <form id={id} noValidate className="stack" onSubmit={(event) => void props.onSubmit(event)}>
        {problem !== undefined && (
          <Banner tone="red" icon="warning">
            {problem} {props.nothing_done}; what you typed is kept.
          </Banner>
        )}
        {children}
      </form>
    </WideDialog>
  );
}
