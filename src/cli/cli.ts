import type { Command } from 'commander';
import type { NoxClient } from '../client/http-client.js';
import { CliError, Exit, usageError } from './cli-error.js';
import { DEFAULT_PORT, DEFAULT_URL } from './default-url.js';
import { ask, type Io, readAll } from './io.js';
import { type Style, styleOf, wantsColour } from './output/style.js';
import { type Cell, type Column, table } from './output/table.js';

/** Options that every command takes. */
export interface Globals {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly color?: boolean;
}

/** A server that listens at all addresses is reached at this one. */
const EVERYWHERE = new Set(['', '0.0.0.0', '::', '[::]']);

/**
 * What a command works with: the client, two outputs and the person. Data goes to stdout, words go to stderr, and
 * nothing heavy is loaded before it is needed.
 */
export class Cli {
  readonly json: boolean;
  /** Colours of stdout. */
  readonly style: Style;
  /** Colours of stderr. */
  readonly words: Style;
  private opened: Promise<NoxClient> | undefined;

  constructor(
    readonly io: Io,
    readonly globals: Globals,
    private readonly openClient: (cli: Cli) => Promise<NoxClient>,
  ) {
    this.json = globals.json === true;
    const colours = (is_tty: boolean | undefined) =>
      styleOf(wantsColour({ flag: globals.color !== false, env: io.env, is_tty: is_tty === true }));
    this.style = colours(io.stdout.isTTY);
    this.words = colours(io.stderr.isTTY);
  }

  /** The server's address without a slash at the end. Throws a usage error for what is no http address. */
  get url(): string {
    return normalUrl(this.globals.url ?? (this.io.env['NOX_URL'] || localUrl(this.io.env)));
  }

  /** A token that was given for this call, instead of the stored login. */
  get given_token(): string | undefined {
    return this.globals.token ?? (this.io.env['NOX_TOKEN'] || undefined);
  }

  get now_ms(): number {
    return this.io.now();
  }

  /** Columns of the terminal; undefined when stdout is none. */
  get width(): number | undefined {
    return this.io.stdout.isTTY === true ? this.io.stdout.columns : undefined;
  }

  /** The client with the given token or the stored login, which it renews by itself. */
  client(): Promise<NoxClient> {
    this.opened ??= this.openClient(this);
    return this.opened;
  }

  /** Data for stdout. */
  print(text: string): void {
    this.io.stdout.write(text);
  }

  /** One JSON value on one line: a whole answer, or one of a stream. */
  printJson(value: unknown): void {
    this.print(`${JSON.stringify(value)}\n`);
  }

  /** A table in the width of the terminal. */
  printTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    this.print(table(columns, rows, { width: this.width, head: this.style.dim }));
  }

  /** A line of words for the person. */
  say(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  /** The answer as JSON if that was asked for, else as `show` prints it. */
  answer<T>(value: T, show: (value: T) => void): void {
    if (this.json) this.printJson(value);
    else show(value);
  }

  /** Whether a person can be asked. */
  get interactive(): boolean {
    return this.io.stdin.isTTY === true && this.io.stderr.isTTY === true;
  }

  /** Returns when the person agrees. Throws CONFIRMATION_REQUIRED when nobody can be asked, ends with 1 on a no. */
  async confirm(question: string, yes: boolean | undefined): Promise<void> {
    if (yes === true) return;
    if (!this.interactive) {
      throw new CliError('CONFIRMATION_REQUIRED', `${question} There is no terminal to ask on: add --yes to do it.`);
    }
    const answer = await ask(this.io, `${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
    this.say('Nothing was changed.');
    throw new Exit(1);
  }

  /** A password from the terminal without echo, or from stdin when that was asked for. */
  async password(question: string, from_stdin: boolean | undefined): Promise<string> {
    if (from_stdin === true) return readAll(this.io.stdin);
    if (!this.interactive) throw usageError('There is no terminal to ask for a password: use --password-stdin.');
    return ask(this.io, question, { echo: false });
  }
}

/** Makes what a command works with from the options that it was given. */
export type CliOf = (command: Command) => Cli;

/** Throws a usage error for what is no http address. `host:port` alone is taken as http. */
export function normalUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(`${text} is no address of a server, such as ${DEFAULT_URL}.`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

/** Where a server that is started with this environment listens. Throws a usage error for what is no port. */
export function localUrl(env: Readonly<Record<string, string | undefined>>): string {
  const port = env['NOX_PORT'] || String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw usageError(`NOX_PORT is "${port}"; it must be a port, 0 to 65535.`);
  const given = env['NOX_HOST'] ?? '';
  const host = EVERYWHERE.has(given) ? '127.0.0.1' : given;
  // With port 0 the system chooses one that nobody knows here.
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${Number(port) || DEFAULT_PORT}`;
}
