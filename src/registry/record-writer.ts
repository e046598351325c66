import type { Dirent } from 'node:fs';
import { access, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Approval } from '../contracts/approval.js';
import { AgentId } from '../contracts/ids.js';
import { type MemoryFact, MemoryFile } from '../contracts/memory.js';
import { ResourceUsageFile } from '../contracts/resources.js';
import type { Turn } from '../contracts/turn.js';
import { makeFolder, syncPath, TMP_PREFIX, writeFileAtomic } from '../shared/atomic-file.js';
import type { Clock } from '../shared/clock.js';
import { failpoint } from '../shared/failpoint.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { errnoOf, messageOf, NoxError } from '../shared/nox-error.js';
import { appendEntry, cutTornEntry } from './append-file.js';
import { formatMessage, identityOf } from './commit-message.js';
import { gitError } from './git/git-process.js';
import type { RecordBranch } from './git/record-branch.js';
import { RECORD_PATHS, storageError } from './intent-folder.js';
import { ConversationFiles } from './conversation-files.js';
import { formatApproval, formatFact, monthOf } from './record-text.js';
import { redact } from './redact.js';
import { formatTable } from './toml/toml-format.js';
import { parseToml, type TomlTable, withoutUndefined } from './toml/toml.js';

/** So many approvals may be under way between their decision and what came of it. */
const REMEMBERED_APPROVALS = 1000;

/** Between two commits passes this many times what the first took, within bounds. */
const COMMIT_SHARE = 50;
const MAX_DELAY_MS = 60_000;

/** How often it is waited for a moment without a write. */
const REST_ATTEMPTS = 50;

/** What is checkpointed of an agent's run. */
export interface AgentCheckpoint {
  readonly session_id: string | null;
  readonly status: string;
  readonly restart_count: number;
  readonly [key: string]: unknown;
}

export interface RecordOptions {
  /** How long a change waits for others before it is committed; longer where commits take long. */
  readonly delay_ms?: number;
  /** How many changed files do not wait. */
  readonly max_files?: number;
  /** Size at which a day's conversation goes on in a second file. */
  readonly max_file_bytes?: number;
}

type Warn = (message: string, fields: object) => void;

const APPROVALS = 'approval-history.toml';
const RESOURCE_USAGE = 'resource-usage.toml';
const MEMORY_HEAD = 'schema_version = 1\n';
const NEW_AGENT_FILES = {
  'state.toml': 'schema_version = 1\nstatus = "inactive"\nrestart_count = 0\n',
  'memory.toml': MEMORY_HEAD,
  'tasks.toml': 'schema_version = 1\n',
} as const;
const NOX = { name: 'nox', role: 'admin' } as const;

/**
 * Writes what happened. A call resolves when the file is on the disk (a turn's: see `appendTurn`); the commits on ref
 * `record` follow in batches, and what a crash leaves uncommitted is committed after the next start. Secrets of known
 * formats are cut first.
 */
export class RecordWriter {
  private readonly files = new KeyedQueue();
  /** Given at wiring: the newest link of the ledger of decisions, which every commit then names. */
  anchor: () => { readonly seq: number; readonly sha256: string } | null = () => null;
  /** Given at wiring: throws while nothing may be committed. */
  guard: () => void = () => undefined;
  /** Given at wiring: called before the turns appended so far are put on the disk; what it answers is called after that. */
  safepoint: () => () => void = () => () => undefined;
  private readonly commits = new KeyedQueue<'commit'>();
  private readonly dirty = new Set<string>();
  /** Files whose end has been looked at since the start. */
  private readonly checked = new Set<string>();
  private readonly states = new Map<string, string>();
  private readonly conversations: ConversationFiles;
  /** The month that approval-history.toml holds. */
  private approvalsMonth: string | undefined;
  /** Entries lately written, by approval: what ran is told shortly after the decision. */
  private readonly approvals = new Map<string, string>();
  /** How long the next change waits for others. */
  private delay_ms: number;
  /** Until the first commit: what an earlier Nox or a person left is looked for. */
  private scan = true;
  private cancelTimer: (() => void) | undefined;
  private closed = false;
  private readonly options: Required<RecordOptions>;

