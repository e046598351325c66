import type { z } from 'zod';
import type { Actor } from '../../contracts/auth.js';
import {
  BranchName,
  CreateBranch,
  CreateTag,
  type MergeRequest,
  type MergeResult,
  type RegistryBranch,
  type RegistryDiff,
  type RegistryTag,
  SwitchRequest,
  type SwitchResult,
  TagName,
} from '../../contracts/registry.js';
import type { EventPayload } from '../../contracts/event.js';
import type { Clock } from '../../shared/clock.js';
import { failpoint } from '../../shared/failpoint.js';
import { NoxError } from '../../shared/nox-error.js';
import { gitError } from '../git/git-process.js';
import type { Branch } from '../git/refs.js';
import { parsed } from '../intent-change.js';
import { rethrowAs } from '../intent-commit.js';
import { diffIntents } from '../intent-diff.js';
import { type DocumentSet, type Intent, intentOf } from '../intent.js';
import { confirmed } from '../confirmed.js';
import type { TimeMachine, TimePorts } from './time-machine.js';

export interface BranchPorts extends TimePorts {
  readonly clock: Clock;
  readonly time: TimeMachine;
  /** Puts a branch's version in force, one after another with writes. Answers what was in force before and is now. */
  switchTo(branch: string, version: () => Promise<DocumentSet>): Promise<{ before: Intent; after: Intent }>;
  named(what: EventPayload<'registry.named'>): void;
  switched(what: EventPayload<'registry.switched'>): void;
}

/** Branches for experiments, and tags as named points. Neither costs the hot path anything. */
export class Branches {
  constructor(private readonly ports: BranchPorts) {}

  /** The one in force first, then the newest. */
  async list(): Promise<RegistryBranch[]> {
    const { refs, main } = this.ports;
    const branches = await refs.branches().catch(rethrowAs(gitError));
    const head = branches.find(({ name }) => name === main.branch)?.head;
    const views = await Promise.all(branches.map((branch) => this.view(branch, head)));
    return views.sort((a, b) => Number(b.current) - Number(a.current) || (a.timestamp < b.timestamp ? 1 : -1));
  }

  /** NAME_TAKEN, COMMIT_NOT_FOUND. */
  async create(input: z.input<typeof CreateBranch>, actor: Actor): Promise<RegistryBranch> {
    const { name, from } = parsed('body', CreateBranch, input);
    const { refs, main } = this.ports;
    const head = await main.head().catch(rethrowAs(gitError));
    const hash = from ?? head;
    if (hash === null || !(await this.isIntent(hash)))
      throw new NoxError('COMMIT_NOT_FOUND', undefined, { from: hash });
    const taken = (await refs.branches().catch(rethrowAs(gitError))).some((branch) => branch.name === name);
    if (taken) throw new NoxError('NAME_TAKEN', `There is a branch ${name} already.`, { name });
    await refs.create('heads', name, hash).catch(rethrowAs(gitError));
    this.ports.named({ kind: 'branch', name, change: 'created', commit_hash: hash, actor: actor.name });
    return this.view(await this.mustFind(name), head ?? undefined);
  }

  /** What a switch to it would change. BRANCH_NOT_FOUND. */
  async diff(name: string): Promise<RegistryDiff> {
    const { head: to } = await this.mustFind(name);
    const from = await this.ports.main.head().catch(rethrowAs(gitError));
    return this.ports.reader.diff({ to, ...(from === null ? {} : { from }) });
  }

  /** Puts a branch in force; the live system follows. BRANCH_NOT_FOUND, CONFIRMATION_REQUIRED, REGISTRY_INVALID. */
  async switch(name: string, input: z.input<typeof SwitchRequest>, actor: Actor): Promise<SwitchResult> {
    const request = confirmed(parsed('body', SwitchRequest, input));
    const { time, main } = this.ports;
    const [{ head }, from] = [await this.mustFind(name), main.branch];
    if (request.dry_run || from === name) {
      const before = this.ports.base().intent;
      const after = from === name ? before : intentOf(await time.versionAt(head));
      const reconciled = this.ports.reconciler()?.plan(before, after) ?? [];
      return { dry_run: request.dry_run, from, to: name, head, objects: diffIntents(before, after), reconciled };
    }
    const { before, after } = await this.ports.switchTo(name, async () =>
      time.versionAt((await this.mustFind(name)).head),
    );
    const reconciled = (await this.ports.reconciler()?.apply(before, after, actor)) ?? [];
    this.ports.switched({ from, to: name, actor: actor.name, reconciled });
    return { dry_run: false, from, to: name, head, objects: diffIntents(before, after), reconciled };
  }

