import { join } from 'node:path';
import type { z } from 'zod';
import type { AgentConfig, ReplaceAgent, UpdateAgent } from '../contracts/agent.js';
import type { Actor } from '../contracts/auth.js';
import type { SystemConfig } from '../contracts/config.js';
import type { EventPayload } from '../contracts/event.js';
import { AgentId, CommitHash } from '../contracts/ids.js';
import type { Policy, PolicyRule } from '../contracts/policy.js';
import type { Relationship, RemoveRelationship } from '../contracts/relationship.js';
import {
  DiffQuery,
  HistoryQuery,
  type RegistryCommit,
  type RegistryDiff,
  type REGISTRY_EVENTS,
  type RegistryStatus,
  type RemoteRequest,
  type RemoteStatus,
  type RollbackRequest,
  type RollbackResult,
} from '../contracts/registry.js';
import type { Clock } from '../shared/clock.js';
import { FolderWatch, type WatchOptions } from '../shared/folder-watch.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { RegistryCare } from './care/registry-care.js';
import { GitHistory } from './git/git-history.js';
import { gitError, GitProcess } from './git/git-process.js';
import { MainBranch } from './git/main-branch.js';
import { RecordBranch } from './git/record-branch.js';
import { Refs } from './git/refs.js';
import type { GitWriter } from './git/writer/commit-request.js';
import { openWriter } from './git/writer/thread-writer.js';
import { type CommitView, type History, HistoryReader } from './history.js';
import { ExternalEdits } from './hand/external-edits.js';
import { IntentFolder } from './intent-folder.js';
import {
  type Base,
  type Change,
  configChange,
  type ConfigPatch,
  createAgentChange,
  deleteAgentChange,
  parsed,
  replaceAgentChange,
  updateAgentChange,
} from './intent-change.js';
import { EXTERNAL, type IntentContext } from './intent-commit.js';
import { IndexedHistory } from './indexed-history.js';
import { IntentStore } from './intent-store.js';
import { describeProblem, type FileProblem, type Intent, INTENT_FILES } from './intent.js';
import { addRuleChange, policyVersion, removeRuleChange, writePolicyChange } from './policy-change.js';
import { addRelationshipChange, nameOf, removeRelationshipsChange } from './relationship-change.js';
import { addServiceChange, removeServiceChange, type ServicePatch, updateServiceChange } from './service-change.js';
import { OwnerLock } from './owner-lock.js';
import type { Reconciler } from './reconciler.js';
import { Listeners } from './listeners.js';
import { makeRoot, noSecrets, type RegistryOptions, repairOffline } from './registry-root.js';
import { RecordWriter } from './record-writer.js';
import { pushAll } from './remote/git-push.js';
import { RemoteBackup } from './remote/remote-backup.js';
import { Branches } from './time/branches.js';
import { type Rollback, TimeMachine, type TimePorts } from './time/time-machine.js';
import { Transfer } from './time/transfer.js';

export { EXTERNAL } from './intent-commit.js';
export type { ConfigPatch } from './intent-change.js';
export type { Intent } from './intent.js';
export { Reconciler } from './reconciler.js';
export type { RegistryOptions } from './registry-root.js';
export type { Rollback } from './time/time-machine.js';

/** When nobody waits any more for Nox to start. */
const WARM_UP_MS = 5000;

/** What is told beside commits. */
export type RegistryNews = {
  [T in keyof typeof REGISTRY_EVENTS]: { readonly type: T; readonly payload: EventPayload<T> };
}[keyof typeof REGISTRY_EVENTS];

/**
 * The git-backed registry: intent on branch `main`, one commit per change, and the record on its own ref. Promises: a
 * change that was answered is in a commit; one that failed left nothing behind; files that people edit keep their
 * comments, order and unknown keys. One living Nox per registry.
 */
