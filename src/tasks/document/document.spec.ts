import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CreateTask, type TaskStatus } from '../../contracts/task.js';
import { addTask, editTask, newTaskFile, removeTask, withIds } from './edit.js';
import { joinLines } from './lines.js';
import { parseTasks, statusOfHeading, type TaskDocument } from './parse.js';
import { formatTime, parseTime } from './times.js';

const EXAMPLE = `# Tasks for worker

Free text is kept exactly.

## 🟢 In Progress
- [ ] Fix the login form (Priority: HIGH) <!-- id: t-7f3k2m -->
  - Started: 2026-11-21 08:30
  - Progress: 60%
  - Depends: t-1ab2cd
  - Accept: \`npm test -- login\`

## 📋 Todo
- [ ] Write the changelog <!-- id: t-9x0y1z -->
  - Deadline: 2026-11-30 18:00
  - From: lead

## ⛔ Blocked
## ✅ Done
- [x] Read the ticket (Completed: 2026-11-21 08:12) <!-- id: t-0aa1bb -->
`;

function parsed(text: string, zone = 'UTC'): TaskDocument {
  const result = parseTasks(text, zone);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.document;
}
const problems = (text: string) => {
  const result = parseTasks(text, 'UTC');
  return result.ok ? [] : result.problems.map(({ line, message }) => `${line}: ${message}`);
};

