import type { UsageTotals } from '@contracts/agent.js';
import type { ReactNode } from 'react';
import { compact, dollars, number } from '../../../lib/format.js';

interface Row extends UsageTotals {
  readonly key: string;
  readonly name: ReactNode;
}

/** Turns, tokens and money of each row, with its share as a bar. */
export function SumTable({ head, rows }: { readonly head: string; readonly rows: readonly Row[] }) {
  const highest_usd = Math.max(...rows.map(({ cost_usd }) => cost_usd), 0);
  return (
    <div className="table-scroll">
      <table className="table sum-table num">
        <thead>
          <tr>
            <th>{head}</th>
            <th className="right">Turns</th>
            <th className="right">Tokens</th>
            <th className="right">Cost</th>
            <th className="sum-bar" aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, name, turns, input_tokens, output_tokens, cost_usd }) => (
            <tr key={key}>
              <td className="sum-name">{name}</td>
              <td className="right">{number(turns)}</td>
              <td className="right" title={`${number(input_tokens)} in, ${number(output_tokens)} out`}>
                {compact(input_tokens + output_tokens)}
              </td>
              <td className="right">{dollars(cost_usd)}</td>
              <td className="sum-bar" aria-hidden="true">
                <meter className="usage-bar" max={highest_usd > 0 ? highest_usd : 1} value={cost_usd} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