export class RegistryService {
  /** Given at wiring: makes the live system follow a rollback or an adopted edit. */
  reconciler: Reconciler | undefined;
  private readonly commitHeard: Listeners<RegistryCommit>;
  private readonly rollbackHeard: Listeners<Rollback>;
  private readonly newsHeard: Listeners<RegistryNews>;
  private readonly invalidHeard: Listeners<FileProblem>;
  private watching: FolderWatch | undefined;
  private following: Promise<void> = Promise.resolve();
  private closed = false;

  readonly time: TimeMachine;
  readonly branches: Branches;
  /** Export and import. */
  readonly transfer: Transfer;
  readonly remote: RemoteBackup;
  /** Hand edits that wait for a person, or do not fit. */
  readonly external: ExternalEdits;
  /** Whether the repository is whole, and what to do when it is not. */
  readonly care: RegistryCare;

  private constructor(
    readonly path: string,
    readonly record: RecordWriter,
    /** Commits that opening made: the first one, recovered writes, adopted edits. */
    readonly opening_commits: readonly RegistryCommit[],
    private readonly store: IntentStore,
    context: IntentContext,
    private readonly reader: HistoryReader,
    private readonly main: MainBranch,
    private readonly writer: GitWriter,
    refs: Refs,
    private readonly lock: OwnerLock,
    private readonly clock: Clock,
    private readonly warn: (message: string, fields: object) => void,
    bundle: string | undefined,
    secret: (reference: string) => Promise<string>,
  ) {
    const failed = (error: unknown): void => warn('a listener of the registry failed', { reason: messageOf(error) });
    this.commitHeard = new Listeners(failed);
    this.rollbackHeard = new Listeners(failed);
    this.newsHeard = new Listeners(failed);
    this.invalidHeard = new Listeners(failed);
    store.listeners = {
      committed: (commit) => {
        this.commitHeard.tell(commit);
        this.remote.moved(commit.files.includes('system-config.toml'));
      },
      invalid: (problem) => this.invalidHeard.tell(problem),
      held: (file) => {
        const edit = store.onDisk.edit(file);
        if (edit !== undefined) this.newsHeard.tell({ type: 'registry.held', payload: { edit } });
      },
      mended: (file) => this.newsHeard.tell({ type: 'registry.mended', payload: { file } }),
      conflict: (conflict) => {
        this.external.met(conflict);
        this.newsHeard.tell({ type: 'registry.conflict', payload: { conflict } });
      },
      adopted: (before, after) => this.follow(before, after),
    };
    const ports: TimePorts = {
      main,
      refs,
      reader,
      base: () => ({ intent: store.intent, versions: store.versions }),
      write: (decide) => this.write(decide, 'alone'),
      reconciler: () => this.reconciler,
      rolledBack: (rollback) => this.rollbackHeard.tell(rollback),
    };
    this.time = new TimeMachine(ports);
    this.transfer = new Transfer(path, this.time, ports);
    this.branches = new Branches({
      ...ports,
      clock,
      time: this.time,
      switchTo: (branch, version) => this.mustBeOpen(() => store.switchTo(branch, version)),
      named: (payload) => this.newsHeard.tell({ type: 'registry.named', payload }),
      switched: (payload) => {
        this.newsHeard.tell({ type: 'registry.switched', payload });
        this.remote.moved(true);
      },
    });
    this.external = new ExternalEdits({
      store,
      context,
      reconciler: () => this.reconciler,
      accepted: (payload) => this.newsHeard.tell({ type: 'registry.accepted', payload }),
      rejected: (payload) => this.newsHeard.tell({ type: 'registry.rejected', payload }),
    });
    this.care = new RegistryCare({
      git: new GitProcess(path),
      clock,
      bundle,
      alone: (job) => store.alone(() => record.alone(job)),
      leavePacks: () => writer.forget(),
      recordAlone: (job) => record.alone(job),
      recordDays: () => store.intent.config.retention.record_days,
      recordAtRest: (pin) => record.atRest(pin),
      reload: async () => {
        await store.reopen();
        record.rescan();
      },
      found: (problems) => this.newsHeard.tell({ type: 'registry.damaged', payload: { problems: [...problems] } }),
      warn,
    });
    store.guard = record.guard = () => this.care.refuseDamaged();
    this.remote = new RemoteBackup({
      root: path,
      clock,
      settings: () => store.intent.config.git,
      refs: () => refs.digest(),
      push: pushAll,
      secret,
      settled: (remote) => this.newsHeard.tell({ type: 'registry.remote', payload: { remote } }),
    });
  }

