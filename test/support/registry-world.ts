import { execFile } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RegistryCommit } from '../../src/contracts/registry.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { Kit } from '../integration/registry-kit.js';
import { fsck, WarmWriter } from './registry-crash.js';
import { applyOp } from './registry-ops.js';
import { FILES, marksIn, plain, type Snapshot, snapshotOf, type Texts } from './registry-model.js';

const AGENTS = 'agents.toml';

/** What the registry should be, in memory. */
export interface Model {
  branch: string;
  now: Snapshot;
  /** Per branch, oldest first. */
  readonly chains: Map<string, string[]>;
  readonly versions: Map<string, { readonly snapshot: Snapshot; readonly texts: Texts; readonly order: number }>;
  /** Commits that go back, and what commits merged. */
  readonly rollbacks: Set<string>;
  readonly merged: Map<string, string>;
  /** A save that nobody has looked at yet. */
  unseen: Snapshot | undefined;
  /** Versions that an editor may still have loaded: only writes came since. */
  loaded: string[];
  /** The agent whose edit waits for a person. */
  held: string | undefined;
  invalid: boolean;
  n: number;
}

/** What is not as the model has it. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

const differ = (what: string, found: unknown, foretold: unknown): never => {
  throw new Difference(`${what}: found ${JSON.stringify(found)}, foretold ${JSON.stringify(foretold)}`);
};
export const mustEqual = (what: string, found: unknown, foretold: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(foretold)) differ(what, found, foretold);
};

/** The real registry, with git beside it to look at it from outside. */
export class World {
  registry!: RegistryService;
  private heard: RegistryCommit[] = [];
  /** What somebody saved by hand. */
  private readonly saved: string[] = [];
  private warm: WarmWriter | undefined;

  private constructor(
    readonly kit: Kit,
    private readonly program: string,
    readonly figures: Record<string, number>,
  ) {}

  static async make(program: string, figures: Record<string, number>): Promise<{ model: Model; real: World }> {
    const world = new World(await Kit.make('in_memory'), program, figures);
    await world.open();
    await applyOp(world.registry, { do: 'create', id: 'root', name: 'Root' });
    world.heard = [];
    const model: Model = {
      branch: 'main',
      now: { agents: {}, peers: [], port: 0 },
      chains: new Map([['main', []]]),
      versions: new Map(),
      rollbacks: new Set(),
      merged: new Map(),
      unseen: undefined,
      loaded: [],
      held: undefined,
      invalid: false,
      n: 0,
    };
    for (const hash of (await world.kit.git('rev-list', '--reverse', 'main')).split('\n')) {
      await world.learn(model, hash);
    }
    return { model, real: world };
  }

  async open(): Promise<void> {
    this.registry = await this.kit.open();
    this.heard.push(...this.registry.opening_commits);
    this.registry.onCommit((commit) => this.heard.push(commit));
  }

  get path(): string {
    return join(this.kit.root, AGENTS);
  }

  text(): Promise<string> {
    return readFile(this.path, 'utf8');
  }

  /** A person saves. */
  save(text: string, by_rename: boolean): void {
    this.saved.push(text);
    if (!by_rename) return writeFileSync(this.path, text);
    writeFileSync(`${this.path}~`, text);
    renameSync(`${this.path}~`, this.path);
  }

  writer(): WarmWriter {
    const warm = this.warm ?? new WarmWriter(this.program, this.kit.root);
    this.warm = undefined;
    return warm;
  }

  warmUp(): void {
    this.warm ??= new WarmWriter(this.program, this.kit.root);
  }

  async textsAt(hash: string): Promise<Texts> {
    const texts = await Promise.all(FILES.map((file) => this.kit.git('show', `${hash}:${file}`)));
    return new Map(FILES.map((file, n) => [file, `${texts[n]}\n`]));
  }

  /** Takes a commit for the newest of the branch in force, as git has it. */
  async learn(model: Model, hash: string, foretold?: Snapshot): Promise<void> {
    const texts = await this.textsAt(hash);
    const snapshot = snapshotOf(texts);
    if (foretold !== undefined) mustEqual(`commit ${hash}`, plain(snapshot), plain(foretold));
    model.versions.set(hash, { snapshot, texts, order: model.versions.size });
    model.chains.get(model.branch)?.push(hash);
    model.now = snapshot;
  }

  /** The commits that were told since the last time must be those that were foretold. */
  async learnAll(model: Model, foretold: readonly Snapshot[]): Promise<void> {
    const heard = this.heard.splice(0);
    if (heard.length !== foretold.length)
      differ(
        'commits',
        heard.map(({ author, action }) => `${author} ${action}`),
        foretold.length,
      );
    for (const [n, { hash, rollback_to, merge_of }] of heard.entries()) {
      await this.learn(model, hash, foretold[n]);
      if (rollback_to !== null) model.rollbacks.add(hash);
      if (merge_of !== null) model.merged.set(hash, merge_of);
    }
  }

  /** Forgets what was told: after a crash git alone says what there is. */
  unhear(): void {
    this.heard = [];
  }

