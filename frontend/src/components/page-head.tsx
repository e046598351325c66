import { type ReactNode, useEffect } from 'react';

interface PageHeadProps {
  readonly title: string;
  readonly summary?: ReactNode;
  /** Beside the title: a state, say. */
  readonly badge?: ReactNode;
  readonly children?: ReactNode;
}

/** Title, one line about it, actions at the right. */
export function PageHead({ title, summary, badge, children }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Nox`;
  }, [title]);
  return (
    <header className="page-head">
      <div className="grow">
        <div className="row-wrap">
          <h1>{title}</h1>
          {badge}
        </div>
        {summary !== undefined && <p className="muted page-summary">{summary}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </header>
  );
}