  /** Opens a registry, making it if there is none. INVALID_STATE when another living Nox has it. */
  static async open(options: RegistryOptions): Promise<RegistryService> {
    const { clock, template_path, warn = () => undefined, secret = noSecrets } = options;
    const root = await makeRoot(options.path);
    const lock = await OwnerLock.acquire(join(root, '.git', 'nox.lock'));
    if (options.repair === true)
      await repairOffline(root, options).catch((error: unknown) =>
        lock.release().then(() => Promise.reject(error as Error)),
      );
    const writer = openWriter(root);
    try {
      const git = new GitProcess(root);
      const main = new MainBranch(git);
      const context = { folder: new IntentFolder(root), main, writer, clock, template_path, warn };
      const store = new IntentStore(context, options.settle);
      const commits = await store.open(lock.after_crash).catch((error: unknown) => {
        throw gitError(error);
      });
      const record = new RecordWriter(root, new RecordBranch(git, main, writer), clock, warn, options.record);
      record.start();
      const index = new IndexedHistory(join(root, '.git', 'nox-history.db'), git, main, warn);
      const reader = new HistoryReader(main, new GitHistory(root), clock, index);
      clock.after(WARM_UP_MS, () => void reader.warmUp());
      const refs = new Refs(git);
      return new RegistryService(
        root,
        record,
        commits,
        store,
        context,
        reader,
        main,
        writer,
        refs,
        lock,
        clock,
        warn,
        options.bundle,
        secret,
      );
    } catch (error) {
      await writer.close();
      await lock.release();
      throw error;
    }
  }

  /** What is in force. */
  intent(): Intent {
    return this.store.intent;
  }

  agents(): ReadonlyMap<string, AgentConfig> {
    return this.store.intent.agents;
  }

  config(): SystemConfig {
    return this.store.intent.config;
  }

  /** VALIDATION_ERROR, AGENT_ALREADY_EXISTS. */
  async createAgent(id: string, config: AgentConfig, actor: Actor): Promise<RegistryCommit> {
    const agent_id = parsed('id', AgentId, id);
    return this.mustWrite((base) => createAgentChange(base, agent_id, config, actor));
  }

  /**
   * Changes the given keys of an agent; `undefined` takes an optional one away. Keys inside `resource_limits`, `restart`
   * and `idle` change one by one; every other value is replaced. Null when nothing changes. AGENT_NOT_FOUND.
   */
  updateAgent(
    id: string,
    patch: Partial<AgentConfig> | UpdateAgent,
    actor: Actor,
    action = 'update',
  ): Promise<RegistryCommit | null> {
    return this.write((base) => updateAgentChange(base, id, patch, { actor, action, now: this.clock.iso() }));
  }

  /** What is not named in `settings` has its default again. Null when nothing changes. AGENT_NOT_FOUND, VALIDATION_ERROR. */
  replaceAgent(id: string, settings: ReplaceAgent, actor: Actor): Promise<RegistryCommit | null> {
    const by = { actor, action: 'update', now: this.clock.iso() };
    return this.write((base) => replaceAgentChange(base, id, settings, by));
  }

  /** AGENT_NOT_FOUND. */
  deleteAgent(id: string, actor: Actor): Promise<RegistryCommit> {
    return this.mustWrite((base) => deleteAgentChange(base, id, actor));
  }

  /** VALIDATION_ERROR: a circle of supervisors, a second supervisor, listed already. */
  addRelationship(relationship: Relationship, actor: Actor): Promise<RegistryCommit> {
    return this.mustWrite((base) => addRelationshipChange(base, relationship, actor));
  }

