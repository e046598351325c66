import type { AsyncCommand } from 'fast-check';
import fc from 'fast-check';
import { ADMIN } from '../integration/registry-kit.js';
import { below, born, died, renamed, withToken } from './registry-edits.js';
import { foretell, mergeSnapshots, plain, type Side, type Snapshot, snapshotOf } from './registry-model.js';
import { applyOp, type Op } from './registry-ops.js';
import { type Model, mustEqual, mustKeepMarks, withEnv, type World } from './registry-world.js';

/** A step of a history: what it needs, and what it does to the model and to the registry alike. */
class Step implements AsyncCommand<Model, World> {
  constructor(
    private readonly words: string,
    private readonly ready: (model: Model) => boolean,
    private readonly go: (model: Model, world: World) => Promise<void>,
  ) {}

  check(model: Readonly<Model>): boolean {
    return this.ready(model);
  }

  async run(model: Model, world: World): Promise<void> {
    world.kit.clock.advance(1000);
    model.n += 1;
    world.figures[this.kind] = (world.figures[this.kind] ?? 0) + 1;
    await this.go(model, world);
    if (model.unseen === undefined) await world.settled(model);
  }

  toString(): string {
    return this.words;
  }

  private get kind(): string {
    return this.words.split(' ', 1)[0] ?? '';
  }
}

const FAILPOINTS = [
  'commit.staging',
  'commit.staged',
  'commit.flushed',
  'commit.pack.named',
  'commit.objects.placed',
  'commit.file.replaced',
  'commit.ref.before',
  'commit.ref.moved',
  'commit.index.before',
  'commit.index.after',
];
const IDS = ['ada', 'bob', 'cy-1', 'dan'];
const OTHERS = ['try', 'other'];

const quiet = (model: Model): boolean => !model.invalid && model.held === undefined;
const seen = (model: Model): boolean => model.unseen === undefined;
const at = <T>(all: readonly T[], n: number): T => all[n % all.length] as T;
const agentsOf = (model: Model): string[] => Object.keys((model.unseen ?? model.now).agents).sort();
const touchesAgents = (op: Op): boolean => ['create', 'set', 'delete'].includes(op.do);
const headOf = (model: Model, branch = model.branch): string => model.chains.get(branch)?.at(-1) ?? '';
const versionOf = (model: Model, hash: string) => {
  const version = model.versions.get(hash);
  if (version === undefined) throw new TypeError(`no version ${hash}`);
  return version;
};

/** Takes what was saved and not yet seen for seen: whatever comes next adopts it. */
function adopt(model: Model): Snapshot[] {
  const { unseen } = model;
  model.unseen = undefined;
  model.loaded = [];
  return unseen === undefined ? [] : [unseen];
}

/** The code with which something is refused; undefined when it is not. */
async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const KINDS = ['create', 'set', 'set', 'set', 'delete', 'port', 'relate', 'unrelate'] as const;
const opOf = (model: Model, kind: (typeof KINDS)[number], pick: number, n: string): Op => {
  const id = at(IDS, pick);
  const any = at(agentsOf(model), pick);
  if (kind === 'create') return { do: kind, id, name: `N${n}` };
  if (kind === 'set') return { do: kind, id: any, key: pick % 3 === 0 ? 'system_prompt' : 'name', value: `V${n}` };
  if (kind === 'delete') return { do: kind, id };
  if (kind === 'port') return { do: kind, port: 4000 + model.n * 100 + pick };
  return { do: kind, from: any, to: id };
};

const anyOp = fc.tuple(fc.constantFrom(...KINDS), fc.nat(99));