  constructor(
    private readonly root: string,
    private readonly branch: RecordBranch,
    private readonly clock: Clock,
    private readonly warn: Warn,
    options: RecordOptions = {},
  ) {
    this.options = { delay_ms: 2000, max_files: 200, max_file_bytes: 4 * 1024 * 1024, ...options };
    this.delay_ms = this.options.delay_ms;
    const { max_file_bytes } = this.options;
    const cut = (file: string, torn_bytes: number): void => this.tellTorn(file, torn_bytes);
    this.conversations = new ConversationFiles({ root, max_file_bytes, cut });
  }

  /** Begins to commit what the last run left. */
  start(): void {
    this.schedule();
  }

  /** Appends a turn that has ended to its agent's conversation of the day. On the disk it is when `safepoint` hears of it. */
  async appendTurn(turn: Turn): Promise<void> {
    return this.files.run(checkedId(turn.agent_id), async () => {
      try {
        this.mark(await this.conversations.append(turn));
      } catch (error) {
        throw storageError(error);
      }
    });
  }

  /** Answers whether the record has a turn; see `ConversationFiles.finder`. */
  turnFinder(): (turn: Turn) => Promise<boolean> {
    return this.conversations.finder();
  }

  /**
   * Keeps an approval that has ended in its month's history; a new month puts the old file away. Said again, when it is
   * known what ran, the later word replaces the earlier one.
   */
  appendApproval(approval: Approval): Promise<void> {
    return this.files.run(APPROVALS, async () => {
      const month = monthOf(approval.decided_at ?? this.clock.iso());
      await this.rotateApprovals(month);
      const entry = formatApproval(approval);
      const replaced = await this.replaceApproval(approval.id, entry);
      if (!replaced) await this.append(APPROVALS, 'approvals', approvalsHead(month), entry);
      this.remember(approval.id, entry);
    });
  }

  /** False when this month's history does not hold the approval as it was written by this Nox. */
  private async replaceApproval(id: string, entry: string): Promise<boolean> {
    const before = this.approvals.get(id);
    if (before === undefined) return false;
    if (before === entry) return true;
    const text = await readFile(join(this.root, APPROVALS), 'utf8');
    const at = text.lastIndexOf(before);
    if (at < 0) return false;
    await this.write(APPROVALS, text.slice(0, at) + entry + text.slice(at + before.length));
    return true;
  }

  private remember(id: string, entry: string): void {
    this.approvals.delete(id);
    this.approvals.set(id, entry);
    const [oldest] = this.approvals.keys();
    if (this.approvals.size > REMEMBERED_APPROVALS && oldest !== undefined) this.approvals.delete(oldest);
  }

  /** Checkpoints an agent; writes only when something changed. */
  async saveState(agent_id: string, state: AgentCheckpoint): Promise<void> {
    const id = checkedId(agent_id);
    return this.files.run(id, async () => {
      const table = withoutUndefined({ schema_version: 1, ...state }) as TomlTable;
      const text = redact(formatTable([], table));
      if (this.states.get(id) === text) return;
      await this.write(`agents/${id}/state.toml`, text);
      this.states.set(id, text);
    });
  }

  /** The sums of what agents use, as last saved; none when there is no file. Throws when it cannot be read as such. */
  readResourceUsage(): Promise<ResourceUsageFile['agents']> {
    return this.files.run(RESOURCE_USAGE, async () => {
      if (!(await this.exists(RESOURCE_USAGE))) return {};
      return ResourceUsageFile.parse(parseToml(await readFile(join(this.root, RESOURCE_USAGE), 'utf8'))).agents;
    });
  }

  /** Checkpoints those sums; writes only when something changed. */
  saveResourceUsage(agents: ResourceUsageFile['agents']): Promise<void> {
    return this.files.run(RESOURCE_USAGE, async () => {
      const text = formatTable([], { schema_version: 1, agents });
      if (this.states.get(RESOURCE_USAGE) === text) return;
      await this.write(RESOURCE_USAGE, text);
      this.states.set(RESOURCE_USAGE, text);
    });
  }

  /** Replaces the task files of these agents; they go into the record in one commit. */
  writeTaskFiles(texts: ReadonlyMap<string, string>): Promise<void> {
    return this.files.run('tasks', async () => {
      const written: string[] = [];
      try {
        await makeFolder(join(this.root, 'tasks'));
        for (const [agent_id, text] of texts) {
          const path = `tasks/${checkedId(agent_id)}.md`;
          await writeFileAtomic(join(this.root, path), text);
          written.push(path);
        }
      } catch (error) {
        throw storageError(error);
      } finally {
        // Together and at the end, so that no commit comes between them.
        for (const path of written) this.mark(path);
      }
    });
  }