  /** What `from` is to another agent. Null when there is nothing to take away. */
  removeRelationship(from: string, gone: RemoveRelationship, actor: Actor): Promise<RegistryCommit | null> {
    const { target_agent_id: to, type } = gone;
    const fits = (r: Relationship) => r.from === from && r.to === to && (type === undefined || r.type === type);
    return this.write((base) => removeRelationshipsChange(base, fits, nameOf({ from, to }), actor));
  }

  /** SERVICE_ALREADY_EXISTS, VALIDATION_ERROR. */
  addService(name: string, service: ServicePatch, actor: Actor): Promise<RegistryCommit> {
    return this.mustWrite((base) => addServiceChange(base, name, service, actor));
  }

  /** Null when nothing changes. SERVICE_NOT_FOUND, VALIDATION_ERROR. */
  updateService(name: string, patch: ServicePatch, actor: Actor, action = 'update'): Promise<RegistryCommit | null> {
    return this.write((base) => updateServiceChange(base, name, patch, actor, action));
  }

  /** SERVICE_NOT_FOUND. */
  removeService(name: string, actor: Actor): Promise<RegistryCommit> {
    return this.mustWrite((base) => removeServiceChange(base, name, actor));
  }

  /** Changes the given settings. Null when nothing changes. VALIDATION_ERROR. */
  updateConfig(patch: ConfigPatch, actor: Actor, action: string): Promise<RegistryCommit | null> {
    return this.write((base) => configChange(base, patch, actor, action));
  }

  /** The approval policy in force, its text and the name of this version. */
  policy(): { readonly policy: Policy; readonly text: string; readonly version: string } {
    const { policy, files } = this.store.intent;
    const text = files.get('approval-policy.toml') ?? '';
    return { policy, text, version: policyVersion(text) };
  }

  /** The links of the ledger of decisions that commits of the record name. */
  anchors(): Promise<{ seq: number; sha256: string }[]> {
    return new GitHistory(this.path).ledgerLinks();
  }

  /** Replaces the policy's text. Null when nothing changes. VALIDATION_ERROR; INVALID_STATE when it was changed meanwhile. */
  writePolicy(text: string, actor: Actor, base_version?: string): Promise<RegistryCommit | null> {
    return this.write((base) => writePolicyChange(base, text, { actor, base_version }));
  }

  /** VALIDATION_ERROR: a rule that does not fit, or whose id is taken. */
  addRule(rule: PolicyRule, first: boolean, actor: Actor): Promise<RegistryCommit> {
    return this.mustWrite((base) => addRuleChange(base, rule, first, actor));
  }

  /** NOT_FOUND. */
  removeRule(id: string, actor: Actor): Promise<RegistryCommit | null> {
    return this.write((base) => removeRuleChange(base, id, actor));
  }

  /** Where the registry is pushed to. VALIDATION_ERROR for an address that git must not see. */
  async setRemote(request: RemoteRequest, actor: Actor): Promise<RemoteStatus> {
    const { url, token, user, push_every_s } = request;
    const given = { remote: url, remote_token: token, remote_user: user, push_every_s };
    const git = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    await this.updateConfig({ git }, actor, url === '' ? 'end the backup of' : 'set the backup of');
    return this.remote.status();
  }

  /** Takes up at once what a person changed on the disk; every write does so by itself. */
  refresh(): Promise<void> {
    return this.store.refresh();
  }

  /** Sees hand edits as they are saved, from now on. Resolves when it does. */
  async watch(options: WatchOptions = {}): Promise<void> {
    const refresh = (): Promise<void> => (this.closed ? Promise.resolve() : this.refresh());
    const keyOf = (name: string): string | undefined =>
      (INTENT_FILES as readonly string[]).includes(name) ? 'intent' : undefined;
    const { path, clock, warn } = this;
    this.watching = new FolderWatch({ path, clock, warn, keyOf, look: refresh, sweep: refresh }, options);
    await this.watching.start();
  }

