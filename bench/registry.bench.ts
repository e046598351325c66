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
    ];
  },
};

const AUTHOR = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost'];

/** The registry's file with one agent changed. */
async function edited(folder: string, n: number): Promise<string> {
  const text = await readFile(join(folder, 'agents.toml'), 'utf8');
  return text.replace(/^name = .*$/m, `name = "written ${n}"`);
}
