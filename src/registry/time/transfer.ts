import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import type { Actor } from '../../contracts/auth.js';
import { IntentFileName, type MergeConflict } from '../../contracts/registry.js';
import {
  type ExportQuery,
  ImportRequest,
  type ImportResult,
  type RegistryExport,
} from '../../contracts/registry-transfer.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import { type Base, parsed } from '../intent-change.js';
import { splitEdit } from '../hand/held.js';
import { diffIntents } from '../intent-diff.js';
import { describeProblem, type Document, type DocumentSet, intentOf, isProblem, readDocument } from '../intent.js';
import { secretProblem } from '../secrets.js';
import { isTable, type TomlTable } from '../toml/toml.js';
import { confirmed } from '../confirmed.js';
import type { GivenTasks, TaskPlan, TaskTransfer } from './task-transfer.js';
import { emptyVersion, type TimeMachine, type TimePorts } from './time-machine.js';
import { mergeVersions, refuseConflicts, withTable } from './versions.js';

type Held = ImportResult['security'][number];

/** What an import would make of a version. */
interface Planned {
  readonly documents: DocumentSet;
  readonly conflicts: readonly MergeConflict[];
  /** What decides what agents may do, and so needs a word of its own. */
  readonly security: readonly Held[];
}

const NO_TASKS: TaskPlan = { tasks: [], conflicts: [], security: [] };

/** Intent, and tasks, as plain files, without git: out of this registry, and into another. */
export class Transfer {
  /** Given at wiring. */
  tasks: TaskTransfer | undefined;

  constructor(
    private readonly root: string,
    private readonly time: TimeMachine,
    private readonly ports: TimePorts,
  ) {}

  /** The files in force; with `agents` only their tables and what they are to each other. AGENT_NOT_FOUND. */
  async export({ agents, tasks }: z.output<typeof ExportQuery>): Promise<RegistryExport> {
    const { intent, versions } = this.ports.base();
    const stranger = agents?.find((id) => !intent.agents.has(id));
    if (stranger !== undefined) throw new NoxError('AGENT_NOT_FOUND', undefined, { id: stranger });
    const chosen = agents === undefined ? versions : onlyOf(versions, agents);
    const files: RegistryExport['files'] = [...chosen].map(([path, { text }]) => ({ path, text }));
    if (tasks) {
      for (const id of agents ?? intent.agents.keys()) {
        const path = `tasks/${id}.md`;
        const text = await readTaskFile(this.root, path);
        if (text !== undefined) files.push({ path, text });
      }
    }
    return { head: await this.ports.main.head(), files };
  }

  /**
   * Brings files of another registry into this one, intent by one commit and then the tasks: what they have and this one
   * lacks is added, nothing is taken away. A key or a task that both have, each in its own way, is a conflict; what a hand
   * edit would have to wait for, and a command that a task brings, needs `accept`. A dry run answers both. Cut off between
   * the two, it is ended by being said again. VALIDATION_ERROR with file, line and field; SECRET_REFUSED, MERGE_CONFLICT,
   * CONFIRMATION_REQUIRED.
   */
  async import(input: z.input<typeof ImportRequest>, actor: Actor): Promise<ImportResult> {
    const request = confirmed(parsed('body', ImportRequest, input));
    const { prefer, accept } = request;
    const given = givenIntent(request.files);
    const texts = givenTasks(request.files);
    const unknown_keys = [...given].flatMap(([file, document]) =>
      document.unknown_keys.map((key) => `${file}: ${key}`),
    );
    const plan = (base: Base): Planned => planned(base, given, prefer);
    const now = this.ports.base();
    const first = plan(now);
    const asked: GivenTasks = { texts, prefer, accept };
    const wanted = await this.planTasks(asked, first.documents);
    if (request.dry_run) {
      const { objects, reconciled } = this.time.preview(now.intent, first.documents);
      const conflicts = [...first.conflicts, ...wanted.conflicts];
      const facts = { conflicts, security: [...first.security, ...wanted.security], unknown_keys };
      return { dry_run: true, ...facts, commit: null, objects, tasks: [...wanted.tasks], reconciled };
    }
    refuseConflicts({ documents: first.documents, conflicts: [...first.conflicts, ...wanted.conflicts] });
    if (wanted.security.length > 0 && !accept) throw needsAccept([...first.security, ...wanted.security]);
    let security: readonly Held[] = [];
    const { commit, before, after, reconciled } = await this.time.carryOut(actor, (base) => {
      const made = plan(base);
      const documents = refuseConflicts(made);
      security = made.security;
      if (security.length > 0 && !accept) throw needsAccept(security);
      const names = [...given.keys()];
      const object_ref = `file:${names.join(',')}`;
      const note = { area: 'registry', action: 'import', object: names.join(', '), object_ref, actor } as const;
      return Promise.resolve({ documents, note });
    });
    const tasks = texts.size === 0 ? [] : ((await this.tasks?.carryOut(asked, actor)) ?? []);
    const objects = diffIntents(before, after);
    const facts = { conflicts: [], security: [...security, ...wanted.security], unknown_keys };
    return { dry_run: false, ...facts, commit, objects, tasks: [...tasks], reconciled };
  }

