import { useEffect, useRef } from 'react';
import { ExactText } from '../../../components/exact-text.js';
import { SkeletonRows } from '../../../components/states.js';
import { useTaskFile } from '../queries.js';

/** The markdown as it is on the disk, in step with the board. */
export function FileView({ agent_id, selected }: { readonly agent_id: string; readonly selected: string | undefined }) {
  const { data: file } = useTaskFile(agent_id);
  const marked = useRef<HTMLLIElement>(null);
  const lines = file?.text.split(/\r?\n/) ?? [];
  const at = selected === undefined ? -1 : lines.findIndex((line) => line.includes(`id: ${selected} `));
  useEffect(() => {
    const line = marked.current;
    const list = line?.parentElement;
    if (line == null || list == null) return;
    // Only the file moves, not the page with the board.
    const above = line.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (above < 0 || above > list.clientHeight - line.clientHeight) list.scrollTop += above - list.clientHeight / 3;
  }, [at]);
  if (file === undefined) return <SkeletonRows rows={8} />;
  const bad = new Map(file.problems.map((problem) => [problem.line, problem.message]));
  return (
    <section className="task-file" aria-label={`File ${file.path}`}>
      <h3 className="mono">{file.path}</h3>
      {lines.length <= 1 && lines[0] === '' ? (
        <p className="muted">The file is not there yet: the first task makes it.</p>
      ) : (
        <ol className="task-lines mono">
          {lines.map((line, index) => (
            <li
              key={index}
              ref={index === at ? marked : null}
              className={`${index === at ? 'line-selected' : ''}${bad.has(index + 1) ? ' line-bad' : ''}`}
              title={bad.get(index + 1)}
            >
              <ExactText text={line} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