  async history(query: z.input<typeof HistoryQuery> = {}): Promise<History> {
    return this.reader.history(parsed('query', HistoryQuery, query));
  }

  async commit(hash: string): Promise<CommitView> {
    return this.reader.commit(parsed('hash', CommitHash, hash));
  }

  async diff(query: z.input<typeof DiffQuery> = {}): Promise<RegistryDiff> {
    return this.reader.diff(parsed('query', DiffQuery, query));
  }

  async status(): Promise<RegistryStatus> {
    await this.writer.idle();
    const [tree, record_head] = await Promise.all([this.main.status(), this.main.readRef('record')]).catch(
      (error: unknown) => {
        throw gitError(error);
      },
    );
    const { edits } = this.store.onDisk;
    const invalid = edits.flatMap(({ file, problem }) => {
      if (problem === null) return [];
      return [{ file, message: describeProblem({ file, ...problem }), line: problem.line, field: problem.field }];
    });
    const held = edits
      .filter(({ state }) => state === 'held')
      .map(({ file, fields }) => ({ file, fields: fields.map(({ key }) => key) }));
    const { branch, head } = tree;
    return {
      path: this.path,
      head,
      branch,
      record_head,
      dirty: [...tree.dirty],
      invalid,
      held,
      record_pending: this.record.pending(),
      remote: this.remote.status(),
    };
  }

  /** See TimeMachine.rollback. */
  rollback(input: z.input<typeof RollbackRequest>, actor: Actor): Promise<RollbackResult> {
    return this.time.rollback(input, actor);
  }

  /** Hears every commit on `main`, after it is in force. Returns the function that ends this. */
  onCommit(listener: (commit: RegistryCommit) => void): () => void {
    return this.commitHeard.on(listener);
  }

  /** Hears of a rollback when the live system has followed it; its commit has been heard of before. */
  onRolledBack(listener: (rollback: Rollback) => void): () => void {
    return this.rollbackHeard.on(listener);
  }

  /** Hears of branches, tags and switches. Returns the function that ends this. */
  onNews(listener: (news: RegistryNews) => void): () => void {
    return this.newsHeard.on(listener);
  }

  /** Hears of a file on disk that does not fit. */
  onInvalid(listener: (problem: FileProblem) => void): () => void {
    return this.invalidHeard.on(listener);
  }

  /** Ends the writes asked for, commits the record, gives the registry free. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.watching?.close();
    await this.remote.stop();
    await this.care.stop();
    await this.store.idle();
    await this.following;
    await this.record.close().catch((error: unknown) => {
      this.warn('the record is on the disk but not committed; the next start does it', { reason: messageOf(error) });
    });
    await this.reader.close();
    await this.writer.close();
    await this.lock.release();
  }

  /** `alone`: not in one flush with other changes, so that HEAD is what the change starts from. */
  private write(
    decide: (base: Base) => Change | null | Promise<Change | null>,
    how: 'grouped' | 'alone' = 'grouped',
  ): Promise<RegistryCommit | null> {
    return this.mustBeOpen(() => this.store.write(decide, how));
  }

  private async mustBeOpen<T>(job: () => Promise<T>): Promise<T> {
    if (this.closed) throw new NoxError('SHUTTING_DOWN');
    this.care.refuseDamaged();
    return job();
  }

  private async mustWrite(decide: (base: Base) => Change): Promise<RegistryCommit> {
    const commit = await this.write(decide);
    if (commit === null) throw new NoxError('INTERNAL_SERVER_ERROR', 'A change without a commit.');
    return commit;
  }

  /** A person's edit is live at once, without making the write that found it wait. */
  private follow(before: Intent, after: Intent): void {
    this.following = this.following
      .then(() => this.reconciler?.apply(before, after, EXTERNAL))
      .then(
        () => undefined,
        (error: unknown) =>
          this.warn('the agents could not follow an edit of the registry', { reason: messageOf(error) }),
      );
  }
}
