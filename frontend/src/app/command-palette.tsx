import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useNavigate } from 'react-router';
import { Icon } from '../components/icon.js';
import { StatusBadge } from '../components/status-badge.js';
import { useAgents } from '../lib/queries.js';
import { useCan } from '../lib/session.js';
import { setTheme } from '../lib/theme.js';
import { PAGES } from './pages.js';
import { logout } from './top-bar.js';

interface Entry {
  readonly key: string;
  readonly kind: 'Page' | 'Agent' | 'Action';
  readonly label: string;
  readonly words: string;
  readonly icon: ReactNode;
  readonly badge?: ReactNode;
  readonly run: () => void;
}

const SHOWN = 12;

/**
 * Pages, agents and actions by a few letters. The browser's own dialog, because it takes the focus in the same moment:
 * letters typed right after the keys that open it are not lost.
 */
export function CommandPalette({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="palette"
      aria-label="Search or run a command"
      onCancel={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <Palette onClose={onClose} />
    </dialog>
  );
}

function Palette({ onClose }: { readonly onClose: () => void }) {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const entries = useEntries();
  const found = useMemo(() => search(entries, query), [entries, query]);
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((chosen + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <>
      <div className="palette-input">
        <Icon name="search" size={18} />
        <input
          autoFocus
          role="combobox"
          aria-label="Search or run a command"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={found.length === 0 ? undefined : `${id}-${chosen}`}
          placeholder="An agent, a page, an action…"
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd>Esc</kbd>
      </div>
      <ul id={id} ref={list} role="listbox" aria-label="Results" className="palette-list">
        {found.map((entry, i) => (
          <li
            key={entry.key}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === chosen}
            className="palette-entry"
            onMouseMove={() => setAt(i)}
            onClick={() => run(entry)}
          >
            {entry.icon}
            <span className="grow truncate">{entry.label}</span>
            {entry.badge}
            <span className="muted palette-kind">{entry.kind}</span>
          </li>
        ))}
        {found.length === 0 && <li className="muted palette-none">Nothing is called “{query}”.</li>}
      </ul>
    </>
  );
}

function useEntries(): Entry[] {
  const navigate = useNavigate();
  const agents = useAgents().data;
  const mayOperate = useCan('operator');
  return useMemo(() => {
    const go = (path: string) => () => void navigate(path);
    const pages = PAGES.map((page): Entry => ({
      key: page.path,
      kind: 'Page',
      label: page.label,
      words: page.label,
      icon: <Icon name={page.icon} />,
      run: go(page.path),
    }));
    const people = (agents ?? []).map((agent): Entry => ({
      key: `agent ${agent.id}`,
      kind: 'Agent',
      label: agent.name,
      words: `${agent.name} ${agent.id}`,
      icon: <Icon name="agents" />,
      badge: <StatusBadge agent={agent} />,
      run: go(`/agents/${agent.id}`),
    }));
    const action = (label: string, icon: ReactNode, run: () => void): Entry => ({
      key: label,
      kind: 'Action',
      label,
      words: label,
      icon,
      run,
    });
    return [
      ...pages,
      ...(mayOperate
        ? [
            action('Create agent', <Icon name="plus" />, go('/agents?create')),
            action('Send message', <Icon name="messages" />, go('/messages?send')),
            action('Install service', <Icon name="services" />, go('/services?view=catalogue')),
            action('Dead letters', <Icon name="messages" />, go('/messages?view=dead')),
          ]
        : []),
      ...people,
      action('Theme: light', <Icon name="sun" />, () => setTheme('light')),
      action('Theme: dark', <Icon name="moon" />, () => setTheme('dark')),
      action('Theme: as the system', <Icon name="settings" />, () => setTheme('system')),
      action('Log out', <Icon name="logout" />, () => void logout()),
    ];
  }, [agents, mayOperate, navigate]);
}

/** Entries that hold every word of the query; those that begin with it first. */
function search(entries: readonly Entry[], query: string): Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = entries.filter((entry) => words.every((word) => entry.words.toLowerCase().includes(word)));
  const begins = (entry: Entry): number => (entry.words.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1);
  return matching.sort((a, b) => begins(a) - begins(b)).slice(0, SHOWN);
}
