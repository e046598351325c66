import { NavLink } from 'react-router';

const tabClass = ({ isActive }: { readonly isActive: boolean }): string => (isActive ? 'tab active' : 'tab');

/** The two books of what happened: all events, and the chain of decisions. */
export function AuditTabs() {
  return (
    <nav className="tabs" aria-label="Audit">
      <NavLink to="/audit" end className={tabClass}>
        Events
      </NavLink>
      <NavLink to="/audit/ledger" className={tabClass}>
        Decisions
      </NavLink>
    </nav>
  );
}
