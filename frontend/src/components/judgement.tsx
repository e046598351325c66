import type { Evaluation } from '@contracts/service.js';
import { ExactText } from './exact-text.js';
import { RiskBar } from './risk-bar.js';
import { useNow } from '../lib/clock.js';
import { factsOf } from '../lib/service-words.js';

interface JudgementProps {
  readonly evaluation: Evaluation;
  /** In a request: its risk stands above, and the image only if it is another than the one that is asked for. */
  readonly asked?: string | undefined;
}

/** What is known of an image before it is trusted, and how risky that makes it. */
export function Judgement({ evaluation, asked }: JudgementProps) {
  const now_ms = useNow(60_000);
  return (
    <section className="judgement" aria-label="Judgement">
      {asked === undefined && (
        <div className="row-wrap">
          <RiskBar level={evaluation.risk_level} />
          <span className="muted">
            <ExactText text={evaluation.reasons.join(' · ')} />
          </span>
        </div>
      )}
      <dl className="facts">
        {evaluation.image !== asked && (
          <>
            <dt>Image</dt>
            <dd className="mono">
              <ExactText text={evaluation.image} />
            </dd>
          </>
        )}
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
