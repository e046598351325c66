import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { simpleGit } from 'simple-git';
import { NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { figures, timed } from './lib/stats.js';

const AGENTS = 50;
const LARGE = { agents: 1000, commits: 10_000 };
/** So many requests under way at a time while the large registry is filled. */
const AT_ONCE = 100;

/** A change of one agent, acknowledged only when it is committed; beside others' ways to write and commit the same file. */
export const registry: Bench = {
  name: 'registry',
  async run({ quick }): Promise<Row[]> {
    const writes = quick ? 30 : 300;
    const peer_writes = quick ? 5 : 40;
    await using server = await NoxServer.start();
    await using copies = await makeTempDir('nox-bench-');
    const ids = await createAgents(server, AGENTS);
    for (const name of ['git', 'simple-git']) await cp(server.registry, join(copies.path, name), { recursive: true });

    const idOf = (n: number): string => ids[n % ids.length] ?? '';
    const change = (n: number) =>
      server.call('agents_update', { params: { id: idOf(n) }, body: { capabilities: [`written-${n}`] } });

    const nox: number[] = [];
    for (let n = 0; n < writes; n += 1) nox.push(await timed(() => change(n)));
    const together_ms = await timed(() => Promise.all(Array.from({ length: writes }, (_, n) => change(writes + n))));

    const git: number[] = [];
    const folder = join(copies.path, 'git');
    for (let n = 0; n < peer_writes; n += 1) {
      const text = await edited(folder, n);
      git.push(
        await timed(async () => {
          await writeFile(join(folder, 'agents.toml'), text);
          await promisify(execFile)('git', [...AUTHOR, 'commit', '-q', '-m', `write ${n}`, '--', 'agents.toml'], {
            cwd: folder,
          });
        }),
      );
    }
    const simple: number[] = [];
    const repository = simpleGit(join(copies.path, 'simple-git'), {
      config: ['user.name=bench', 'user.email=bench@localhost'],
    });
    for (let n = 0; n < peer_writes; n += 1) {
      const text = await edited(join(copies.path, 'simple-git'), n);
      simple.push(
        await timed(async () => {
          await writeFile(join(copies.path, 'simple-git', 'agents.toml'), text);
          await repository.add('agents.toml');
          await repository.commit(`write ${n}`, ['agents.toml']);
        }),
      );
    }
    const beside = [
      { name: 'git commit', ...figures(git) },
      { name: 'simple-git add + commit', ...figures(simple) },
    ];
    return [
      {
        what: `PATCH of an agent of ${AGENTS}, answered when committed`,
        unit: 'ms',
        ...figures(nox),
        target: { below: 8 },
        beside,
        runs: writes,
        note: 'the whole request: HTTP, token, validation, fsync, commit; the others only write the file and commit',
      },
      {
        what: 'the same, all at once',
        unit: '/s',
        median: (writes / together_ms) * 1000,
        target: { at_least: 300 },
        beside: beside.map(({ name, median }) => ({ name: `${name}, one by one`, median: 1000 / median })),
        runs: writes,
        note: 'one commit each',
      },
      ...(await large(quick)),
    ];
  },
};

/** The same in a registry of many agents with a long history, and who changed one of them. */
async function large(quick: boolean): Promise<Row[]> {
  const { agents, commits } = quick ? { agents: 60, commits: 200 } : LARGE;
  const runs = quick ? 10 : 100;
  await using server = await NoxServer.start();
  const ids = Array.from({ length: agents }, (_, n) => `agent-${n}`);
  const body = { name: 'Agent', system_prompt: 'You check what others have written.' };
  await inGroups(ids, (id) => server.call('agents_create', { body: { ...body, id } }));
  const change = (n: number) =>
    server.call('agents_update', {
      params: { id: ids[(n * 7) % agents] ?? '' },
      body: { capabilities: [`written-${n}`] },
    });
  await inGroups(
    Array.from({ length: commits - agents }, (_, n) => n),
    change,
  );

  const one: number[] = [];
  for (let n = 0; n < runs; n += 1) one.push(await timed(() => change(commits + n)));
  const ask = (n: number) =>
    server.call('registry_history', { query: { agent: ids[(n * 13) % agents] ?? '', limit: 20 } });
  const first_ms = await timed(() => ask(0));
  const history: number[] = [];
  for (let n = 0; n < runs; n += 1) history.push(await timed(() => ask(n)));
  const git: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const args = [
      '-C',
      server.registry,
      'log',
      '--format=%H',
      '--max-count=20',
      `--grep=Nox-Object: agent:${ids[n] ?? ''}$`,
    ];
    git.push(await timed(() => promisify(execFile)('git', args)));
  }
  return [
    {
      what: `PATCH of an agent of ${agents}, at ${commits} commits`,
      unit: 'ms',
      ...figures(one),
      target: { below: 20 },
      beside: [],
      runs,
    },
    {
      what: `history of one agent of ${agents}, at ${commits} commits`,
      unit: 'ms',
      ...figures(history),
      target: { below: 100 },
      beside: [{ name: 'git log --grep', ...figures(git) }],
      runs,
      note: `the first question after these writes took ${Math.round(first_ms)} ms`,
    },
  ];
}

async function inGroups<T>(all: readonly T[], job: (one: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) await Promise.all(all.slice(at, at + AT_ONCE).map(job));
}

const AUTHOR = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost'];

/** The registry's file with one agent changed. */
async function edited(folder: string, n: number): Promise<string> {
  const text = await readFile(join(folder, 'agents.toml'), 'utf8');
  return text.replace(/^name = .*$/m, `name = "written ${n}"`);
}
