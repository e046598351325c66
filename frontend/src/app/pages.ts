import type { IconName } from '../components/icon.js';

export interface PageEntry {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  /** In the bottom bar of a phone; the others are under "More". */
  readonly onPhone?: boolean;
}

/** Entries of the rail, in order. */
export const PAGES: readonly PageEntry[] = [
  { path: '/', label: 'Overview', icon: 'overview', onPhone: true },
  { path: '/approvals', label: 'Approvals', icon: 'approvals', onPhone: true },
  { path: '/policy', label: 'Policy', icon: 'policy' },
  { path: '/agents', label: 'Agents', icon: 'agents', onPhone: true },
  { path: '/messages', label: 'Messages', icon: 'messages', onPhone: true },
  { path: '/tasks', label: 'Tasks', icon: 'tasks' },
  { path: '/services', label: 'Services', icon: 'services' },
  { path: '/registry', label: 'Registry', icon: 'registry' },
  { path: '/costs', label: 'Costs', icon: 'costs' },
  { path: '/audit', label: 'Audit', icon: 'events' },
  { path: '/settings', label: 'Settings', icon: 'settings' },
];
