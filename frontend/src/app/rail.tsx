import { Menu } from 'primereact/menu';
import { useRef, useState } from 'react';
import { NavLink, useLocation, useNavigate } from 'react-router';
import { Icon } from '../components/icon.js';
import { usePending } from '../lib/queries.js';
import { PAGES, type PageEntry } from './pages.js';

/** The way between pages: a rail at the left, icons only when it is narrow or folded, a bar below on a phone. */
export function Rail() {
  const [folded, setFolded] = useState(false);
  const pending = usePending().data?.length ?? 0;
  const menu = useRef<Menu>(null);
  const navigate = useNavigate();
  const rest = PAGES.filter((page) => page.onPhone !== true);
  const { pathname } = useLocation();
  const inRest = rest.some(({ path }) => pathname === path || pathname.startsWith(`${path}/`));
  return (
    <nav className={folded ? 'rail rail-folded' : 'rail'} aria-label="Main">
      <div className="rail-brand">
        <span className="rail-logo">
          <Icon name="moon" size={18} />
        </span>
        <span className="rail-word">Nox</span>
      </div>
      <ul className="rail-list">
        {PAGES.map((page) => (
          <li key={page.path} className={page.onPhone === true ? '' : 'only-wide'}>
            <Entry page={page} count={page.path === '/approvals' ? pending : 0} />
          </li>
        ))}
        <li className="only-phone">
          <button
            type="button"
            className={inRest ? 'rail-link active' : 'rail-link'}
            onClick={(event) => menu.current?.toggle(event)}
            aria-haspopup="menu"
          >
            <Icon name="more" size={20} />
            <span className="rail-word">More</span>
          </button>
          <Menu
            ref={menu}
            popup
            model={rest.map((page) => ({
              label: page.label,
              icon: <Icon name={page.icon} />,
              command: () => void navigate(page.path),
            }))}
          />
        </li>
      </ul>
      <button
        type="button"
        className="rail-fold only-wide"
        onClick={() => setFolded(!folded)}
        aria-label={folded ? 'Unfold the rail' : 'Fold the rail'}
        title={folded ? 'Unfold the rail' : 'Fold the rail'}
      >
        <Icon name={folded ? 'expand' : 'collapse'} size={18} />
      </button>
    </nav>
  );
}

function Entry({ page, count }: { readonly page: PageEntry; readonly count: number }) {
  return (
    <NavLink
      to={page.path}
      end={page.path === '/'}
      className="rail-link"
      title={page.label}
      aria-label={count > 0 ? `${page.label}, ${count} waiting` : page.label}
    >
      <Icon name={page.icon} size={18} />
      <span className="rail-word">{page.label}</span>
      {count > 0 && <span className="count num">{count > 99 ? '99+' : count}</span>}
    </NavLink>
  );
}
