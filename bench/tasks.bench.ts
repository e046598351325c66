import { once } from 'node:events';
import { watch as fsWatch } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watch } from 'chokidar';
import { io } from 'socket.io-client';
import { launchBrowser, logIn, openPage } from '../test/support/browser.js';
import { fakeAgent } from '../test/support/fake-agent.js';
import { NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { eventually, within } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { figures, wallClock } from './lib/stats.js';

/** With the agent that is awake, as many as may be registered. */
const FILES = 999;
const PAUSE_MS = 40;
/** From one file to the next: no divisor of their number, so that each save is of another file. */
const STEP = 41;
const BOUND_MS = 10_000;

/** From the save in an editor, a new file put in the place of the old one, to whoever looks; beside watchers alone. */
export const tasks: Bench = {
  name: 'tasks',
  async run({ quick }): Promise<Row[]> {
    const saves = quick ? 20 : 200;
    const files = quick ? 100 : FILES;
    const nox = await measureNox(files, saves);
    const beside = [
      { name: 'chokidar alone', ...figures(await measureWatcher(files, saves, chokidarOn)) },
      { name: 'fs.watch alone', ...figures(await measureWatcher(files, saves, fsWatchOn)) },
    ];
    const row = (what: string, samples: readonly number[], below: number): Row => {
      const found = figures(samples);
      const target = { below, ...(found.p99 === undefined ? {} : { of: 'p99' as const }) };
      return { what, unit: 'ms', ...found, target, beside, runs: samples.length };
    };
    return [
      {
        ...row(`task file saved, ${files} files, to the event of the API`, nox.api, 100),
        note: 'a task more; on the way Nox reads and parses the file, gives the task its id in it, and journals both; 40 ms of it is that the file must be left alone so long',
      },
      row('the same to the socket of a browser', nox.socket, 100),
      { ...row('the same to the card on the board in Chromium', nox.board, 300), note: 'in the DOM' },
      { ...row('the same to the turn of its agent', nox.turn, 1000), note: 'a fake agent, awake and idle' },
      {
        ...row('a task taken out of such a file, to the event of the API', nox.gone, 300),
        note: '120 ms more: a file that has lost tasks may be half written, and must stay as it is to be believed',
      },
    ];
  },
};

const idOf = (n: number): string => `agent-${String(n).padStart(4, '0')}`;
const TODO = '## 📋 Todo\n';
const fileText = (n: number): string => `# Tasks for ${idOf(n)}\n\n${TODO}`;

async function save(folder: string, name: string, text: string): Promise<void> {
  await writeFile(join(folder, `.${name}.swp`), text);
  await rename(join(folder, `.${name}.swp`), join(folder, name));
}

interface Samples {
  readonly api: number[];
  readonly gone: number[];
  readonly socket: number[];
  readonly board: number[];
  readonly turn: number[];
}

async function measureNox(files: number, saves: number): Promise<Samples> {
  await using server = await NoxServer.start();
  for (let n = 0; n < files; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, files - n) }, (_, k) =>
        server.call('agents_create', { body: { id: idOf(n + k), name: idOf(n + k), system_prompt: 'You wait.' } }),
      ),
    );
  const folder = join(server.registry, 'tasks');
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < files; n += 1) await writeFile(join(folder, `${idOf(n)}.md`), fileText(n));
  await delay(3000);
  const told = await measureEvents(server, folder, files, saves);
  const few = Math.ceil(saves / 4);
  const gone = await measureGone(server, folder, files, few);
  return {
    ...told,
    gone,
    turn: await measureTurns(server, folder, few),
    board: await measureBoard(server, folder, files, few),
  };
}

/** To a stream of the API and to a socket, both open all the time. */
async function measureEvents(
  server: NoxServer,
  folder: string,
  files: number,
  saves: number,
): Promise<{ api: number[]; socket: number[] }> {
  const socket = io(server.url, { transports: ['websocket'], auth: { token: server.access_token }, forceNew: true });
  const seen = { api: new Map<string, () => void>(), socket: new Map<string, () => void>() };
  socket.on('events', (batch: { type: string; payload: { task?: { title: string } } }[]) => {
    for (const { type, payload } of batch) if (type === 'task.created') seen.socket.get(payload.task?.title ?? '')?.();
  });
  const closing = new AbortController();
  const stream = server.events({ areas: ['task'], signal: closing.signal });
  const following = (async () => {
    for await (const event of stream) if (event.type === 'task.created') seen.api.get(event.payload.task.title)?.();
  })();
  try {
    await within('the socket', new Promise<void>((resolve) => socket.once('connect', resolve)));
    await socket.emitWithAck('subscribe', { rooms: ['task'] });
    const samples = { api: [] as number[], socket: [] as number[] };
    for (let n = 0; n < saves; n += 1) {
      const title = `Task number ${n}`;
      const at = (n * STEP) % files;
      let start = 0;
      const arrivals = (['api', 'socket'] as const).map(
        (way) =>
          new Promise<void>((resolve) => {
            seen[way].set(title, () => {
              samples[way].push(performance.now() - start);
              resolve();
            });
          }),
      );
      const before = await readFile(join(folder, `${idOf(at)}.md`), 'utf8');
      start = performance.now();
      await save(folder, `${idOf(at)}.md`, `${before}- [ ] ${title}\n`);
      await within(`the event of ${title}`, Promise.all(arrivals), BOUND_MS);
      await delay(PAUSE_MS);
    }
    return samples;
  } finally {
    socket.disconnect();
    closing.abort();
    await following;
  }
}

