import type { ServiceRequest } from '../lib/service-request.js';
import { ExactText } from './exact-text.js';
import { Judgement } from './judgement.js';

/** What a service is that somebody wants, what it may, and what is known of its image. */
export function ServiceRequestView({ request }: { readonly request: ServiceRequest }) {
  const { facts, image, evaluation, reason } = request;
  return (
    <>
      {reason !== undefined && (
        <p className="muted">
          The agent says: “
          <ExactText text={reason} />”
        </p>
      )}
      <dl className="facts">
        {facts.map(({ name, value, exact = false }) => (
          <Row key={name} name={name} value={value} exact={exact} />
        ))}
      </dl>
      {evaluation !== undefined && (
        <>
          <h3 className="field-label">What is known of the image</h3>
          <Judgement evaluation={evaluation} asked={image ?? ''} />
        </>
      )}
    </>
  );
}

function Row({ name, value, exact }: { readonly name: string; readonly value: string; readonly exact: boolean }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className={exact ? 'mono' : undefined}>{exact ? <ExactText text={value} /> : value}</dd>
    </>
  );
}