  /** Memory, folder, index and HEAD say what the model says. */
  async settled(model: Model): Promise<void> {
    this.figures['checks'] = (this.figures['checks'] ?? 0) + 1;
    const { registry, kit } = this;
    const head = model.chains.get(model.branch)?.at(-1) ?? '';
    const status = await kit.git('--no-optional-locks', 'status', '--porcelain=v2', '--branch', '-uall');
    const rows = status.split('\n');
    mustEqual('HEAD', rows[0], `# branch.oid ${head}`);
    mustEqual('branch', rows[1], `# branch.head ${model.branch}`);
    const out = model.held !== undefined || model.invalid;
    const dirty = rows.slice(2).map((row) => row.split(' ').at(-1));
    mustEqual('folder against index and HEAD', dirty, out ? [AGENTS] : []);
    const folder = new Map<string, string>(
      await Promise.all(FILES.map(async (file) => [file, await readFile(join(kit.root, file), 'utf8')] as const)),
    );
    for (const [file, text] of model.versions.get(head)?.texts ?? [])
      if (!(out && file === AGENTS)) mustEqual(`${file} in the folder`, folder.get(file)?.trimEnd(), text.trimEnd());
    const intent = registry.intent();
    const memory = [...intent.agents].map(([id, { name, system_prompt }]) => JSON.stringify([id, name, system_prompt]));
    const agents = Object.entries(model.now.agents).map(([id, facts]) =>
      JSON.stringify([id, facts['name'], facts['system_prompt']]),
    );
    mustEqual('agents in memory', memory.sort(), agents.sort());
    mustEqual('port in memory', intent.config.server.port, model.now.port);
    mustEqual(
      'peers in memory',
      intent.relationships.map(({ from, to }) => `${from} -> ${to}`).sort(),
      model.now.peers,
    );
    if (!model.invalid && model.held !== undefined) {
      const waiting = withEnv(model.now, model.held);
      mustEqual('what waits on the disk', plain(snapshotOf(folder)), plain(waiting));
    }
    const { edits } = await registry.external.view();
    mustEqual(
      'edits',
      edits.map(({ state }) => state),
      model.invalid ? ['invalid'] : model.held === undefined ? [] : ['held'],
    );
  }

  /** At the end: the same story everywhere, and every version that reached the disk in git. */
  async story(model: Model): Promise<void> {
    const { registry, kit } = this;
    const chain = (model.chains.get(model.branch) ?? []).toReversed();
    const { commits } = await registry.history({ limit: 500 });
    const log = (await kit.git('log', '--format=%H %an', model.branch)).split('\n');
    mustEqual(
      'history',
      commits.map(({ hash, author }) => `${hash} ${author}`),
      log,
    );
    mustEqual(
      'git log',
      log.map((row) => row.slice(0, 40)),
      chain,
    );
    const objects = (await kit.git('rev-list', '--objects', '--all')).split('\n');
    const there = new Set(objects.map((row) => row.slice(0, 40)));
    for (const hashes of model.chains.values())
      for (const hash of hashes) if (!there.has(hash)) differ('acknowledged commit', `${hash} is gone`, 'in git');
    const texts = new Set((await blobsOf(kit.root)).map(untimed));
    for (const text of this.saved) if (!texts.has(untimed(text))) differ('a save by hand is gone', text, 'in git');
    mustEqual('git fsck', await fsck(kit.root), '');
  }

  async end(): Promise<void> {
    this.warm?.dismiss();
    await this.kit.remove();
  }
}

export const withEnv = (now: Snapshot, id: string): Snapshot => ({
  ...now,
  agents: { ...now.agents, [id]: { ...now.agents[id], env: { TOKEN: 'env:TOKEN' } } },
});

/** What an API write must leave of the comments and unknown keys that stood there. */
export function mustKeepMarks(before: string, after: string, gone: readonly string[] = []): void {
  const kept = marksIn(after);
  const lost = [...marksIn(sectionsBut(before, gone))].filter((mark) => !kept.has(mark));
  mustEqual('comments and unknown keys that were lost', lost, []);
}

/** A text without the tables of some agents. */
function sectionsBut(text: string, gone: readonly string[]): string {
  return text
    .split(/^(?=\[)/m)
    .filter(
      (section) => !gone.some((id) => section.startsWith(`[agents.${id}]`) || section.startsWith(`[agents.${id}.`)),
    )
    .join('');
}

/** Every text that git holds, also those of branches that were deleted. */
async function blobsOf(root: string): Promise<string[]> {
  const all = ['-C', root, 'cat-file', '--batch-all-objects', '--batch', '--unordered'];
  const { stdout } = await promisify(execFile)('git', all, { maxBuffer: 1 << 28, encoding: 'buffer' });
  const texts: string[] = [];
  for (let at = 0; at < stdout.length;) {
    const start = stdout.indexOf('\n', at) + 1;
    const [, type, size] = stdout.toString('utf8', at, start).trim().split(' ');
    at = start + Number(size) + 1;
    if (type === 'blob') texts.push(stdout.toString('utf8', start, at - 1));
  }
  return texts;
}

/** Nox notes times in what a person saved; all else must be found again to the letter. */
const untimed = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line !== '' && !/^(created_at|last_modified) = /.test(line))
    .join('\n');