  /** See TimeMachine.merge. INVALID_STATE for the branch in force itself. */
  async merge(name: string, input: z.input<typeof MergeRequest>, actor: Actor): Promise<MergeResult> {
    const { head } = await this.mustFind(name);
    if (name === this.ports.main.branch) throw new NoxError('INVALID_STATE', `Branch ${name} is the one in force.`);
    return this.ports.time.merge(name, head, input, actor);
  }

  /** INVALID_STATE for the one in force, for `main`, and, without force, for one that holds changes nothing else has. */
  async delete(name: string, force: boolean, actor: Actor): Promise<{ name: string; head: string }> {
    const { head } = await this.mustFind(name);
    const { refs, main } = this.ports;
    if (name === main.branch)
      throw new NoxError('INVALID_STATE', `Branch ${name} is in force; switch to another first.`);
    if (name === 'main') throw new NoxError('INVALID_STATE', 'Branch main cannot be deleted.');
    const merged = await this.isMerged(head);
    if (!force && merged === undefined) {
      const message = `Branch ${name} holds changes that ${main.branch} has not. Merge it first, or delete it with force.`;
      throw new NoxError('INVALID_STATE', message, { name, head });
    }
    // A merge names it: git would let it go with what the record's pruning leaves.
    if (merged === 'by a merge') await refs.keepMerged(head).catch(rethrowAs(gitError));
    await failpoint('branch.kept');
    await refs.delete('heads', name).catch(rethrowAs(gitError));
    this.ports.named({ kind: 'branch', name, change: 'deleted', commit_hash: head, actor: actor.name });
    return { name, head };
  }

  /** Newest first. */
  tags(): Promise<RegistryTag[]> {
    return this.ports.refs.tags().catch(rethrowAs(gitError));
  }

  /** NAME_TAKEN, COMMIT_NOT_FOUND. */
  async tag(input: z.input<typeof CreateTag>, actor: Actor): Promise<RegistryTag> {
    const { name, commit_hash, message } = parsed('body', CreateTag, input);
    const hash = commit_hash ?? (await this.ports.main.head().catch(rethrowAs(gitError)));
    if (hash === null || !(await this.isIntent(hash)))
      throw new NoxError('COMMIT_NOT_FOUND', undefined, { commit_hash });
    if ((await this.tags()).some((tag) => tag.name === name)) {
      throw new NoxError('NAME_TAKEN', `There is a tag ${name} already.`, { name });
    }
    const timestamp = this.ports.clock.iso(Math.floor(this.ports.clock.now() / 1000) * 1000);
    const line = message.replace(/\s+/g, ' ');
    const tag = { name, commit_hash: hash, message: line, actor: actor.name, timestamp };
    await this.ports.refs.tag(tag).catch(rethrowAs(gitError));
    this.ports.named({ kind: 'tag', name, change: 'created', commit_hash: hash, actor: actor.name });
    return tag;
  }

  /** TAG_NOT_FOUND. */
  async deleteTag(name: string, actor: Actor): Promise<RegistryTag> {
    const wanted = parsed('name', TagName, name);
    const tag = (await this.tags()).find((each) => each.name === wanted);
    if (tag === undefined) throw new NoxError('TAG_NOT_FOUND', undefined, { name });
    await this.ports.refs.delete('tags', wanted).catch(rethrowAs(gitError));
    this.ports.named({ kind: 'tag', name, change: 'deleted', commit_hash: tag.commit_hash, actor: actor.name });
    return tag;
  }

  private async view(branch: Branch, head: string | undefined): Promise<RegistryBranch> {
    const current = branch.name === this.ports.main.branch;
    const distance =
      head === undefined || branch.head === head
        ? { ahead: 0, behind: 0 }
        : await this.ports.refs.distance(branch.head, head).catch(rethrowAs(gitError));
    return { ...branch, current, ...distance };
  }

  private async mustFind(name: string): Promise<Branch> {
    const wanted = parsed('name', BranchName, name);
    const branch = (await this.ports.refs.branches().catch(rethrowAs(gitError))).find((each) => each.name === wanted);
    if (branch === undefined) throw new NoxError('BRANCH_NOT_FOUND', undefined, { name });
    return branch;
  }

  /** Whether a commit is of intent, not of the record. */
  private async isIntent(hash: string): Promise<boolean> {
    const { refs } = this.ports;
    const branches = await refs.branches().catch(rethrowAs(gitError));
    for (const { head } of branches) if (await refs.isAncestor(hash, head).catch(rethrowAs(gitError))) return true;
    return false;
  }

  /** How the branch in force has what a tip has. */
  private async isMerged(tip: string): Promise<'as a part' | 'by a merge' | undefined> {
    const head = (await this.ports.main.head().catch(rethrowAs(gitError))) ?? '';
    if (await this.ports.refs.isAncestor(tip, head).catch(rethrowAs(gitError))) return 'as a part';
    const named = (await this.ports.reader.newest(head, 500)).some(({ merge_of }) => merge_of === tip);
    return named ? 'by a merge' : undefined;
  }
}
