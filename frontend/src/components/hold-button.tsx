import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from 'react';

const HOLD_MS = 1000;
const STEP_MS = 40;

interface HoldButtonProps {
  /** Names it for those who do not see it; says that it is held. */
  readonly label: string;
  readonly title?: string | undefined;
  readonly className?: string;
  readonly disabled?: boolean;
  readonly children: ReactNode;
  /** It was held to the end. */
  readonly onHeld: () => void;
  /** It was let go too early. */
  readonly onReleased: () => void;
}

/** A button that acts when it is pressed for a second, by pointer, Enter or Space: the holding is the confirmation. */
export function HoldButton({ label, title, className, disabled, children, onHeld, onReleased }: HoldButtonProps) {
  const [held_ms, setHeld] = useState<number>();
  const timer = useRef<ReturnType<typeof setInterval>>(undefined);

  const end = useCallback((): boolean => {
    if (timer.current === undefined) return false;
    clearInterval(timer.current);
    timer.current = undefined;
    setHeld(undefined);
    return true;
  }, []);
  useEffect(() => () => clearInterval(timer.current), []);

  const press = (): void => {
    if (disabled === true || timer.current !== undefined) return;
    const start_ms = performance.now();
    setHeld(0);
    timer.current = setInterval(() => {
      const ms = performance.now() - start_ms;
      if (ms < HOLD_MS) setHeld(ms);
      else if (end()) onHeld();
    }, STEP_MS);
  };
  const release = (): void => {
    if (end()) onReleased();
  };
  const isPress = (event: KeyboardEvent): boolean => event.key === 'Enter' || event.key === ' ';
  return (
    <button
      type="button"
      className={`hold-button ${className ?? ''}`}
      aria-label={label}
      title={title}
      disabled={disabled}
      onPointerDown={(event) => event.button === 0 && press()}
      onPointerUp={release}
      onPointerLeave={() => end()}
      onPointerCancel={() => end()}
      onBlur={() => end()}
      // A long touch would otherwise open a menu over it.
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (!isPress(event)) return;
        event.preventDefault();
        if (!event.repeat) press();
      }}
      onKeyUp={(event) => isPress(event) && release()}
    >
      {children}
      {held_ms !== undefined && <progress className="hold-progress" max={HOLD_MS} value={held_ms} aria-hidden="true" />}
    </button>
  );
}
