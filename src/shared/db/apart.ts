import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Row } from './state-db.js';

/** Plain JavaScript, as a worker needs no build step of its own that way. */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(workerData.path);
  const rows = workerData.statements.map((sql) => db.prepare(sql).all());
  db.close();
  parentPort.postMessage(rows);
`;

/** Runs statements on a database file that nobody else uses, in a thread of its own: a long one makes nobody wait. */
export async function runApart(path: string, statements: readonly string[]): Promise<Row[][]> {
  const worker = new Worker(PROGRAM, {
    eval: true,
    workerData: { path, statements },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  try {
    // `once` rejects with what the thread throws.
    const [rows] = (await once(worker, 'message')) as [Row[][]];
    return rows;
  } finally {
    await worker.terminate();
  }
}
