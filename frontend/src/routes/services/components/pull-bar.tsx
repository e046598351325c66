import type { Service } from '@contracts/service.js';
import { bytes, plural } from '../../../lib/format.js';

/** How much of an image is here, while it is being fetched. */
export function PullBar({ service }: { readonly service: Service }) {
  const { pull, status } = service;
  if (pull === null || status !== 'pulling') return null;
  return (
    <div className="pull">
      <progress className="pull-bar" max={100} value={pull.percent} aria-label={`Image of ${service.name}`} />
      <span className="muted num">
        {pull.bytes !== null && pull.bytes_total !== null && `${bytes(pull.bytes)} of ${bytes(pull.bytes_total)} · `}
        {pull.layers_done} of {plural(pull.layers, 'layer')}, {Math.round(pull.percent)} %
      </span>
    </div>
  );
}
