import type { Agent } from '@contracts/agent.js';
import { Button } from 'primereact/button';
import { type FormEvent, type KeyboardEvent, useId, useState } from 'react';
import { Icon } from '../../../components/icon.js';
import { promptHint, whyNoPrompt } from '../../../lib/agent-state.js';
import { messageOf } from '../../../lib/http.js';
import { useAgentAction, useEmergency } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';
import { usePrompt } from '../queries.js';

const KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ Enter' : 'Ctrl Enter';

/** Where a prompt is written. When the agent cannot take one, it says why, and offers the way out. */
export function PromptBox({ agent, onSent }: { readonly agent: Agent; readonly onSent: () => void }) {
  const [text, setText] = useState('');
  const prompt = usePrompt(agent.id);
  const action = useAgentAction(agent);
  const mayOperate = useCan('operator');
  const hint = useId();
  const barred = useEmergency() !== null;
  const blocked = barred ? 'An emergency stop is in force: no agent runs.' : whyNoPrompt(agent);
  const why = mayOperate ? blocked : 'Your role does not allow prompts.';
  const startable = mayOperate && !barred && (agent.status === 'inactive' || agent.status === 'failed');

  const send = async (): Promise<void> => {
    const content = text.trim();
    if (content === '' || why !== undefined || prompt.isPending) return;
    try {
      await prompt.mutateAsync(content);
      setText('');
      onSent();
    } catch {
      // Shown below; the text stays.
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form className="prompt-box" onSubmit={submit}>
      <textarea
        aria-label="Prompt"
        aria-describedby={hint}
        placeholder={why ?? `Write to ${agent.name}…`}
        maxLength={65_536}
        rows={2}
        disabled={why !== undefined}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="prompt-foot">
        <p id={hint} className={prompt.isError ? 'field-error grow' : 'field-hint grow'} role="status">
          {prompt.isError
            ? `Not sent: ${messageOf(prompt.error)} What you wrote is kept.`
            : (why ?? promptHint(agent) ?? '')}
        </p>
        <kbd className="only-wide">{KEYS}</kbd>
        {startable ? (
          <Button
            type="button"
            size="small"
            icon={<Icon name="play" />}
            label="Start agent"
            disabled={action.isPending}
            onClick={() => action.mutate({ action: 'start' })}
          />
        ) : (
          <Button
            type="submit"
            size="small"
            label={prompt.isPending ? 'Sending…' : 'Send'}
            disabled={why !== undefined || prompt.isPending || text.trim() === ''}
          />
        )}
      </div>
    </form>
  );
}
