import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ErrorFilter } from './error.filter.js';
import { servePages } from './pages.js';

export interface HttpOptions {
  /** Where the built dashboard lies; it need not exist. */
  readonly dashboard_dir?: string;
}

/** Finishes an application made with `NoxHttpAdapter`; to be called before `app.init()` or `app.listen()`. */
export function configureHttp(app: NestFastifyApplication, options: HttpOptions = {}): void {
  app.useGlobalFilters(new ErrorFilter());
  if (options.dashboard_dir !== undefined) servePages(app, options.dashboard_dir);
}