/** The tasks that were added before are taken out, one file after another. */
async function measureGone(server: NoxServer, folder: string, files: number, saves: number): Promise<number[]> {
  const closing = new AbortController();
  const { last_seq } = await server.call('system_status');
  const stream = server.events({ after_seq: last_seq, areas: ['task'], signal: closing.signal });
  let gone: () => void = () => undefined;
  const following = (async () => {
    for await (const { type } of stream) if (type === 'task.status_changed') gone();
  })();
  const samples: number[] = [];
  try {
    for (let n = 0; n < saves; n += 1) {
      const at = (n * STEP) % files;
      const seen = new Promise<void>((resolve) => (gone = resolve));
      const start = performance.now();
      await save(folder, `${idOf(at)}.md`, fileText(at));
      await within(`the end of the task of ${idOf(at)}`, seen, BOUND_MS);
      samples.push(performance.now() - start);
      await delay(PAUSE_MS);
    }
    return samples;
  } finally {
    closing.abort();
    await following;
  }
}

/** Until its agent, which is awake, has been given the task; one after another. */
async function measureTurns(server: NoxServer, folder: string, saves: number): Promise<number[]> {
  await server.call('agents_create', { body: fakeAgent('awake') });
  const closing = new AbortController();
  const stream = server.events({ agent_id: 'awake', signal: closing.signal });
  const samples: number[] = [];
  let start = 0;
  let ended: () => void = () => undefined;
  const following = (async () => {
    for await (const { type } of stream) {
      if (type === 'turn.started') samples.push(performance.now() - start);
      if (type === 'turn.ended') ended();
    }
  })();
  try {
    for (let n = 0; n < saves; n += 1) {
      const end = new Promise<void>((resolve) => (ended = resolve));
      const before = n === 0 ? `# Tasks for awake\n\n${TODO}` : await readFile(join(folder, 'awake.md'), 'utf8');
      start = performance.now();
      await save(folder, 'awake.md', before.replace(TODO, `${TODO}- [ ] Turn number ${n}\n`));
      await within(`turn ${n}`, end, BOUND_MS);
      await delay(4 * PAUSE_MS);
    }
    return samples;
  } finally {
    closing.abort();
    await following;
  }
}

/** Until the card is in the document of a page that shows the board. */
async function measureBoard(server: NoxServer, folder: string, files: number, saves: number): Promise<number[]> {
  const browser = await launchBrowser();
  try {
    const { page } = await openPage(browser, server.url);
    page.setDefaultTimeout(BOUND_MS);
    await logIn(page, server);
    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.getByRole('list', { name: 'Board' }).waitFor();
    await page.evaluate(NOTES_CARDS);
    const samples: number[] = [];
    for (let n = 0; n < saves; n += 1) {
      const title = `Card number ${n}`;
      const at = (n * STEP + 11) % files;
      const before = await readFile(join(folder, `${idOf(at)}.md`), 'utf8');
      const start = wallClock();
      await save(folder, `${idOf(at)}.md`, `${before}- [ ] ${title}\n`);
      // Not waitForFunction: the page's policy forbids its eval.
      const there = await eventually(title, () => page.evaluate<number>(`window.cards.get(${JSON.stringify(title)})`));
      samples.push(there - start);
      await delay(PAUSE_MS);
    }
    return samples;
  } finally {
    await browser.close();
  }
}

/** Keeps when the title of a card came into the document. */
const NOTES_CARDS = `
  window.cards = new Map();
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const { textContent } of document.querySelectorAll('.card-title'))
      if (!window.cards.has(textContent)) window.cards.set(textContent, now);
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
`;

type Watching = (folder: string, seen: (name: string) => void) => Promise<() => Promise<void> | void>;

const chokidarOn: Watching = async (folder, seen) => {
  const watcher = watch(folder, { ignoreInitial: true, depth: 0 });
  watcher.on('all', (_, path) => seen(path.slice(folder.length + 1)));
  await once(watcher, 'ready');
  return () => watcher.close();
};

const fsWatchOn: Watching = (folder, seen) => {
  const watcher = fsWatch(folder, (_, name) => seen(name ?? ''));
  return Promise.resolve(() => watcher.close());
};

async function measureWatcher(files: number, saves: number, on: Watching): Promise<number[]> {
  await using dir = await makeTempDir('nox-bench-watch-');
  for (let n = 0; n < files; n += 1) await writeFile(join(dir.path, `${idOf(n)}.md`), fileText(n));
  let wanted = '';
  let arrived: () => void = () => undefined;
  const close = await on(dir.path, (name) => {
    if (name === wanted) arrived();
  });
  const samples: number[] = [];
  try {
    for (let n = 0; n < saves; n += 1) {
      const at = (n * STEP) % files;
      const seen = new Promise<void>((resolve) => (arrived = resolve));
      wanted = `${idOf(at)}.md`;
      const start = performance.now();
      await save(dir.path, wanted, `${fileText(at)}- [ ] Task number ${n}\n`);
      await within('the watcher', seen, 10_000);
      samples.push(performance.now() - start);
      wanted = '';
      await delay(PAUSE_MS);
    }
  } finally {
    await close();
  }
  return samples;
}