/** One write, or several at once, which are then decided in this order. */
const writes = fc.array(anyOp, { minLength: 1, maxLength: 4 }).map(
  (list) =>
    new Step(
      `write ${JSON.stringify(list)}`,
      () => true,
      async (model, world) => {
        const ops = list.map(([kind, pick], i) => opOf(model, kind, pick, `${model.n}.${i}`));
        const before = await world.text();
        const foretold = adopt(model);
        let now = foretold[0] ?? model.now;
        const answers = await Promise.allSettled(ops.map((op) => applyOp(world.registry, op)));
        const gone: string[] = [];
        for (const [i, op] of ops.entries()) {
          const next = model.invalid && touchesAgents(op) ? undefined : foretell(now, op);
          const answer = answers[i];
          const made = answer?.status === 'fulfilled' && answer.value !== null;
          mustEqual(`${JSON.stringify(op)} made a commit`, made, next !== undefined);
          if (next === undefined) continue;
          [now] = [next];
          foretold.push(next);
          if (op.do === 'delete') gone.push(op.id);
        }
        if (model.held !== undefined && gone.includes(model.held)) model.held = undefined;
        await world.learnAll(model, foretold);
        if (!model.invalid) {
          mustKeepMarks(before, await world.text(), gone);
          if (quiet(model)) model.loaded.push(before);
        }
      },
    ),
);

const EDITS = ['comment', 'comment', 'key', 'rename', 'born', 'died'] as const;
const edited = (kind: (typeof EDITS)[number], text: string, id: string, n: number): string => {
  if (kind === 'comment') return below(text, id, `# mark ${n}`);
  if (kind === 'key') return below(text, id, `x_mark_${n} = ${n}`);
  if (kind === 'rename') return renamed(text, id, `H${n}`);
  if (kind === 'born') return born(text, `hand-${n}`);
  return id === 'root' ? below(text, id, `# mark ${n}`) : died(text, id);
};

/** Somebody saves what stands there, changed; it is looked at now, or only by what comes next. */
const hand = fc.tuple(fc.constantFrom(...EDITS), fc.nat(99), fc.boolean(), fc.boolean()).map(
  ([kind, pick, look, by_rename]) =>
    new Step(
      `hand ${kind} ${pick} ${look ? 'seen' : 'unseen'}${by_rename ? ' by rename' : ''}`,
      (model) => quiet(model) && seen(model),
      async (model, world) => {
        // Whoever takes away what was written just now cannot be told from an editor that had not loaded it (decision 0016).
        const what = kind === 'died' && model.loaded.length > 0 ? 'rename' : kind;
        const text = edited(what, await world.text(), at(agentsOf(model), pick), model.n);
        world.save(text, by_rename);
        model.unseen = { ...model.now, agents: snapshotOf(new Map([['agents.toml', text]])).agents };
        if (!look) return;
        await world.registry.refresh();
        await world.learnAll(model, adopt(model));
      },
    ),
);

/** Somebody's editor had loaded the file before some writes, and saves now. */
const stale = fc.tuple(fc.constantFrom('comment', 'key', 'rename'), fc.nat(99), fc.nat(99)).map(
  ([kind, pick, back]) =>
    new Step(
      `stale ${kind} ${pick} ${back}`,
      (model) => quiet(model) && seen(model) && model.loaded.length > 0,
      async (model, world) => {
        const loaded = at(model.loaded, back);
        const base = { ...model.now, agents: snapshotOf(new Map([['agents.toml', loaded]])).agents };
        const id = at(Object.keys(base.agents).sort(), pick);
        const text = edited(kind, loaded, id, model.n);
        const theirs = { ...model.now, agents: snapshotOf(new Map([['agents.toml', text]])).agents };
        world.save(text, pick % 2 === 0);
        await world.registry.refresh();
        model.loaded = [];
        // A comment on an agent that has been deleted meanwhile has no place any more; what was saved is kept all the same.
        const lost = kind === 'comment' && !(id in model.now.agents);
        await world.learnAll(
          model,
          lost ? [] : [withoutNewEnv(model, mergeSnapshots(base, model.now, theirs, 'theirs').merged)],
        );
      },
    ),
);

/**
 * What of a save is taken up at once. The editor may have loaded an environment that waited then, of an agent that was
 * deleted meanwhile: the save brings the agent back, and its environment waits again.
 */
