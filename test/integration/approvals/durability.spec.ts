import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApprovalsService } from '../../../src/approvals/approvals.service.js';
import type { GatedCall } from '../../../src/approvals/gate.js';
import { RealPaths } from '../../../src/approvals/real-paths.js';
import { classify } from '../../../src/approvals/risk.js';
import type { Approval } from '../../../src/contracts/approval.js';
import { EventLog } from '../../../src/events/event-log.js';
import { ManualClock } from '../../../src/shared/clock.js';
import { StateDb } from '../../../src/shared/db/state-db.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'nox-approvals-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('approvals on a real disk', () => {
  const history: Approval[] = [];
  const open: StateDb[] = [];
  const append = async (approval: Approval): Promise<void> => void history.push(approval);
  const nox = (): { db: StateDb; service: ApprovalsService } => {
    const db = new StateDb(join(home, 'state.db'));
    open.push(db);
    const clock = new ManualClock();
    const settings = { ask_expires_after_s: () => 60 };
    return { db, service: new ApprovalsService(db, new EventLog(db, clock), clock, settings, { append }) };
  };
  const call: GatedCall = {
    agent_id: 'worker',
    session_id: 's',
    turn_id: null,
    tool_use_id: 'toolu_1',
    tool_name: 'Bash',
    input: { command: 'npm test' },
    cwd: '/w',
    requires_user_interaction: false,
  };
  beforeEach(() => {
    history.length = 0;
  });
  afterEach(() => {
    for (const db of open.splice(0)) db.close();
  });

  it('are there for another process the moment they are shown', async () => {
    const { service } = nox();
    const shown = Promise.withResolvers<string>();
    const decision = service.decide(call, new AbortController().signal, shown.resolve);
    const id = await shown.promise;
    expect(nox().service.get(id)).toEqual(service.get(id));
    const decided = decision.then(() => nox().service.get(id).status);
    await service.approve(id, { channel: 'api' }, { name: 'admin', role: 'admin' });
    await expect(decided).resolves.toBe('approved');
  });

  it('are cancelled by the next Nox when the first is gone, and reach the history once', async () => {
    const first = nox();
    const shown = Promise.withResolvers<string>();
    void first.service.decide(call, new AbortController().signal, shown.resolve);
    const id = await shown.promise;
    const second = nox();
    await second.service.recover();
    await second.service.idle();
    expect(history).toMatchObject([{ id, status: 'cancelled', reason: 'Nox restarted' }]);
    await expect(first.service.approve(id, { channel: 'api' }, { name: 'admin', role: 'admin' })).rejects.toMatchObject(
      {
        code: 'APPROVAL_ALREADY_DECIDED',
      },
    );
    const third = nox();
    await expect(third.service.recover()).resolves.toEqual([]);
    await third.service.idle();
    expect(history).toHaveLength(1);
  });
});

