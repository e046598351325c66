export interface Notice {
  readonly severity: 'success' | 'warn' | 'error';
  readonly summary: string;
  readonly detail?: string | undefined;
}

let show: (notice: Notice) => void = () => undefined;

/** The frame says where notices appear. */
export function showNoticesWith(shower: (notice: Notice) => void): void {
  show = shower;
}

/** Short notices about what a person has just done: what happened, then what was kept or what to do. */
export const notify = {
  success: (summary: string, detail?: string) => show({ severity: 'success', summary, detail }),
  warn: (summary: string, detail?: string) => show({ severity: 'warn', summary, detail }),
  error: (summary: string, detail?: string) => show({ severity: 'error', summary, detail }),
};
