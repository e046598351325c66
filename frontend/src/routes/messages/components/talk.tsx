import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { number, plural } from '../../../lib/format.js';
import { talkOf } from '../graph.js';
import { nameOf } from '../look.js';
import { useTalk } from '../queries.js';
import { Arrow } from './message-list.js';

const SPANS = { 1: 'last hour', 24: 'last day', 168: 'last week', 720: 'last 30 days' } as const;
const NAME = 20;
const TABLE = 200;

/** Who writes to whom, as a picture and as a table. */
export function Talk({ names }: { readonly names: ReadonlyMap<string, string> }) {
  const [hours, setHours] = useState(24);
  const { data, error, refetch } = useTalk(hours);
  const [focus, setFocus] = useState<string>();
  const navigate = useNavigate();
  const chooser = (
    <select
      className="select"
      aria-label="Time"
      value={hours}
      onChange={(event) => setHours(Number(event.target.value))}
    >
      {Object.entries(SPANS).map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  );
  if (data === undefined) {
    return error === null ? (
      <SkeletonRows rows={8} />
    ) : (
      <ErrorState title="It could not be counted who wrote to whom" error={error} retry={() => void refetch()} />
    );
  }
  const { nodes, lines, width, height, hidden } = talkOf(data.edges);
  const short = (id: string): string => {
    const name = nameOf(id, names);
    return name.length > NAME ? `${name.slice(0, NAME - 1)}…` : name;
  };
  const open = (id: string): void => void navigate(`/messages?agent=${id}&list=messages`);
  return (
    <div className="stack">
      <div className="filters">{chooser}</div>
      {data.edges.length === 0 ? (
        <EmptyState icon="messages" title="Nobody wrote to anybody" command='nox message send worker "Hello"'>
          Who writes to whom is drawn here, as soon as somebody does.
        </EmptyState>
      ) : (
        <div className="talk">
          <div className="graph-scroll talk-picture">
            <svg
              width={width}
              height={height}
              viewBox={`0 0 ${width} ${height}`}
              role="group"
              aria-label="Who writes to whom"
            >
              <defs>
                <marker
                  id="talk-head"
                  viewBox="0 0 8 8"
                  refX="6"
                  refY="4"
                  markerWidth="8"
                  markerHeight="8"
                  orient="auto"
                  markerUnits="userSpaceOnUse"
                >
                  <path d="M0 0 8 4 0 8z" className="talk-head" />
                </marker>
              </defs>
              {lines.map((line) => (
                <path
                  key={line.key}
                  d={line.path}
                  markerEnd="url(#talk-head)"
                  className={`talk-line talk-line-${line.weight}${focus === undefined || focus === line.from || focus === line.to ? '' : ' talk-faint'}`}
                >
                  <title>{`${nameOf(line.from, names)} to ${nameOf(line.to, names)}: ${plural(line.messages, 'message')}`}</title>
                </path>
              ))}
              {nodes.map((node) => (
                <g
                  key={node.id}
                  className="talk-node"
                  role={names.has(node.id) ? 'link' : 'img'}
                  tabIndex={names.has(node.id) ? 0 : undefined}
                  aria-label={`${nameOf(node.id, names)}, ${plural(node.messages, 'message')}`}
                  onMouseEnter={() => setFocus(node.id)}
                  onMouseLeave={() => setFocus(undefined)}
                  onFocus={() => setFocus(node.id)}
                  onBlur={() => setFocus(undefined)}
                  onClick={() => names.has(node.id) && open(node.id)}
                  onKeyDown={(event) => event.key === 'Enter' && names.has(node.id) && open(node.id)}
                >
                  <circle cx={node.x} cy={node.y} r={7} className={names.has(node.id) ? 'talk-agent' : 'talk-person'} />
                  <text
                    x={node.label_x}
                    y={node.anchor === 'middle' ? node.y + (node.y < height / 2 ? -14 : 22) : node.y + 4}
                    textAnchor={node.anchor}
                  >
                    {short(node.id)}
                  </text>
                </g>
              ))}
            </svg>
            {hidden > 0 && <p className="muted talk-hidden">{hidden} more are in the table only</p>}
          </div>
          <section className="card talk-table" aria-label="The same as a table">
            <table className="table num">
              <thead>
                <tr>
                  <th>From and to</th>
                  <th className="right">Messages</th>
                  <th className="right">Last</th>
                </tr>
              </thead>
              <tbody>
                {data.edges.slice(0, TABLE).map(({ from, to, messages, last_at }) => (
                  <tr key={`${from} ${to}`}>
                    <td>
                      {nameOf(from, names)} <Arrow /> <Link to={`/agents/${to}`}>{nameOf(to, names)}</Link>
                    </td>
                    <td className="right">{number(messages)}</td>
                    <td className="right muted nowrap">
                      <RelativeTime at={last_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            {data.edges.length > TABLE && (
              <p className="muted queue-more">and {data.edges.length - TABLE} more pairs</p>
            )}
          </section>
        </div>
      )}
    </div>
  );
}
