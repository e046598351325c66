import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

const NEAR_PX = 64;

export interface StickToBottom {
  /** The element that scrolls. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Its only child, whose growth is followed. */
  readonly content: RefObject<HTMLDivElement | null>;
  readonly stuck: boolean;
  readonly jump: () => void;
}

/** Follows what grows at the end, until a person scrolls up to read; then it stays where it is. */
export function useStickToBottom(): StickToBottom {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [stuck, setStuck] = useState(true);

  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  }, []);

  useLayoutEffect(toEnd, [toEnd]);

  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (element === null || inner === null) return undefined;
    let last_top = element.scrollTop;
    const onScroll = (): void => {
      const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
      // Growth moves the end away without a person scrolling: only a way up ends the following.
      if (near) following.current = true;
      else if (element.scrollTop < last_top) following.current = false;
      last_top = element.scrollTop;
      setStuck(following.current);
    };
    const observer = new ResizeObserver(() => {
      if (following.current) toEnd();
    });
    observer.observe(inner);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [toEnd]);

  const jump = useCallback(() => {
    following.current = true;
    setStuck(true);
    toEnd();
  }, [toEnd]);
  return { scroller, content, stuck, jump };
}