function withoutNewEnv(model: Model, saved: Snapshot): Snapshot {
  const waits = Object.keys(saved.agents).find((id) => saved.agents[id]?.['env'] !== undefined && !hasEnv(model, id));
  if (waits === undefined) return saved;
  model.held = waits;
  const { env: _, ...rest } = saved.agents[waits] ?? {};
  return { ...saved, agents: { ...saved.agents, [waits]: rest } };
}

/** Somebody saves what does not fit, and mends it later, or has it rejected. */
const broken = new Step(
  'break',
  (model) => quiet(model) && seen(model),
  async (model, world) => {
    world.save(`${await world.text()}broken = [\n`, false);
    await world.registry.refresh();
    model.invalid = true;
    model.loaded = [];
    await world.learnAll(model, []);
  },
);
const mended = fc.boolean().map(
  (reject) =>
    new Step(
      `mend ${reject ? 'by rejection' : 'by hand'}`,
      (model) => model.invalid,
      async (model, world) => {
        model.invalid = false;
        if (reject) {
          await world.registry.external.reject(await decision(world), ADMIN);
          return world.learnAll(model, []);
        }
        const good = versionOf(model, headOf(model)).texts.get('agents.toml') ?? '';
        world.save(below(good, 'root', `# mark ${model.n}`), false);
        await world.registry.refresh();
        await world.learnAll(model, [model.now]);
      },
    ),
);

const decision = async (world: World) => ({
  edits: (await world.registry.external.view()).edits.map(({ file, version }) => ({ file, version })),
  confirm: true,
});

/** Somebody gives an agent an environment, which waits; then a person decides. */
const held = fc.nat(99).map(
  (pick) =>
    new Step(
      `hold ${pick}`,
      (model) => quiet(model) && seen(model) && agentsOf(model).some((id) => !hasEnv(model, id)),
      async (model, world) => {
        const id = at(
          agentsOf(model).filter((each) => !hasEnv(model, each)),
          pick,
        );
        world.save(withToken(await world.text(), id), false);
        await world.registry.refresh();
        model.held = id;
        model.loaded = [];
        await world.learnAll(model, []);
      },
    ),
);
const hasEnv = (model: Model, id: string): boolean => model.now.agents[id]?.['env'] !== undefined;
const decided = fc.boolean().map(
  (accept) =>
    new Step(
      accept ? 'accept' : 'reject',
      (model) => model.held !== undefined && seen(model),
      async (model, world) => {
        const request = await decision(world);
        const id = model.held ?? '';
        model.held = undefined;
        await (accept
          ? world.registry.external.accept(request, ADMIN)
          : world.registry.external.reject(request, ADMIN));
        await world.learnAll(model, accept ? [withEnv(model.now, id)] : []);
      },
    ),
);

const rolledBack = fc.nat(999).map(
  (pick) =>
    new Step(`rollback ${pick}`, quiet, async (model, world) => {
      // Not the first, which lacks the agent that is always there.
      const hash = at((model.chains.get(model.branch) ?? []).slice(1), pick);
      const target = versionOf(model, hash);
      const before = await world.text();
      const foretold = adopt(model);
      const commit = await applyOp(world.registry, { do: 'rollback', hash });
      await world.learnAll(model, commit === null ? foretold : [...foretold, target.snapshot]);
      mustEqual('the version in force', [...versionOf(model, headOf(model)).texts], [...target.texts]);
      model.loaded.push(before);
    }),
);