describe('links on a real disk', () => {
  let cwd: string;
  const level = (tool_name: string, input: Record<string, unknown>): string =>
    classify({ tool_name, input, cwd }, new RealPaths().from(cwd)).level;

  beforeEach(() => {
    cwd = join(home, 'work');
    mkdirSync(join(cwd, 'src'), { recursive: true });
    mkdirSync(join(home, 'outside', 'deep'), { recursive: true });
    writeFileSync(join(cwd, 'src', 'a.ts'), '');
    writeFileSync(join(cwd, '.env'), '');
    writeFileSync(join(home, 'outside', 'b'), '');
    symlinkSync(join(home, 'outside'), join(cwd, 'link'));
    symlinkSync(join(home, 'outside', 'deep'), join(cwd, 'deep'));
    symlinkSync('.env', join(cwd, 'notes.txt'));
    symlinkSync(join(home, 'outside', 'new'), join(cwd, 'dangling'));
    symlinkSync('loop', join(cwd, 'loop'));
    symlinkSync('src', join(cwd, 'also-src'));
  });

  it.each([
    ['src/a.ts', 'low'],
    ['./src/../src/a.ts', 'low'],
    ['also-src/a.ts', 'low'],
    ['src/not-there-yet.ts', 'low'],
    ['link/b', 'medium'],
    // The shell goes through the link and up; a program that tidies the path first does not.
    ['deep/../b', 'medium'],
    ['link/../work/src/a.ts', 'medium'],
    ['missing/../../outside/b', 'medium'],
    ['loop', 'medium'],
    ['dangling', 'medium'],
    ['notes.txt', 'high'],
  ])('reading %s is %s, by tool and by shell', (path, expected) => {
    expect(level('Read', { file_path: path })).toBe(expected);
    expect(level('Read', { file_path: join(cwd, '/') + path })).toBe(expected);
    expect(level('Bash', { command: `cat ${path}` })).toBe(expected);
  });

  it.each([
    ['src/new.ts', 'medium'],
    ['link/new', 'high'],
    ['dangling', 'high'],
    ['loop', 'high'],
    ['notes.txt', 'high'],
    ['.git/hooks/pre-commit', 'critical'],
  ])('writing %s is %s', (path, expected) => expect(level('Write', { file_path: path, content: '' })).toBe(expected));

  it('works in a workspace that is itself reached by a link', () => {
    symlinkSync(cwd, join(home, 'alias'));
    const call = { tool_name: 'Read', input: { file_path: 'src/a.ts' }, cwd: join(home, 'alias') };
    expect(classify(call, new RealPaths().from(call.cwd)).level).toBe('low');
  });
});

describe('the plans of Claude on a real disk', () => {
  let plans: string;
  const judged = (tool_name: string, file_path: string) => {
    const words = tool_name === 'Write' ? { content: 'x' } : { old_string: 'x', new_string: 'y' };
    const call = { tool_name, input: { file_path, ...words }, cwd: join(home, 'work'), plans };
    return classify(call, new RealPaths().from(call.cwd));
  };

  beforeEach(() => {
    plans = join(home, '.claude', 'plans');
    mkdirSync(join(plans, 'deep'), { recursive: true });
    mkdirSync(join(home, 'work'));
    writeFileSync(join(plans, 'old-plan.md'), '');
    writeFileSync(join(home, '.bashrc'), '');
    symlinkSync(join(home, '.bashrc'), join(plans, 'linked.md'));
    symlinkSync(plans, join(home, 'work', 'mine'));
  });

  it('regression: are what they are, for a person to see, and no more is', () => {
    const reasons = ['writes a plan for a person to see'];
    expect(judged('Write', `${plans}/brave-new-plan.md`)).toEqual({ level: 'medium', reasons });
    expect(judged('Edit', `${plans}/old-plan.md`)).toEqual({ level: 'medium', reasons });
  });

  it.each([
    'linked.md',
    'deep/plan.md',
    '../settings.md',
    '../plans/plan.md',
    './plan.md',
    '/plan.md',
    'plan.md/',
    'plan.json',
    '.hidden.md',
    'Plan.md',
    'pl\u200ban.md',
    '',
  ])('a trick with %j stays critical', (name) => {
    expect(judged('Write', `${plans}/${name}`).level).toBe('critical');
  });

  it('a way to it by a link of the workspace is none', () => {
    expect(judged('Write', join(home, 'work', 'mine', 'plan.md')).level).toBe('critical');
    expect(judged('Write', 'mine/plan.md').level).toBe('critical');
    expect(judged('Write', `${home}/work/../.claude/plans/plan.md`).level).toBe('critical');
  });

  it('nothing is one where nobody says which folder it is', () => {
    const call = { tool_name: 'Write', input: { file_path: `${plans}/plan.md`, content: '' }, cwd: join(home, 'work') };
    expect(classify(call, new RealPaths().from(call.cwd)).level).toBe('critical');
  });
});