  /** A person has changed an agent's task file: it is committed too. */
  noteTaskFile(agent_id: string): void {
    this.mark(`tasks/${checkedId(agent_id)}.md`);
  }

  /** Replaces the history of an agent's tasks; writes only when something changed. */
  saveTaskHistory(agent_id: string, text: string): Promise<void> {
    const path = `agents/${checkedId(agent_id)}/tasks.toml`;
    return this.files.run(agent_id, async () => {
      const clean = redact(text);
      if (this.states.get(path) === clean) return;
      await this.write(path, clean);
      this.states.set(path, clean);
    });
  }

  /** Makes the files of an agent that are not there. */
  async ensureAgent(agent_id: string): Promise<void> {
    const id = checkedId(agent_id);
    return this.files.run(id, async () => {
      for (const [name, text] of Object.entries(NEW_AGENT_FILES)) {
        const path = `agents/${id}/${name}`;
        if (!(await this.exists(path))) await this.write(path, text);
      }
    });
  }

  /** Keeps a fact in the agent's memory. */
  appendFact(agent_id: string, fact: MemoryFact): Promise<void> {
    const id = checkedId(agent_id);
    return this.files.run(id, () => this.append(`agents/${id}/memory.toml`, 'facts', MEMORY_HEAD, formatFact(fact)));
  }

  /** What the agent has kept, oldest first. Throws when a person's edit has made the file unreadable. */
  facts(agent_id: string): Promise<MemoryFact[]> {
    const path = `agents/${checkedId(agent_id)}/memory.toml`;
    return this.files.run(agent_id, async () => {
      const text = await readFile(join(this.root, path), 'utf8').catch((error: unknown) => whenMissing('', error));
      return MemoryFile.parse(parseToml(text)).facts;
    });
  }

  /** Files that wait for their commit. */
  pending(): number {
    return this.dirty.size;
  }

  /** While the job runs, nothing is committed. */
  alone<T>(job: () => Promise<T>): Promise<T> {
    return this.commits.run('commit', job);
  }

  /**
   * Calls `pin` at an instant at which the ref holds everything that was written; where that instant does not come, since
   * writes never pause, at one when it lacks only the newest. Answers where the ref was then; null: there is none.
   */
  async atRest(pin: () => void): Promise<string | null> {
    for (let attempt = 1; ; attempt += 1) {
      await this.flush();
      const at = await this.alone(async () => {
        const head = await this.branch.head();
        if (this.dirty.size > 0 && attempt < REST_ATTEMPTS) return undefined;
        pin();
        return head;
      });
      if (at !== undefined) return at;
    }
  }

  /** What git has may have changed beneath: the next commit looks at all files. */
  rescan(): void {
    this.scan = true;
    this.schedule();
  }

  /** Commits everything written so far. GIT_OPERATION_FAILED leaves it for the next time. */
  async flush(): Promise<void> {
    await this.files.idle();
    await this.commits.run('commit', () => this.commitNow());
  }

  /** Commits what is written and sets no timer any more. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
  }

  private async commitNow(): Promise<void> {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    const written = [...this.dirty];
    this.dirty.clear();
    const began_ms = this.clock.now();
    const { scan } = this;
    try {
      const onDisk = this.safepoint();
      if (await this.conversations.sync()) onDisk();
      this.guard();
      await failpoint('record.commit.before');
      await this.commit(scan ? await this.everything() : written);
      if (!scan) this.restFor(this.clock.now() - began_ms);
      this.scan = false;
    } catch (error) {
      for (const path of written) this.dirty.add(path);
      throw gitError(error);
    }
  }

  /** A commit packs each changed file anew, however little was added: under load it must not be what Nox does all day. */
  private restFor(took_ms: number): void {
    this.delay_ms = Math.max(this.options.delay_ms, Math.min(took_ms * COMMIT_SHARE, MAX_DELAY_MS));
  }

  private async commit(files: readonly string[]): Promise<void> {
    if (files.length === 0) return;
    const base = formatMessage({
      area: 'record',
      action: 'checkpoint',
      object: files.length === 1 ? (files[0] ?? '') : `${files.length} files`,
      object_ref: 'record',
      actor: NOX,
    });
    const link = this.anchor();
    const message = link === null ? base : `${base.trimEnd()}\nNox-Ledger: ${link.seq}:${link.sha256}\n`;
    await this.branch.commit(files, { message, author: identityOf(NOX.name), at_ms: this.clock.now() });
  }

