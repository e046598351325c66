import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { NODE } from '../../test/support/nox-server.js';
import { within } from '../../test/support/wait.js';

export interface ServerCommand {
  readonly args: readonly string[];
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A server under measurement: how long it took to answer, what it weighs. */
export interface RunningServer {
  readonly child: ChildProcess;
  readonly url: string;
  /** From spawn to the first 200 of /health. */
  readonly first_answer_ms: number;
  rssMb(): number;
  stop(): Promise<void>;
}

/** Starts a Node program and asks it for /health every 2 ms until it answers. */
export async function startServer({ args, port, env = {}, cwd }: ServerCommand): Promise<RunningServer> {
  const start = performance.now();
  const child = spawn(NODE, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killNow = (): boolean => child.kill('SIGKILL');
  process.once('exit', killNow);
  child.once('exit', () => process.off('exit', killNow));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (await answers(`${url}/health`)) break;
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}: ${errors}`);
    if (performance.now() - start > 30_000) throw new Error(`${args.join(' ')} does not answer: ${errors}`);
    await delay(2);
  }
  const first_answer_ms = performance.now() - start;
  return {
    child,
    url,
    first_answer_ms,
    rssMb: () => rssMb(child.pid ?? 0),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await within(`end of ${args.join(' ')}`, ended, 20_000);
    },
  };
}

export function rssMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    get(url, { agent: false, timeout: 1000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    }).on('error', () => resolve(false));
  });
