import type { DiffLine } from '../lib/line-diff.js';
import { ExactText } from './exact-text.js';

const SIGN: Record<DiffLine['kind'], string> = { same: ' ', added: '+', removed: '-', hunk: ' ', file: ' ' };

/** Lines of a diff; a sign beside the colour, long lines scroll inside the box. */
export function Diff({ lines, label }: { readonly lines: readonly DiffLine[]; readonly label: string }) {
  return (
    <pre className="code diff" aria-label={label} tabIndex={0}>
      {lines.map((line, i) => (
        <span key={i} className={`diff-line diff-${line.kind}`}>
          <span className="diff-sign">{SIGN[line.kind]}</span>
          <ExactText text={line.text} />
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
