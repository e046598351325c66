import { CommandHint } from '../../components/command-hint.js';
import { PageHead } from '../../components/page-head.js';
import { Account } from './components/account.js';
import { ConfigView } from './components/config-view.js';
import { ModelChoice } from './components/model-choice.js';
import { SystemView } from './components/system-view.js';
import { Users } from './components/users.js';
import './settings.css';

/** Who I am, which model the agents use, how the parts of Nox are. */
export function SettingsPage() {
  return (
    <div className="page settings">
      <PageHead title="Settings" summary="Your login, the model, and how Nox is.">
        <CommandHint commands={['nox status', 'nox doctor']} />
      </PageHead>
      <div className="settings-columns">
        <div className="stack">
          <ModelChoice />
          <SystemView />
        </div>
        <div className="stack">
          <Account />
          <Users />
          <ConfigView />
        </div>
      </div>
    </div>
  );
}
