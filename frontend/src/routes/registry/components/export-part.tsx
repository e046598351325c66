import { Button } from 'primereact/button';
import { useState } from 'react';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner } from '../../../components/states.js';
import { messageOf } from '../../../lib/http.js';
import { useExport } from '../queries.js';
import { AgentScope } from './agent-scope.js';

/** What is in force as one file, to keep or to import elsewhere. */
export function ExportPart() {
  const [agent, setAgent] = useState('');
  const [tasks, setTasks] = useState(false);
  const save = useExport();
  const command = `nox registry export${agent === '' ? '' : ` --agent ${agent}`}${tasks ? ' --tasks' : ''} nox.tar.gz`;
  return (
    <section aria-label="Export" className="stack">
      <h3 className="field-label">Export</h3>
      <p className="muted">
        Agents, policy, services and settings as plain files in one archive, without history. Secrets stay here: only
        references to them are in it.
      </p>
      <div className="row-wrap">
        <AgentScope label="What to export" value={agent} onChange={setAgent} />
        <label className="row">
          <input type="checkbox" checked={tasks} onChange={(event) => setTasks(event.target.checked)} /> with tasks
        </label>
        <Button
          type="button"
          outlined
          label={save.isPending ? 'Packing…' : 'Download'}
          disabled={save.isPending}
          onClick={() => save.mutate({ agent, tasks })}
        />
      </div>
      {save.isError && (
        <Banner tone="red" icon="warning">
          {messageOf(save.error)} Nothing was downloaded.
        </Banner>
      )}
      <CommandLine command={command} />
    </section>
  );
}
