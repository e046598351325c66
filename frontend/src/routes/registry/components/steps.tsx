import type { ReconcileStep } from '@contracts/registry.js';
import { StateTag } from '../../../components/status-badge.js';
import type { StateLook } from '../../../lib/agent-state.js';

const LOOK: Record<ReconcileStep['action'], StateLook> = {
  create: { word: 'comes back', sign: 'check', colour: 'green' },
  remove: { word: 'is removed', sign: 'cross', colour: 'red' },
  start: { word: 'starts', sign: 'dot', colour: 'blue' },
  stop: { word: 'stops', sign: 'square', colour: 'grey' },
  restart: { word: 'restarts', sign: 'loop', colour: 'orange' },
  update: { word: 'changes', sign: 'ring', colour: 'blue' },
};

/** What the live system does, agent by agent. */
export function Steps({
  steps,
  title,
  none,
}: {
  readonly steps: readonly ReconcileStep[];
  readonly title: string;
  readonly none: string;
}) {
  return (
    <div>
      <h3 className="field-label">{title}</h3>
      {steps.length === 0 && <p className="muted">{none}</p>}
      <ul className="steps">
        {steps.map((step) => (
          <li key={`${step.agent_id} ${step.action}`} className="row-wrap">
            <strong>{step.agent_id}</strong>
            <StateTag look={LOOK[step.action]} />
            <span className="muted">{step.reason}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