const undone = new Step('undo', quiet, async (model, world) => {
  const chain = model.chains.get(model.branch) ?? [];
  const index = chain.findLastIndex((hash) => model.rollbacks.has(hash));
  const foretold = adopt(model);
  const now = foretold[0] ?? model.now;
  const [undo, before] = [chain[index], chain[index - 1]];
  const merge =
    undo === undefined || before === undefined
      ? undefined
      : mergeSnapshots(versionOf(model, undo).snapshot, now, versionOf(model, before).snapshot, 'ours');
  const head = headOf(model);
  const code = await refusal(world.registry.time.undo({ confirm: true }, ADMIN));
  const should = merge === undefined ? 'INVALID_STATE' : merge.conflicts > 0 ? 'MERGE_CONFLICT' : undefined;
  mustEqual('undo is refused', code, should);
  // Without a rollback nothing was looked at.
  if (merge === undefined) await world.registry.refresh();
  const known = (await world.kit.git('rev-list', '--count', `${head}..${model.branch}`)) !== String(foretold.length);
  if (merge !== undefined && code === undefined && known) foretold.push(merge.merged);
  await world.learnAll(model, foretold);
  if (merge !== undefined && code === undefined) mustEqual('undone', plain(model.now), plain(merge.merged));
  model.loaded = [];
});

const branched = fc.constantFrom(...OTHERS).map(
  (name) =>
    new Step(
      `branch ${name}`,
      (model) => seen(model) && !model.chains.has(name),
      async (model, world) => {
        await world.registry.branches.create({ name }, ADMIN);
        model.chains.set(name, [...(model.chains.get(model.branch) ?? [])]);
      },
    ),
);
const switched = fc.constantFrom('main', ...OTHERS).map(
  (name) =>
    new Step(
      `switch ${name}`,
      (model) => model.chains.has(name) && model.branch !== name,
      async (model, world) => {
        const foretold = quiet(model) ? adopt(model) : [];
        const code = await refusal(applyOp(world.registry, { do: 'switch', branch: name }));
        mustEqual('switch is refused', code, model.invalid ? 'REGISTRY_INVALID' : model.held && 'EDIT_HELD');
        await world.learnAll(model, foretold);
        if (code !== undefined) return;
        model.branch = name;
        model.now = versionOf(model, headOf(model)).snapshot;
        model.loaded = [];
      },
    ),
);
const deleted = fc.tuple(fc.constantFrom(...OTHERS), fc.boolean()).map(
  ([name, force]) =>
    new Step(
      `delete-branch ${name}${force ? ' by force' : ''}`,
      (model) => model.chains.has(name) && model.branch !== name,
      async (model, world) => {
        const ours = model.chains.get(model.branch) ?? [];
        const tip = headOf(model, name);
        const known = ours.includes(tip) || ours.some((hash) => model.merged.get(hash) === tip);
        const code = await refusal(world.registry.branches.delete(name, force, ADMIN));
        mustEqual('delete is refused', code, known || force ? undefined : 'INVALID_STATE');
        if (code === undefined) model.chains.delete(name);
      },
    ),
);

/** The newest of: what both share, what of the one was merged into the other. */
function mergeBase(model: Model, name: string): string {
  const [ours, theirs] = [model.chains.get(model.branch) ?? [], model.chains.get(name) ?? []];
  const merged = (side: string[], other: string[]): string[] => {
    const tips = side.toReversed().flatMap((hash) => model.merged.get(hash) ?? []);
    return tips.filter((tip) => other.includes(tip)).slice(0, 1);
  };
  const shared = ours.findLast((hash) => theirs.includes(hash)) ?? '';
  const all = [shared, ...merged(ours, theirs), ...merged(theirs, ours)];
  return all.reduce((one, other) => (versionOf(model, one).order > versionOf(model, other).order ? one : other));
}

const merged = fc
  .tuple(fc.constantFrom('main', ...OTHERS), fc.constantFrom<Side | undefined>('ours', 'theirs', undefined))
  .map(
    ([name, prefer]) =>
      new Step(
        `merge ${name} ${prefer ?? 'no side'}`,
        (model) => quiet(model) && seen(model) && model.chains.has(name) && model.branch !== name,
        async (model, world) => {
          const [base, theirs] = [mergeBase(model, name), headOf(model, name)].map((hash) => versionOf(model, hash));
          if (base === undefined || theirs === undefined) return;
          const { merged: foretold, conflicts } = mergeSnapshots(
            base.snapshot,
            model.now,
            theirs.snapshot,
            prefer ?? 'ours',
          );
          const request = { confirm: true, ...(prefer === undefined ? {} : { prefer }) };
          const before = headOf(model);
          const code = await refusal(world.registry.branches.merge(name, request, ADMIN));
          mustEqual('merge is refused', code, conflicts > 0 && prefer === undefined ? 'MERGE_CONFLICT' : undefined);
          const moved = (await world.kit.git('rev-parse', model.branch)) !== before;
          await world.learnAll(model, moved ? [foretold] : []);
          if (code === undefined) mustEqual('merged', plain(model.now), plain(foretold));
          model.loaded = [];
        },
      ),
  );

