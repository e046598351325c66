import type { RiskLevel } from '@contracts/approval.js';

const LEVELS: readonly RiskLevel[] = ['low', 'medium', 'high', 'critical'];

/** Risk as filled bars and a word. */
export function RiskBar({ level }: { readonly level: RiskLevel }) {
  const filled = LEVELS.indexOf(level);
  return (
    <span className={`risk risk-${level}`} title={`Risk: ${level}`}>
      <span className="risk-bars" aria-hidden="true">
        {LEVELS.map((each, i) => (
          <span key={each} className={i <= filled ? 'on' : ''} />
        ))}
      </span>
      <span>
        <span className="visually-hidden">risk </span>
        {level}
      </span>
    </span>
  );
}