  private async everything(): Promise<string[]> {
    const found = await Promise.all(
      RECORD_PATHS.map(async (name) => {
        if (name.endsWith('.toml')) return (await this.exists(name)) ? [name] : [];
        const entries = await readdir(join(this.root, name), { recursive: true, withFileTypes: true }).catch(noEntries);
        const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(TMP_PREFIX));
        return files.map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1));
      }),
    );
    const files = found.flat().filter((path) => !/(^|\/)\.git(\/|$)/i.test(path));
    return [...new Set([...files, ...(await this.branch.known())])];
  }

  private mark(path: string): void {
    const is_known = this.dirty.has(path);
    this.dirty.add(path);
    if (!is_known && this.dirty.size === this.options.max_files) this.flushLater();
    else this.schedule();
  }

  private schedule(): void {
    if (this.closed) return;
    this.cancelTimer ??= this.clock.after(this.delay_ms, () => this.flushLater());
  }

  private flushLater(): void {
    this.commits
      .run('commit', () => this.commitNow())
      .catch((error: unknown) => {
        // After the repair everything is looked at again.
        if (error instanceof NoxError && error.code === 'REGISTRY_DAMAGED') return;
        this.warn('the record could not be committed; it is tried again', { reason: messageOf(error) });
        this.schedule();
      });
  }

  private async write(path: string, text: string): Promise<void> {
    try {
      await makeFolder(dirname(join(this.root, path)));
      await writeFileAtomic(join(this.root, path), text);
    } catch (error) {
      throw storageError(error);
    }
    this.mark(path);
  }

  private async append(path: string, list: string, head: string, entry: string): Promise<void> {
    const full = join(this.root, path);
    try {
      const torn_bytes = this.checked.has(path) ? 0 : (await cutTornEntry(full, list)).torn_bytes;
      if (torn_bytes > 0) this.tellTorn(path, torn_bytes);
      await appendEntry(full, head, entry);
    } catch (error) {
      throw storageError(error);
    }
    this.checked.add(path);
    this.mark(path);
  }

  private tellTorn(file: string, torn_bytes: number): void {
    this.warn('cut a torn entry from the end of a record file', { file, torn_bytes });
  }

  private async rotateApprovals(month: string): Promise<void> {
    if (this.approvalsMonth !== undefined && this.approvalsMonth >= month) return;
    const full = join(this.root, APPROVALS);
    const text = await readFile(full, 'utf8').catch((error: unknown) => whenMissing('', error));
    const began = /^(?:month = "|(?:requested|decided)_at = )(\d{4}-\d\d)/m.exec(text)?.[1] ?? month;
    this.approvalsMonth = began > month ? began : month;
    if (!text.includes('[[approvals]]')) {
      if (text !== approvalsHead(month)) await this.write(APPROVALS, approvalsHead(month));
      return;
    }
    if (began >= month) return;
    const archive = (part: number): string => `approval-history/${part === 1 ? began : `${began}-${part}`}.toml`;
    let part = 1;
    while (await this.exists(archive(part))) part += 1;
    await makeFolder(join(this.root, 'approval-history'));
    await rename(full, join(this.root, archive(part)));
    await syncPath(join(this.root, 'approval-history'));
    this.mark(archive(part));
    await this.write(APPROVALS, approvalsHead(month));
  }

  private exists(path: string): Promise<boolean> {
    return access(join(this.root, path)).then(
      () => true,
      (error: unknown) => whenMissing(false, error),
    );
  }
}

const approvalsHead = (month: string): string => `schema_version = 1\nmonth = "${month}"\n`;

function checkedId(id: string): string {
  const result = AgentId.safeParse(id);
  if (!result.success)
    throw new NoxError('VALIDATION_ERROR', 'This is not an agent id.', [
      { field: 'agent_id', message: 'is not an id' },
    ]);
  return result.data;
}

function noEntries(error: unknown): Dirent[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}

/** What a file that is not there counts as; a file that cannot be read is no missing one. */
function whenMissing<T>(value: T, error: unknown): T {
  if (errnoOf(error) === 'ENOENT') return value;
  throw error;
}
