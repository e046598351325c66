import type { ReactNode } from 'react';
import type { Sign as SignName } from '../lib/agent-state.js';

const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.8,
  strokeLinecap: 'round',
  strokeLinejoin: 'round',
} as const;

/** The signs of states, drawn, so that they look the same with every font. */
const SIGNS: Record<SignName, ReactNode> = {
  circle: <circle cx="6" cy="6" r="4" {...stroke} />,
  dot: <circle cx="6" cy="6" r="4.6" fill="currentColor" />,
  diamond: <path d="M6 .8 11.2 6 6 11.2.8 6z" fill="currentColor" />,
  moon: <path d="M10.8 7.6A5 5 0 0 1 4.4 1.2a5 5 0 1 0 6.4 6.4z" fill="currentColor" />,
  loop: <path d="M10.2 6A4.2 4.2 0 1 1 8.8 2.9M9.3.9v2.3H7" {...stroke} />,
  pause: <path d="M3.7 2v8M8.3 2v8" {...stroke} strokeWidth={2.4} />,
  cross: <path d="M2.2 2.2l7.6 7.6M9.8 2.2 2.2 9.8" {...stroke} strokeWidth={2.2} />,
  square: <rect x="1.8" y="1.8" width="8.4" height="8.4" rx="1" fill="currentColor" />,
  dashed: <circle cx="6" cy="6" r="4.2" {...stroke} strokeDasharray="2.6 2.6" />,
  check: <path d="M1.8 6.4l2.8 2.8 5.6-6.4" {...stroke} strokeWidth={2} />,
  ring: (
    <path
      d="M6 1.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6zM6 4.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z"
      {...stroke}
      strokeWidth={1.4}
    />
  ),
};

export function Sign({ name, pulse = false }: { readonly name: SignName; readonly pulse?: boolean }) {
  return (
    <svg className={pulse ? 'sign sign-pulse' : 'sign'} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      {SIGNS[name]}
    </svg>
  );
}
