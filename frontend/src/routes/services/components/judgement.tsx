import type { Evaluation } from '@contracts/service.js';
import { ExactText } from '../../../components/exact-text.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { useNow } from '../../../lib/clock.js';
import { factsOf } from '../look.js';

/** What is known of an image before it is trusted, and how risky that makes it. */
export function Judgement({ evaluation }: { readonly evaluation: Evaluation }) {
  const now_ms = useNow(60_000);
  return (
    <section className="judgement" aria-label="Judgement">
      <div className="row-wrap">
        <RiskBar level={evaluation.risk_level} />
        <span className="muted">
          <ExactText text={evaluation.reasons.join(' · ')} />
        </span>
      </div>
      <dl className="facts">
        <dt>Image</dt>
        <dd className="mono">
          <ExactText text={evaluation.image} />
        </dd>
        {factsOf(evaluation, now_ms).map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className={name === 'Digest' ? 'mono' : undefined}>{value}</dd>
    </>
  );
}
