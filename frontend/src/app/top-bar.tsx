import { Button } from 'primereact/button';
import { Menu } from 'primereact/menu';
import type { MenuItem } from 'primereact/menuitem';
import { useRef } from 'react';
import { useNavigate } from 'react-router';
import { Icon } from '../components/icon.js';
import { notify } from '../lib/notify.js';
import { useSystemStatus } from '../lib/queries.js';
import { session, useUser } from '../lib/session.js';
import { setTheme, theme } from '../lib/theme.js';
import { useStore } from '../lib/store.js';
import { ConnectionState } from './connection-state.js';
import { EmergencyButton } from './emergency.js';

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** Server, search, connection, emergency stop, user. */
export function TopBar({ onSearch }: { readonly onSearch: () => void }) {
  const status = useSystemStatus();
  return (
    <div className="top-bar" role="banner">
      <span className="server-name truncate" title={status.data && `Nox ${status.data.version}`}>
        {status.data?.server_name ?? location.host}
      </span>
      <button type="button" className="search-button" onClick={onSearch} aria-label="Search or run a command">
        <Icon name="search" />
        <span className="search-words">Search or run…</span>
        <kbd className="only-wide">{MAC ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <ConnectionState />
      <EmergencyButton />
      <UserMenu />
    </div>
  );
}

function UserMenu() {
  const user = useUser();
  const menu = useRef<Menu>(null);
  const navigate = useNavigate();
  const chosen = useStore(theme);
  const items: MenuItem[] = [
    {
      template: () => (
        <div className="menu-text">
          <span className="grow truncate">{user.username}</span>
          <span className="chip">{user.role}</span>
        </div>
      ),
    },
    { separator: true },
    ...(['system', 'light', 'dark'] as const).map((each) => ({
      label: { system: 'As the system', light: 'Light', dark: 'Dark' }[each],
      icon: (
        <Icon name={chosen === each ? 'check' : each === 'dark' ? 'moon' : each === 'light' ? 'sun' : 'settings'} />
      ),
      command: () => setTheme(each),
    })),
    { separator: true },
    { label: 'Settings', icon: <Icon name="settings" />, command: () => void navigate('/settings') },
    { label: 'Log out', icon: <Icon name="logout" />, command: () => void logout() },
  ];
  return (
    <>
      <Button
        type="button"
        text
        icon={<Icon name="user" size={18} />}
        aria-label={`User menu: ${user.username}`}
        aria-haspopup="menu"
        onClick={(event) => menu.current?.toggle(event)}
      />
      <Menu ref={menu} popup popupAlignment="right" model={items} />
    </>
  );
}

/** Ends the login; without an answer of the server it ends here, and says what stays. */
export async function logout(): Promise<void> {
  try {
    await session.logout();
  } catch {
    notify.warn(
      'Logged out on this page only',
      'The server did not answer; it forgets this login when the time is over.',
    );
  }
}
