import { Button } from 'primereact/button';
import { Skeleton } from 'primereact/skeleton';
import type { ReactNode } from 'react';
import { NoxApiError } from '@client/api-error.js';
import { messageOf } from '../lib/http.js';
import { CommandLine } from './copy-button.js';
import { Icon, type IconName } from './icon.js';

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  /** The first step, as a command that can be copied. */
  readonly command?: string;
  readonly action?: ReactNode;
}

/** Nothing here yet: what would be here, and the first step. */
export function EmptyState({ icon, title, children, command, action }: EmptyProps) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name={icon} size={22} />
      </span>
      <p className="empty-title">{title}</p>
      {children !== undefined && <p className="muted">{children}</p>}
      {(action !== undefined || command !== undefined) && (
        <div className="empty-steps">
          {action}
          {command !== undefined && <CommandLine command={command} />}
        </div>
      )}
    </div>
  );
}

interface ErrorProps {
  readonly error: unknown;
  /** What was tried: "The agents could not be loaded". */
  readonly title: string;
  /** What is still as it was. */
  readonly kept?: string;
  readonly retry?: () => void;
}

/** What happened, what was kept, what to do. */
export function ErrorState({ error, title, kept, retry }: ErrorProps) {
  return (
    <div className="error-state" role="alert">
      <Icon name="warning" size={20} />
      <div className="grow stack">
        <div>
          <p className="empty-title">{title}</p>
          <p className="muted">
            {messageOf(error)} {kept}
          </p>
          {error instanceof NoxApiError && error.request_id !== undefined && (
            <p className="muted mono">request {error.request_id}</p>
          )}
        </div>
        {retry !== undefined && (
          <div>
            <Button type="button" outlined size="small" label="Try again" onClick={retry} />
          </div>
        )}
      </div>
    </div>
  );
}

/** Grey rows in the place of what is being loaded. */
export function SkeletonRows({ rows = 6, height = '20px' }: { readonly rows?: number; readonly height?: string }) {
  return (
    <div className="skeleton-rows" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={height} width={`${94 - ((i * 17) % 40)}%`} />
      ))}
    </div>
  );
}

/** A text box that stands in the flow: something a person should know, with what to do about it. */
export function Banner({
  tone,
  icon = 'info',
  children,
  action,
}: {
  readonly tone: 'amber' | 'red' | 'blue' | 'violet' | 'grey' | 'green';
  readonly icon?: IconName;
  readonly children: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className={`banner banner-${tone}`} role={tone === 'red' ? 'alert' : 'status'}>
      <Icon name={icon} size={18} />
      <div className="grow banner-text">{children}</div>
      {action}
    </div>
  );
}