const restarted = new Step(
  'restart',
  () => true,
  async (model, world) => {
    await world.registry.close();
    await world.open();
    await world.learnAll(model, adopt(model));
  },
);

/** Another process opens the registry, writes, and is killed on the way, at a failpoint or by the clock. */
const crashed = fc
  .record({
    op: anyOp,
    failpoint: fc.constantFrom(...FAILPOINTS),
    nth: fc.integer({ min: 1, max: 2 }),
    /** Instead of a failpoint: so long after it opened. */
    after_ms: fc.option(fc.nat(12)),
    branch: fc.option(fc.constantFrom('main', ...OTHERS), { freq: 4 }),
  })
  .map(
    ({ op: [kind, pick], failpoint, nth, after_ms, branch }) =>
      new Step(
        `crash ${kind} ${pick} ${after_ms === null ? `${failpoint}@${nth}` : `after ${after_ms} ms`} ${branch ?? ''}`,
        () => true,
        async (model, world) => {
          const to =
            branch !== null && quiet(model) && model.chains.has(branch) && branch !== model.branch ? branch : undefined;
          const op: Op = to === undefined ? opOf(model, kind, pick, String(model.n)) : { do: 'switch', branch: to };
          const foretold = adopt(model);
          const now = foretold[0] ?? model.now;
          const refused = to === undefined && model.invalid && touchesAgents(op);
          const next = refused || to !== undefined ? undefined : foretell(now, op);
          const head = headOf(model);
          await world.registry.close();
          const death =
            after_ms === null ? { failpoints: `${failpoint}=kill@${nth}`, after_acks: 1, after_ms: 0 } : { after_ms };
          const acks = await world
            .writer()
            .writeUntilDead(model.n, { ...death, with_git: pick % 2 === 0 }, { op, now_ms: world.kit.clock.now() });
          world.unhear();
          await world.open();
          world.unhear();
          const tip = await world.kit.git('rev-parse', `refs/heads/${model.branch}`);
          const fresh = (await world.kit.git('rev-list', '--reverse', `${head}..${tip}`)).split('\n').filter(Boolean);
          const acked = acks.some((hash) => hash !== '');
          if (next !== undefined && (acked || fresh.length > foretold.length)) foretold.push(next);
          mustEqual('commits after the crash', fresh.length, foretold.length);
          for (const [n, hash] of fresh.entries()) await world.learn(model, hash, foretold[n]);
          if (op.do === 'delete' && op.id === model.held && foretold.includes(next as Snapshot)) model.held = undefined;
          const branch_now = await world.kit.git('branch', '--show-current');
          if (to !== undefined && branch_now === to) {
            model.branch = to;
            model.now = versionOf(model, headOf(model)).snapshot;
          } else if (acks.length > 0 && to !== undefined) mustEqual('the branch in force', branch_now, to);
          model.loaded = [];
        },
      ),
  );

/** Everything that may happen to a registry, the frequent more often. */
const often = <T>(times: number, step: T): T[] => Array.from({ length: times }, () => step);
export const STEPS = [
  ...often(4, writes),
  ...often(3, hand),
  ...often(2, stale),
  fc.constant(broken),
  mended,
  held,
  decided,
  ...often(2, rolledBack),
  fc.constant(undone),
  ...often(2, branched),
  ...often(2, switched),
  ...often(3, merged),
  deleted,
  fc.constant(restarted),
  crashed,
];
