import { Dialog } from 'primereact/dialog';

const KEYS = [
  ['j', 'next request'],
  ['k', 'previous request'],
  ['a', 'approve'],
  ['d', 'deny, with a reason'],
  ['e', 'edit, then approve'],
  ['g', 'all that ask for the very same'],
  ['r', 'approve and remember as a rule, after a dry run'],
  ['u', 'undo, until the agent has heard of it'],
  ['?', 'this help'],
] as const;

export function KeyHelp({ visible, onClose }: { readonly visible: boolean; readonly onClose: () => void }) {
  return (
    <Dialog
      visible={visible}
      header="Keys"
      modal
      dismissableMask
      draggable={false}
      resizable={false}
      className="key-help"
      onHide={onClose}
    >
      <dl className="facts">
        {KEYS.map(([key, words]) => (
          <div key={key} className="key-pair">
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
