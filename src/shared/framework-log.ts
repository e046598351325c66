import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** What Nest says about its own start; of interest only to whoever debugs it. */
const CHATTER = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'WebSocketsController',
]);

/**
 * Nest's `Logger` on pino: `new Logger('name').warn({ agent_id }, 'constant message')` becomes one JSON line with
 * `component`. Objects come first, the message after them, as pino wants it.
 */
export class FrameworkLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log = (...said: unknown[]): void => this.write('info', said);
  warn = (...said: unknown[]): void => this.write('warn', said);
  error = (...said: unknown[]): void => this.write('error', said);
  fatal = (...said: unknown[]): void => this.write('fatal', said);
  debug = (...said: unknown[]): void => this.write('debug', said);
  verbose = (...said: unknown[]): void => this.write('trace', said);

  private write(level: 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace', said: unknown[]): void {
    // Nest appends the context, the name that the logger was made with, to whatever was said.
    const component = said.length > 1 ? said.at(-1) : undefined;
    const rest = component === undefined ? said : said.slice(0, -1);
    const fields = rest.find(
      (part): part is object => typeof part === 'object' && part !== null && !(part instanceof Error),
    );
    const err = rest.find((part): part is Error => part instanceof Error);
    const words = rest.filter((part) => typeof part === 'string').join(' ');
    const quiet = level === 'info' && typeof component === 'string' && CHATTER.has(component);
    this.pino[quiet ? 'debug' : level](
      { component, ...fields, ...(err === undefined ? {} : { err }) },
      words === '' ? err?.message : words,
    );
  }
}
