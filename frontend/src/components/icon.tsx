import type { ReactNode } from 'react';

/** Line drawings on a 20-unit square, in the colour of the text around them. */
const DRAWINGS = {
  overview: <path d="M3 3h6v8H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 13h6v4H3z" />,
  approvals: <path d="M10 2.5 4 5v4.5c0 4 2.6 6.7 6 8 3.4-1.3 6-4 6-8V5zM7.3 10l2 2 3.6-4" />,
  agents: (
    <path d="M5 7h10a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zM10 7V3.5M7.5 11v1.5M12.5 11v1.5" />
  ),
  tasks: <path d="M3 3.5h4v13H3zM8.5 3.5h4v8h-4zM14 3.5h3v10h-3z" />,
  messages: <path d="M3 4h14v9.5H9L5.5 17v-3.5H3zM6.5 7.5h7M6.5 10h4.5" />,
  services: <path d="M10 2.5 16.5 6v8L10 17.5 3.5 14V6zM3.5 6 10 9.5 16.5 6M10 9.5v8" />,
  costs: <path d="M3 16.5V9h3.5v7.5M8.25 16.5v-13h3.5v13M13.5 16.5V6.5H17v10M2 16.5h16" />,
  registry: (
    <path d="M6 5.5v9M6 5.5a2 2 0 1 0-.01-.01zM6 14.5a2 2 0 1 0 .01 0zM14 5.5a2 2 0 1 0-.01-.01zM14 7.5c0 3-3 3.5-8 4" />
  ),
  events: <path d="M2.5 10h3l2.5-6 4 12 2.5-6h3" />,
  settings: <path d="M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4" />,
  policy: <path d="M4 3h12v14H4zM7 7h6M7 10h6M7 13h3" />,
  search: <path d="M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4" />,
  plus: <path d="M10 4v12M4 10h12" />,
  play: <path d="M6 4l10 6-10 6z" />,
  stop: <path d="M5 5h10v10H5z" />,
  restart: <path d="M16 10a6 6 0 1 1-2-4.5M14.5 2v4h-4" />,
  interrupt: <path d="M7 4v12M13 4v12" />,
  moon: <path d="M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5z" />,
  sun: (
    <path d="M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M4 16l1.4-1.4M14.6 5.4 16 4" />
  ),
  trash: <path d="M4 6h12M8 6V3.5h4V6M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v4.5M11.5 9v4.5" />,
  copy: <path d="M7 7h9v9H7zM4 13V4h9" />,
  check: <path d="M4 10.5l4 4 8-9" />,
  cross: <path d="M5 5l10 10M15 5L5 15" />,
  pencil: <path d="M4 16l.7-3.3L13 4.4 15.6 7l-8.3 8.3z" />,
  terminal: <path d="M3 4h14v12H3zM6 8l2.5 2L6 12M10.5 12.5H14" />,
  down: <path d="M5 7.5l5 5 5-5" />,
  right: <path d="M7.5 5l5 5-5 5" />,
  left: <path d="M12.5 5l-5 5 5 5" />,
  arrow_right: <path d="M4 10h12M11 5l5 5-5 5" />,
  arrow_down: <path d="M10 3v13M5 11l5 5 5-5" />,
  more: <path d="M4.5 10h.01M10 10h.01M15.5 10h.01" strokeWidth={2.4} />,
  user: <path d="M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 17c.6-3.2 3.2-4.8 6.5-4.8s5.9 1.6 6.5 4.8" />,
  logout: <path d="M8 4H4v12h4M12 6.5l3.5 3.5-3.5 3.5M15 10H8" />,
  warning: <path d="M10 3l7.5 13.5h-15zM10 8v4M10 14.4h.01" />,
  info: <path d="M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM10 9v5M10 6.3h.01" />,
  link: (
    <path d="M8.5 11.5a3 3 0 0 0 4.3 0l2.7-2.7a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-2.7 2.7a3 3 0 0 0 4.3 4.3l1-1" />
  ),
  collapse: <path d="M3 4h14v12H3zM8 4v12M13.5 8l-2 2 2 2" />,
  expand: <path d="M3 4h14v12H3zM8 4v12M11.5 8l2 2-2 2" />,
  back: <path d="M16 10H4M9 5l-5 5 5 5" />,
  emergency: <path d="M7 2.5h6L17.5 7v6L13 17.5H7L2.5 13V7zM10 6.5v4.5M10 13.6h.01" />,
  keyboard: <path d="M2.5 5h15v10h-15zM5.5 8h.01M8.5 8h.01M11.5 8h.01M14.5 8h.01M5.5 11.5h9" />,
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof DRAWINGS;

/** Decoration only: the control that holds it has the words. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {DRAWINGS[name]}
    </svg>
  );
}
