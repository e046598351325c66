import type { ToolUse } from '@contracts/turn.js';
import { useId, useState } from 'react';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { RequestInput } from '../../../components/request-input.js';
import { StateTag } from '../../../components/status-badge.js';
import type { StateLook } from '../../../lib/agent-state.js';
import { oneLine } from '../../../lib/request-input.js';

/** A tool call in one line: what, with which decision, how it went; the rest unfolds. */
export function ToolLine({ tool }: { readonly tool: ToolUse }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const look = lookOf(tool);
  return (
    <div className="tool">
      <button
        type="button"
        className="tool-line"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Icon name={open ? 'down' : 'right'} size={14} />
        <strong>{tool.name}</strong>
        <code className="grow truncate">
          <ExactText text={oneLine(tool.name, tool.input)} />
        </code>
        <StateTag look={look} />
      </button>
      {open && (
        <div id={id} className="tool-body">
          <RequestInput tool_name={tool.name} input={tool.input} compact />
          {tool.result !== null && (
            <div>
              <p className="field-label">{tool.is_error === true ? 'Error' : 'Result'}</p>
              <pre className="code code-wrap tool-result" tabIndex={0}>
                <ExactText text={tool.result === '' ? '(empty)' : tool.result} />
              </pre>
            </div>
          )}
          {tool.approval_id !== null && <Link to={`/approvals/${tool.approval_id}`}>The request and its decision</Link>}
        </div>
      )}
    </div>
  );
}

function lookOf(tool: ToolUse): StateLook {
  if (tool.decision === 'deny') return { word: 'denied', sign: 'cross', colour: 'red' };
  if (tool.decision === 'pending') return { word: 'waiting for you', sign: 'diamond', colour: 'amber' };
  if (tool.is_error === true) return { word: 'failed', sign: 'cross', colour: 'red' };
  if (tool.result !== null)
    return { word: tool.decision === 'allow' ? 'allowed' : 'done', sign: 'check', colour: 'green' };
  return { word: 'running', sign: 'dot', colour: 'blue', pulse: true };
}
