import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { TaskBook } from '../../src/tasks/task-book.js';
import { TaskImports } from '../../src/tasks/task-import.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

const FILE = `# Tasks

## In progress

- [ ] Draw the plan <!-- id: t-plan0001 -->

## Todo

- [ ] Build it <!-- id: t-build001 --> 
  - depends: t-plan0001
- [ ] Paint it
`;

/** Tasks of another registry into this one: added, never taken away; what both have is a conflict. */
describe('an import with task files', () => {
  let kit: Kit;
  let registry: RegistryService;
  let db: StateDb;
  let book: TaskBook;

  beforeEach(async () => {
    kit = await Kit.make();
    registry = await kit.open();
    db = new StateDb(':memory:');
    book = new TaskBook(registry, db, new EventLog(db, kit.clock), kit.clock);
    registry.transfer.tasks = new TaskImports(book, kit.clock);
    await registry.createAgent('lead', agentConfig(), ADMIN);
  });
  afterEach(async () => {
    await book.idle();
    db.close();
    await kit.remove();
  });

  const lead = (text: string, more: object = {}) =>
    registry.transfer.import({ files: [{ path: 'tasks/lead.md', text }], ...more }, ADMIN);
  const titles = () => [...book.all().values()].filter(({ in_file }) => in_file).map(({ title }) => title);
  const onDisk = () => readFile(join(kit.root, 'tasks/lead.md'), 'utf8');

  it('adds them to the file and to what Nox knows, once, and says so before', async () => {
    const head = (await registry.status()).head;
    const plan = await lead(FILE, { dry_run: true });
    expect(plan.tasks).toEqual([
      { agent_id: 'lead', id: 't-plan0001', title: 'Draw the plan', change: 'added' },
      { agent_id: 'lead', id: 't-build001', title: 'Build it', change: 'added' },
      { agent_id: 'lead', id: null, title: 'Paint it', change: 'added' },
    ]);
    expect(titles()).toEqual([]);
    const done = await lead(FILE, { confirm: true });
    expect(done).toMatchObject({ commit: null, conflicts: [] });
    expect(titles()).toEqual(['Draw the plan', 'Build it', 'Paint it']);
    expect(book.get('t-plan0001').status).toBe('in_progress');
    expect(book.get('t-build001').dependencies).toEqual(['t-plan0001']);
    const text = await onDisk();
    expect(text).toContain('Draw the plan');
    // And what export then gives changes nothing.
    const { files } = await registry.transfer.export({ tasks: true });
    const own = files.find(({ path }) => path === 'tasks/lead.md');
    expect((await lead(own?.text ?? '', { confirm: true })).tasks).toEqual([]);
    expect((await lead(FILE, { confirm: true })).tasks).toEqual([]);
    expect(await onDisk()).toBe(text);
    expect((await registry.status()).head).toBe(head);
  });

  it('keeps what is here; a task that both have in another way needs a side', async () => {
    await lead('# Tasks\n\n## Todo\n\n- [ ] Mine\n- [ ] Build a boat <!-- id: t-build001 -->\n', { confirm: true });
    const plan = await lead(FILE, { dry_run: true });
    expect(plan.conflicts).toEqual([
      {
        file: 'tasks/lead.md',
        key: 't-build001',
        base: null,
        ours: { title: 'Build a boat', dependencies: [] },
        theirs: { title: 'Build it', dependencies: ['t-plan0001'] },
      },
    ]);
    await expect(lead(FILE, { confirm: true })).rejects.toMatchObject({ code: 'MERGE_CONFLICT' });
    expect(titles()).toEqual(['Mine', 'Build a boat']);
    await lead(FILE, { confirm: true, prefer: 'ours' });
    expect(book.get('t-build001').title).toBe('Build a boat');
    const done = await lead(FILE, { confirm: true, prefer: 'theirs' });
    expect(done.tasks).toEqual([{ agent_id: 'lead', id: 't-build001', title: 'Build it', change: 'changed' }]);
    expect(titles().sort()).toEqual(['Build it', 'Draw the plan', 'Mine', 'Paint it']);
  });

  it('asks for a word of its own for commands that Nox would run', async () => {
    const text = '# Tasks\n\n## Todo\n\n- [ ] Test it\n  - accept: `npm test`\n';
    const plan = await lead(text, { dry_run: true });
    expect(plan.security).toEqual([
      { file: 'tasks/lead.md', key: 'Test it.accept', before: null, after: ['npm test'] },
    ]);
    await expect(lead(text, { confirm: true })).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
    expect(titles()).toEqual([]);
    await lead(text, { confirm: true, accept: true });
    expect(titles()).toEqual(['Test it']);
  });

  it('refuses what cannot be read, and tasks of nobody, before anything is changed', async () => {
    const files = [
      {
        path: 'agents.toml' as const,
        text: 'schema_version = 1\n[agents.worker]\nname = "Worker"\nsystem_prompt = "x"\n',
      },
      { path: 'tasks/worker.md', text: '# Tasks\n\n## Todo\n\n- [ ]\n' },
    ];
    await expect(registry.transfer.import({ files, confirm: true, accept: true }, ADMIN)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      message: expect.stringContaining('tasks/worker.md:5'),
    });
    expect(registry.agents().has('worker')).toBe(false);
    await expect(
      registry.transfer.import({ files: [{ path: 'tasks/nobody.md', text: FILE }], confirm: true }, ADMIN),
    ).rejects.toMatchObject({ code: 'VALIDATION_ERROR', message: expect.stringContaining('no agent nobody') });
    // With its agent in the same import it has an owner.
    const good = [files[0]!, { path: 'tasks/worker.md', text: FILE }];
    const done = await registry.transfer.import({ files: good, confirm: true, accept: true }, ADMIN);
    expect(done.commit).toMatchObject({ action: 'import' });
    expect(titles()).toEqual(['Draw the plan', 'Build it', 'Paint it']);
  });
});
