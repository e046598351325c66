import { Button } from 'primereact/button';
import { Icon } from './icon.js';

/** Floats over the end of a stream while a person reads further up. */
export function JumpToLive({ shown, onJump }: { readonly shown: boolean; readonly onJump: () => void }) {
  if (!shown) return null;
  return (
    <div className="jump">
      <Button
        type="button"
        outlined
        size="small"
        icon={<Icon name="arrow_down" />}
        label="Jump to live"
        onClick={onJump}
      />
    </div>
  );
}
