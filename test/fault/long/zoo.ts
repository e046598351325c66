import { spawn } from 'node:child_process';
import { createProcessHost } from '../../../src/agents/process/native-process-host.js';
import type { Confinement, ProcessHost } from '../../../src/agents/process/process-host.js';
import { killMarked, livingWith, newMark, startTree, Watched } from '../process-support.js';
import { ESCAPES_GROUP, TREES } from '../zoo-trees.js';
import { type LongReport, quantile, type Say, secondsSince } from './report.js';

export interface ZooOptions {
  readonly times: number;
  /** One rung only. */
  readonly rung?: string | undefined;
  /** Also an end that comes later than P2 allows is a violation: says something of a machine that does nothing else. */
  readonly in_time?: boolean;
  readonly say: Say;
}

const GRACE_MS = 300;
const BESIDE_EACH_OTHER = 5;
/** RELIABILITY P2: nothing lives this long after the grace. */
const LIMIT_MS = GRACE_MS + 2000;

/** Ends every hostile tree so many times on every rung, some of them beside each other; bystanders must never notice. */
export async function runZoo({ times, rung: only, in_time = false, say }: ZooOptions): Promise<LongReport> {
  const began = performance.now();
  const best = createProcessHost();
  await best.ready();
  const all = [...new Set<Confinement>([best.confinement(), best.confinement('off'), 'process-group'])];
  const rungs = all.filter((rung) => only === undefined || rung === only);
  const broken: string[] = [];
  const took_ms: number[] = [];
  for (const rung of rungs) {
    const host = createProcessHost({ rung });
    await host.ready();
    const stranger = spawn('sleep', [newMark()]);
    const sibling_mark = newMark();
    const sibling = await startTree(host, 'ignores-term.sh', sibling_mark);
    const innocents = new Watched([...(await sibling.tree()), stranger.pid ?? 0]);
    const before = innocents.living().length;
    try {
      for (let round = 1; round <= times; round += 1) {
        for (let at = 0; at < TREES.length; at += BESIDE_EACH_OTHER) {
          const some = TREES.slice(at, at + BESIDE_EACH_OTHER);
          for (const end of await Promise.all(some.map((file) => endOne(host, rung, file)))) {
            took_ms.push(end.took_ms);
            if (in_time && end.took_ms > LIMIT_MS) {
              broken.push(`${rung}, round ${round}: ${end.file} took ${Math.round(end.took_ms)} ms`);
            }
            broken.push(...end.broken.map((what) => `${rung}, round ${round}: ${what}`));
          }
        }
        if (innocents.living().length !== before) broken.push(`${rung}, round ${round}: a bystander is gone`);
        if (round % 10 === 0) say(`${rung}: ${round} rounds, ${broken.length} violations ${broken.at(-1) ?? ''}`);
      }
    } finally {
      await sibling.end({ grace_ms: 0 });
      stranger.kill('SIGKILL');
      killMarked();
    }
  }
  return {
    rungs,
    trees: TREES.length,
    times,
    ends: took_ms.length,
    took_s: secondsSince(began),
    end_ms: { median: Math.round(quantile(took_ms, 0.5)), max: Math.round(quantile(took_ms, 1)) },
    violations: broken,
  };
}

async function endOne(host: ProcessHost, rung: Confinement, file: string) {
  const mark = newMark();
  const broken: string[] = [];
  const run = await startTree(host, file, mark);
  const watched = new Watched([run.identity.pid, ...(await run.tree()), ...livingWith(mark)]);
  const began = performance.now();
  await run.end({ grace_ms: GRACE_MS });
  const took_ms = performance.now() - began;
  const may_live = rung === 'process-group' && ESCAPES_GROUP.has(file) ? 1 : 0;
  const left = new Set([...livingWith(mark), ...watched.living()]);
  if (left.size > may_live) broken.push(`${left.size} processes of ${file} live`);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  return { file, took_ms, broken };
}
