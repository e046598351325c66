import { ExactText } from '../../../components/exact-text.js';

interface FieldValuesProps {
  /** One for each value. */
  readonly heads: readonly string[];
  readonly rows: readonly { readonly field: string; readonly values: readonly unknown[] }[];
}

/** What fields are on each side, exactly; nothing when there are none. */
export function FieldValues({ heads, rows }: FieldValuesProps) {
  if (rows.length === 0) return null;
  return (
    <table className="edit-fields">
      <thead>
        <tr>
          {['Field', ...heads].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ field, values }) => (
          <tr key={field}>
            <th scope="row" className="mono">
              <ExactText text={field} />
            </th>
            {values.map((value, n) => (
              <td key={heads[n]} className="mono">
                <ExactText text={value === null || value === undefined ? '—' : JSON.stringify(value)} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
