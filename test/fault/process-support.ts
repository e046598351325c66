import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess, ProcessHost } from '../../src/agents/process/process-host.js';
import { isAlive } from '../../src/agents/process/process-tree.js';
import { argvOf, readRow } from '../../src/agents/process/procfs.js';

const TREES = join(process.cwd(), 'test/fixtures/trees');

export const ENV = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };

const marks: string[] = [];

/** A number of seconds that nobody else sleeps: in the arguments of every process of one tree. */
export function newMark(): string {
  const mark = `86400.${process.pid}${String(marks.length).padStart(4, '0')}`;
  marks.push(mark);
  return mark;
}

let runs = 0;
export const newRunId = (): string => `run_test_${process.pid}_${(runs += 1)}`;

/** The argument vector of a program of test/fixtures/trees. */
export function treeArgv(file: string, mark: string): [string, ...string[]] {
  const path = join(TREES, file);
  return file.endsWith('.mjs') ? [process.execPath, path, mark] : ['/bin/sh', path, mark];
}

const isLiving = (pid: number): boolean => {
  const row = readRow(pid);
  return row !== null && isAlive(row);
};

/** Pids of living processes with this mark among their arguments. */
export function livingWith(mark: string): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => argvOf(pid).some((arg) => arg.includes(mark)) && isLiving(pid));
}

/** Those of these processes that still live; known by pid and start, as they were when first seen. */
export class Watched {
  private readonly starts: ReadonlyMap<number, number | undefined>;

  constructor(pids: readonly number[]) {
    this.starts = new Map(pids.map((pid) => [pid, readRow(pid)?.start_ticks]));
  }

  living(): number[] {
    return [...this.starts]
      .filter(([pid, start]) => readRow(pid)?.start_ticks === start && isLiving(pid))
      .map(([p]) => p);
  }
}

/** Waits, for at most 5 s, until nothing answers any more; only for ends that nobody announces. */
export async function untilEmpty(look: () => number[]): Promise<void> {
  const give_up = performance.now() + 5_000;
  while (look().length > 0 && performance.now() < give_up) await sleep(10);
}

/** The first line of a stream; the rest is read and dropped. */
export async function firstLine(stream: Readable): Promise<string> {
  const lines = createInterface({ input: stream });
  const [line] = (await once(lines, 'line')) as [string];
  lines.close();
  stream.resume();
  return line;
}

/** Starts a tree of test/fixtures/trees and waits until it stands. */
export async function startTree(host: ProcessHost, file: string, mark: string): Promise<ManagedProcess> {
  const run = await host.spawn({ run_id: newRunId(), argv: treeArgv(file, mark), cwd: '/', env: ENV });
  run.stderr.resume();
  await firstLine(run.stdout);
  return run;
}

/** A shell script as a run, its streams not read. */
export function startShell(host: ProcessHost, script: string, ...args: string[]): Promise<ManagedProcess> {
  return host.spawn({ run_id: newRunId(), argv: ['/bin/sh', '-c', script, 'test', ...args], cwd: '/', env: ENV });
}

export async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString();
}

/** SIGKILL to what the tests of this file left behind, by mark: never to anything else. */
export function killMarked(): void {
  for (const pid of marks.flatMap(livingWith)) process.kill(pid, 'SIGKILL');
}
