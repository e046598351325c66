import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock, SystemClock } from '../../src/shared/clock.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { parseTasks } from '../../src/tasks/document/parse.js';
import { readTaskFile } from '../../src/tasks/safe-read.js';
import { TaskBook } from '../../src/tasks/task-book.js';
import { TaskWatcher } from '../../src/tasks/task-watcher.js';
import { eventually } from '../support/wait.js';
import { Kit } from './registry-kit.js';

/** How often each is tried; `npm run chaos -- --only tasks` for the long run. */
const OPS = Number(process.env['NOX_NIGHTLY'] ?? 500);
const SWAPS = OPS;
const FILES = Array.from({ length: 8 }, (_, n) => `agent-${n}`);

/** A small generator, so that a run can be had again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describe('the watch on task files', () => {
  let kit: Kit;
  let registry: RegistryService;
  let db: StateDb;
  let events: EventLog;
  let book: TaskBook;
  let watcher: TaskWatcher;
  const folder = () => join(kit.root, 'tasks');
  const path = (agent: string) => join(folder(), `${agent}.md`);
  const ofAgent = (agent: string) => [...book.all().values()].filter((task) => task.agent_id === agent && task.in_file);

  beforeEach(async () => {
    kit = await Kit.make();
    registry = await kit.open();
    const clock = new SystemClock();
    db = new StateDb(':memory:');
    events = new EventLog(db, clock);
    book = new TaskBook(registry, db, events, clock);
    watcher = new TaskWatcher(book, clock);
    mkdirSync(folder(), { recursive: true });
  });
  afterEach(async () => {
    await watcher.close();
    db.close();
    await kit.remove();
  });

  /** True when the book says of every file what stands in it. */
  const inStep = (): boolean =>
    FILES.every((agent) => {
      let text = '';
      try {
        text = readFileSync(path(agent), 'utf8');
      } catch {
        return ofAgent(agent).length === 0;
      }
      const parsed = parseTasks(text, book.zone);
      if (!parsed.ok) return false;
      const there = parsed.document.tasks.map(({ id, title, status }) => `${id} ${title} ${status}`).sort();
      const known = ofAgent(agent)
        .map(({ id, title, status }) => `${id} ${title} ${status}`)
        .sort();
      return !there.some((line) => line.startsWith('null')) && JSON.stringify(there) === JSON.stringify(known);
    });

  /** What is written last is taken in last, so nothing else is under way any more. */
  const settled = async (n: number) => {
    writeFileSync(path('sentinel'), `## Todo\n- [ ] mark ${n} <!-- id: t-sentinel${n} -->\n`);
    await eventually('the sentinel', () => book.all().has(`t-sentinel${n}`));
    await book.idle();
  };

  for (const backend of ['native', 'polling'] as const) {
    it(
      `sees each of ${OPS} changes once and ends as the disk is (${backend}) [W1]`,
      async () => {
        await book.start();
        await watcher.start({ backend });
        const roll = dice(20261121);
        let made = 0;
        for (let op = 0; op < OPS; op += 1) {
          const agent = FILES[roll(FILES.length)] ?? '';
          const text = `# Notes ${op}\n\n## Todo\n${Array.from({ length: roll(4) }, () => `- [ ] task ${(made += 1)} <!-- id: t-x${made} -->\n`).join('')}`;
          switch (roll(6)) {
            case 0:
              writeFileSync(path(agent), text);
              break;
            case 1:
              rmSync(path(agent), { force: true });
              writeFileSync(path(agent), text);
              break;
            case 2:
              rmSync(path(agent), { force: true });
              break;
            case 3:
              mkdirSync(join(folder(), 'sub'), { recursive: true });
              rmSync(join(folder(), 'sub'), { recursive: true });
              break;
            case 4:
              for (let n = 0; n < 5; n += 1) {
                writeFileSync(`${path(agent)}~`, `${text}${n}\n`);
                renameSync(`${path(agent)}~`, path(agent));
              }
              break;
            default:
              writeFileSync(join(folder(), '.swp-of-an-editor'), text);
              renameSync(join(folder(), '.swp-of-an-editor'), path(agent));
          }
          if (op % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const written_ms = performance.now();
        await eventually('model and disk agree', inStep);
        const settle_ms = performance.now() - written_ms;
        await settled(1);
        const seq = events.lastSeq();
        await settled(2);
        const later = events.since(seq).map((event) => event.type);
        // Nox's own writes, and the end of the storm, are no news: only the sentinel is.
        expect(later.filter((type) => type === 'task.created')).toHaveLength(1);
        expect(later.length).toBeLessThanOrEqual(3);
        const created = new Map<string, number>();
        for (let from = 0; ;) {
          const page = events.since(from, { limit: 1000 });
          if (page.length === 0) break;
          for (const event of page)
            if (event.type === 'task.created')
              created.set(event.payload.task.id, (created.get(event.payload.task.id) ?? 0) + 1);
          from = page.at(-1)?.seq ?? from;
        }
        expect([...created.values()].every((times) => times === 1)).toBe(true);
        if (process.env['NOX_FIGURES'] !== undefined)
          process.stderr.write(`W1 ${backend}: ${OPS} ops, settled in ${Math.round(settle_ms)} ms\n`);
      },
      Math.max(120_000, OPS * 60),
    );
  }

  it(
    'reads nothing from outside and waits for nobody [W2]',
    async () => {
      const outside = join(kit.base, 'outside.md');
      writeFileSync(outside, '## Todo\n- [ ] SECRET-OUTSIDE\n');
      symlinkSync('/etc/passwd', path('to-passwd'));
      symlinkSync('../../outside.md', path('to-parent'));
      symlinkSync('/dev/zero', path('to-zero'));
      symlinkSync('loop-b.md', path('loop-a'));
      symlinkSync('loop-a.md', path('loop-b'));
      symlinkSync('nowhere.md', path('broken'));
      mkdirSync(path('a-folder'));
      execFileSync('mkfifo', [path('a-fifo')]);
      writeFileSync(path('sparse'), '');
      truncateSync(path('sparse'), 5 * 1024 ** 3);
      writeFileSync(path('bytes'), Buffer.from([0x2d, 0xff, 0xfe]));
      const socket = createServer().listen(path('a-socket'));
      await once(socket, 'listening');
      const before = process.memoryUsage().rss;
      await book.start();
      await watcher.start();
      await settled(1);
      expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
      const refused = book.fileProblems().map(({ agent_id }) => agent_id);
      expect(refused.sort()).toEqual(
        [
          'a-fifo',
          'a-folder',
          'a-socket',
          'broken',
          'bytes',
          'loop-a',
          'loop-b',
          'sparse',
          'to-parent',
          'to-passwd',
          'to-zero',
        ].sort(),
      );
      for (const name of refused) {
        const file = await book.file(name);
        expect(file.text).toBe('');
        await expect(book.change([name], 'admin', () => undefined)).rejects.toMatchObject({
          code: 'TASK_FILE_INVALID',
        });
      }
      expect(JSON.stringify([...book.all().values()])).not.toMatch(/SECRET-OUTSIDE|root:/);
      expect(readdirSync(kit.base)).toContain('outside.md');
      socket.close();

      // Swapped while it is read: a file, then a link to outside, again and again.
      const victim = path('swapped');
      writeFileSync(join(folder(), 'good'), '## Todo\n- [ ] inside\n');
      const swaps = { over: false };
      const swapping = (async () => {
        for (let n = 0; !swaps.over; n += 1) {
          const next = join(folder(), `next${n % 2}`);
          rmSync(next, { force: true });
          if (n % 2 === 0) symlinkSync(outside, next);
          else writeFileSync(next, '## Todo\n- [ ] inside\n');
          renameSync(next, victim);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const seen = new Set<string>();
      for (let n = 0; n < SWAPS; n += 1) {
        const read = await readTaskFile(folder(), 'swapped.md');
        seen.add(read.kind);
        if (read.kind === 'text') expect(read.text).not.toContain('SECRET');
      }
      swaps.over = true;
      await swapping;
      expect(seen.has('text')).toBe(true);
      expect(seen.has('refused')).toBe(true);
    },
    Math.max(120_000, OPS * 30),
  );

  it('gives a removed file its time once, and lets nobody else wait for it', async () => {
    const clock = new ManualClock();
    book = new TaskBook(registry, db, events, clock);
    writeFileSync(path('worker'), '## Todo\n- [ ] one <!-- id: t-one -->\n');
    await book.takeIn('worker');
    rmSync(path('worker'));
    const look = book.takeIn('worker');
    // The clock stands still: whoever waits with it waits for ever.
    await book.change(['other'], 'admin', () => undefined);
    expect(book.get('t-one').status).toBe('todo');
    await eventually('it is believed', () => {
      clock.advance(400);
      return book.get('t-one').status === 'cancelled';
    });
    await look;
    await book.takeIn('worker');
    await book.change(['worker'], 'admin', () => undefined);
  });

  it('keeps the last good file in force while a line is wrong, and leaves it untouched', async () => {
    await book.start();
    await watcher.start();
    writeFileSync(path('worker'), '## Todo\n- [ ] good <!-- id: t-good -->\n');
    await eventually('the task', () => book.all().get('t-good')?.in_file);
    const bad = '## Todo\n- [ ] good <!-- id: t-good -->\n- [ ] bad (Priority: SOON)\n';
    writeFileSync(path('worker'), bad);
    const [problem] = await eventually('the problem', () => {
      const found = book.fileProblems();
      return found.length > 0 ? found : undefined;
    });
    expect(problem).toMatchObject({ agent_id: 'worker', problems: [{ line: 3 }] });
    expect(readFileSync(path('worker'), 'utf8')).toBe(bad);
    expect(book.get('t-good').status).toBe('todo');
    writeFileSync(path('worker'), bad.replace('SOON', 'HIGH'));
    await eventually('it is well again', () => book.fileProblems().length === 0);
    expect(ofAgent('worker').map(({ title, priority }) => [title, priority])).toEqual([
      ['good', 'medium'],
      ['bad', 'high'],
    ]);
  });

  it('does what a person does to lines: tick, move, delete, bring back, move to another file', async () => {
    await book.start();
    await watcher.start();
    const head = '## Todo\n';
    writeFileSync(path('worker'), `${head}- [ ] one <!-- id: t-one -->\n- [ ] two <!-- id: t-two -->\n\n## Done\n`);
    await eventually('both', () => book.all().size === 2);
    writeFileSync(path('worker'), `${head}- [x] one <!-- id: t-one -->\n- [ ] two <!-- id: t-two -->\n\n## Done\n`);
    await eventually('it is done', () => book.get('t-one').status === 'done');
    await eventually('its line', () => /## Done\n- \[x\] one \(Completed:/.test(readFileSync(path('worker'), 'utf8')));
    const text = readFileSync(path('worker'), 'utf8');
    writeFileSync(path('worker'), text.replace('- [ ] two <!-- id: t-two -->\n', ''));
    await eventually('it is cancelled', () => book.get('t-two').status === 'cancelled');
    expect(book.get('t-two')).toMatchObject({ reason: 'its line was deleted', in_file: false });
    writeFileSync(path('worker'), text);
    await eventually('it is back', () => book.get('t-two').status === 'todo');
    writeFileSync(path('other'), `${head}- [ ] two <!-- id: t-two -->\n`);
    writeFileSync(path('worker'), text.replace('- [ ] two <!-- id: t-two -->\n', ''));
    await eventually('it has moved', () => book.get('t-two').agent_id === 'other' && book.get('t-two').in_file);
    expect(book.get('t-two').status).toBe('todo');
  });
});