  private async planTasks(asked: GivenTasks, documents: DocumentSet): Promise<TaskPlan> {
    const { agents } = intentOf(documents);
    const stranger = [...asked.texts.keys()].find((id) => !agents.has(id));
    if (stranger !== undefined) {
      const field = `tasks/${stranger}.md`;
      const message = `there is no agent ${stranger}, neither here nor in the files`;
      throw new NoxError('VALIDATION_ERROR', `Not imported: ${field}: ${message}`, [{ field, message }]);
    }
    return asked.texts.size === 0 ? NO_TASKS : ((await this.tasks?.plan(asked)) ?? NO_TASKS);
  }
}

type Files = z.output<typeof ImportRequest>['files'];

function givenIntent(files: Files): Map<IntentFileName, Document> {
  const read = files.flatMap(({ path, text }) => {
    const file = IntentFileName.safeParse(path);
    return file.success ? [[file.data, readGiven(file.data, text)] as const] : [];
  });
  return new Map(read);
}

/** Task files by agent. */
function givenTasks(files: Files): Map<string, string> {
  const own = files.flatMap(({ path, text }) => {
    const [, agent_id] = /^tasks\/(.+)\.md$/.exec(path) ?? [];
    return agent_id === undefined ? [] : [[agent_id, text] as const];
  });
  return new Map(own);
}

function planned(
  base: Base,
  given: ReadonlyMap<IntentFileName, Document>,
  prefer: 'ours' | 'theirs' | undefined,
): Planned {
  const theirs = new Map([...emptyVersion(), ...given]);
  const { documents, conflicts } = mergeVersions(emptyVersion(), base.versions, theirs, {
    choices: [],
    ...(prefer === undefined ? {} : { prefer }),
  });
  for (const [file, document] of documents) {
    const secret = secretProblem(file, document, base.versions.get(file));
    if (secret !== undefined) throw new NoxError('SECRET_REFUSED', describeProblem(secret), secret);
  }
  const security = [...documents].flatMap(([file, document]) => {
    const in_force = base.versions.get(file);
    if (in_force === undefined) return [];
    return splitEdit(file, in_force, document).held.map(({ key, before, after }) => {
      return { file, key, before: before ?? null, after: after ?? null };
    });
  });
  return { documents, conflicts: [...conflicts], security };
}

function readGiven(file: IntentFileName, text: string): Document {
  const read = readDocument(file, text);
  if (!isProblem(read)) return read;
  const { line, field, message } = read;
  throw new NoxError('VALIDATION_ERROR', `Not imported: ${describeProblem(read)}`, [
    { field: `${file}:${line}${field === '' ? '' : `: ${field}`}`, message },
  ]);
}

function needsAccept(security: readonly Held[]): NoxError {
  const keys = security.map(({ file, key }) => `${file}: ${key}`).join('; ');
  return new NoxError(
    'CONFIRMATION_REQUIRED',
    `These decide what agents may do: ${keys}. Look at them with "dry_run": true, then send "accept": true. Nothing was changed.`,
    { security },
  );
}

/** Tables of some agents, and the relationships among them; no policy, service or setting. */
function onlyOf(versions: DocumentSet, agents: readonly string[]): DocumentSet {
  const chosen = new Map<IntentFileName, Document>();
  const [all, among] = [versions.get('agents.toml'), versions.get('agent-relationships.toml')];
  if (all !== undefined && isTable(all.table['agents'])) {
    const tables = Object.entries(all.table['agents']).filter(([id]) => agents.includes(id));
    chosen.set('agents.toml', withTable('agents.toml', all, { ...all.table, agents: Object.fromEntries(tables) }));
  }
  const list = among?.table['relationships'];
  if (among !== undefined && Array.isArray(list)) {
    const inside = (list as readonly TomlTable[]).filter(({ from, to }) =>
      [from, to].every((id) => typeof id === 'string' && agents.includes(id)),
    );
    if (inside.length > 0)
      chosen.set(
        'agent-relationships.toml',
        withTable('agent-relationships.toml', among, { ...among.table, relationships: inside }),
      );
  }
  return chosen;
}

/**
 * Undefined when there is none. INVALID_STATE for what is no plain file: whoever may write in that folder must not have
 * other files of this machine exported, nor let an export wait for a pipe.
 */
async function readTaskFile(root: string, path: string): Promise<string | undefined> {
  const refused = new NoxError('INVALID_STATE', `${path} is no plain file; mend it, or export without the tasks.`);
  try {
    if (!(await lstat(dirname(join(root, path)))).isDirectory()) throw refused;
    const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw refused;
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw ['ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '') ? refused : error;
  }
}