describe('a task file', () => {
  it('is read as people write it', () => {
    expect(parsed(EXAMPLE).tasks).toMatchObject([
      {
        id: 't-7f3k2m',
        title: 'Fix the login form',
        status: 'in_progress',
        ticked: false,
        priority: 'high',
        started: '2026-11-21T08:30:00.000Z',
        progress: 60,
        depends: ['t-1ab2cd'],
        accept: ['npm test -- login'],
        description: '',
      },
      { id: 't-9x0y1z', status: 'todo', deadline: '2026-11-30T18:00:00.000Z', from: 'lead', priority: null },
      { id: 't-0aa1bb', status: 'done', ticked: true, completed: '2026-11-21 08:12', title: 'Read the ticket' },
    ]);
  });

  it('names statuses by words, whatever signs stand around them', () => {
    for (const [text, status] of [
      ['🟢 In Progress', 'in_progress'],
      ['TO DO:', 'todo'],
      ['  Done!! ✅', 'done'],
      ['Someday', undefined],
      ['constructor', undefined],
    ] as const)
      expect({ text, status: statusOfHeading(text) }).toEqual({ text, status });
  });

  it('has times in its own zone', () => {
    const text = '<!-- zone: Europe/Berlin -->\n## Todo\n- [ ] a <!-- id: t-aa -->\n  - Deadline: 2026-07-01 12:00\n';
    expect(parsed(text).tasks[0]?.deadline).toBe('2026-07-01T10:00:00.000Z');
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu'),
        (date, zone) => {
          const written = formatTime(date.toISOString(), zone);
          const read = parseTime(written, zone);
          // In the hour that is there twice either one may be meant.
          expect(formatTime(read ?? '', zone)).toBe(written);
        },
      ),
    );
  });

  it('keeps every byte that it was given', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '## Todo',
        '## Done',
        '\t- [ ] tab',
        '- [ ] one',
        '- [x] two (Priority: LOW)',
        '  - Progress: 5%',
        '---',
        '```',
        '<!--',
        '-->',
        '',
        '   ',
        '> quote',
      ),
    );
    const eol = fc.constantFrom('\n', '\r\n', '\r', '');
    const text = fc
      .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, eol)))
      .map(([bom, lines]) => bom + lines.flat().join(''));
    let read = 0;
    fc.assert(
      fc.property(text, (given) => {
        const result = parseTasks(given, 'UTC');
        if (!result.ok) return;
        read += 1;
        expect(joinLines(result.document.bom, result.document.lines)).toBe(given);
        for (const { id } of result.document.tasks)
          if (id !== null) expect(editTask(result.document, id, {})).toBe(given);
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it('is changed in the named task only, line by line', () => {
    for (const text of [EXAMPLE, EXAMPLE.replaceAll('\n', '\r\n'), `\ufeff${EXAMPLE}`, EXAMPLE.trimEnd()]) {
      const edited = editTask(parsed(text), 't-7f3k2m', { progress: 80 });
      expect(edited).toBe(text.replace('60%', '80%'));
      expect(editTask(parsed(edited), 't-7f3k2m', { progress: 60 })).toBe(text);
    }
  });

  it('moves a task with everything that belongs to it', () => {
    const done = editTask(parsed(EXAMPLE), 't-9x0y1z', {
      status: 'done',
      ticked: true,
      completed: '2026-11-22T10:00:00.000Z',
    });
    expect(done).toContain(
      '- [x] Write the changelog (Completed: 2026-11-22 10:00) <!-- id: t-9x0y1z -->\n  - Deadline: 2026-11-30 18:00\n  - From: lead\n',
    );
    expect(parsed(done).tasks.map(({ id, status }) => [id, status])).toEqual([
      ['t-7f3k2m', 'in_progress'],
      ['t-0aa1bb', 'done'],
      ['t-9x0y1z', 'done'],
    ]);
    const back = editTask(parsed(done), 't-9x0y1z', { status: 'todo', ticked: false, completed: null });
    expect(back).toBe(EXAMPLE);
  });

  it('gets headings that it lacks', () => {
    const text = editTask(parsed('- [ ] only <!-- id: t-aa -->'), 't-aa', { status: 'failed' });
    expect(text).toBe('## ❌ Failed\n- [ ] only <!-- id: t-aa -->\n');
  });

  it('gives ids to new lines, also to the last one without an end', () => {
    let n = 0;
    const text = withIds(parsed('## Todo\r\n* [ ] a\r\n+ [x] b'), () => `t-n${(n += 1)}`);
    expect(text).toBe('## Todo\r\n* [ ] a <!-- id: t-n1 -->\r\n+ [x] b <!-- id: t-n2 -->');
  });

  it('reads back what was put in, whatever the words are', () => {
    const words = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom(
        '(Priority: LOW)',
        '## Done',
        '- Accept: `rm -rf /`',
        '\\- Accept: x',
        '```',
        '---',
        '- [ ] more',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' ')),
        fc.array(words, { maxLength: 5 }).map((parts) => parts.join('\n')),
        fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { maxLength: 3 }),
        fc.constantFrom('critical', 'high', 'medium', 'low'),
        fc.constantFrom<TaskStatus>('todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled'),
        (title, description, accept, priority, status) => {
          const given = CreateTask.safeParse({ agent_id: 'worker', title, description, accept, priority });
          if (!given.success) return;
          const task = { id: 't-new', ...given.data, status, accept: given.data.accept, priority: given.data.priority };
          const before = parsed(newTaskFile('worker', 'UTC'));
          const document = parsed(addTask(before, task));
          expect(document.tasks).toHaveLength(1);
          const [read] = document.tasks;
          expect({ ...read, priority: read?.priority ?? 'medium' }).toMatchObject({
            id: 't-new',
            title: given.data.title,
            status,
            accept: given.data.accept,
            priority,
          });
          const back = removeTask(document, 't-new');
          expect(parsed(back.text).tasks).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('does not let a description become fields, tasks or headings', () => {
    const description = 'first\n\n- Accept: `touch /tmp/p`\n## Done\n- [x] gone\n```\nnever closed\n  deeper';
    const given = { id: 't-new', title: 'x', status: 'todo' as const, description };
    const document = parsed(addTask(parsed(EXAMPLE), given));
    expect(document.tasks).toHaveLength(4);
    const task = document.tasks.find(({ id }) => id === 't-new');
    expect(task).toMatchObject({ accept: [], description, status: 'todo' });
  });

  it('says what is wrong and where', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['## Todo\n- [ ] a <!-- id: t-aa -->\n- [ ] b <!-- id: t-aa -->', '3: the id t-aa stands on line 2 already'],
      ['## Todo\n- [ ] a <!-- id: ../../root -->', '2: "../../root" is no id of a task; ids look like t-7f3k2m'],
      ['## Todo\n- [ ] a (Priority: <img src=x onerror=alert(1)>)', ''],
      ['## Todo\n- [ ] a (Priority: soon)', '2: "soon" is no priority; say critical, high, medium or low'],
      ['## Todo\n- [ ] a\n  - Deadline: 2026-13-45', '3: "2026-13-45" is no time; write 2026-11-30 18:00'],
      ['## Todo\n- [ ] a\n  - Deadline: yes', '3: "yes" is no time; write 2026-11-30 18:00'],
      ['## Todo\n- [ ] a\n  - Progress: 1e3', '3: "1e3" is no progress; write 0% to 100%'],
      ['## Todo\n- [ ] a\n  - Depends: [self]', '3: "[self]" is no id of a task; ids look like t-7f3k2m'],
      ['## Todo\n- [ ] a\n  - From: ../../root', '3: "../../root" is no id of an agent'],
      ['## Later\n- [ ] a <!-- id: t-aa -->', '2: the id comment stands under a heading that names no status'],
      ['## Todo\n```\n- [ ] a <!-- id: t-aa -->', '2: the code block that begins here never ends'],
      ['## Todo\n<!--\n- [ ] a', '2: the comment that begins here never ends'],
      ['## Todo\n- [ ]', '2: the task has no title'],
      ['---\na: 1', '1: the front matter that begins here never ends with a line "---"'],
      ["---js\nglobal.x=require('child_process')\n---\n", '1: front matter must be YAML, not "js"'],
      ['---javascript\n1\n---\n', '1: front matter must be YAML, not "javascript"'],
      ['---coffee\n1\n---\n', '1: front matter must be YAML, not "coffee"'],
      ['---\na: !!js/function "function(){}"\n---\n', '2: front matter: Unresolved tag: tag:yaml.org,2002:js/function'],
      ['---\na: &x [1]\nb: *x\n---\n', '2: front matter: anchors are not allowed'],
      ['## Todo\n- [ ] a\u0000', '2: holds a zero byte'],
      [`x${'y'.repeat(20_000)}`, '1: is longer than 16384 characters'],
    ];
    for (const [text, problem] of cases)
      expect({ text: text.slice(0, 80), problem: problems(text)[0] ?? '' }).toEqual({
        text: text.slice(0, 80),
        problem,
      });
  });

  it('takes front matter as data, and a second one as text', () => {
    const text = '---\nowner: "me"\n---\n---js\nthrow 1\n---\n## Todo\n- [ ] a <!-- id: t-aa -->\n';
    expect(parsed(text).tasks).toMatchObject([{ id: 't-aa' }]);
    expect(parsed(text.replaceAll('\n', '\r\n')).tasks).toHaveLength(1);
  });

  it('reads hostile files in linear time', () => {
    const bad = [
      '['.repeat(500_000).replaceAll(/(.{10000})/g, '$1\n'),
      '> '.repeat(50_000).replaceAll(/(.{10000})/g, '$1\n'),
      '## x\n'.repeat(200_000),
      '- [ ] a\n'.repeat(100_000),
      `- [ ] ${'<!-- '.repeat(3000)}\n`.repeat(60),
      `- [ ] ${'('.repeat(15_000)}\n`.repeat(60),
      `- [ ] ${'(Priority: low) '.repeat(1000)}\n`.repeat(60),
      `  - Accept: ${'`'.repeat(15_000)}\n`.repeat(60),
      '---\n'.repeat(200_000),
    ];
    for (const text of bad) {
      // Of the processor, not of the clock: the machine may be busy. A quadratic reader would take minutes.
      const before = process.cpuUsage();
      parseTasks(text, 'UTC');
      expect(process.cpuUsage(before).user).toBeLessThan(8_000_000);
    }
  });
});
