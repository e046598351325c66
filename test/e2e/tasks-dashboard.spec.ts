import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, pressUntil, takePictures, type Watched } from '../support/browser.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The board in a real browser; the agents are not started, so that nothing moves but what a person moves. */
describe('the board of tasks', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const file = () => join(nox.registry, 'tasks', 'worker.md');
  const column = (name: string) => page.getByRole('listitem', { name });
  const card = (name: string) => page.getByRole('button', { name: new RegExp(`^${name},`) });
  const picture = (name: string, on: Page = page) => takePictures(on, name);

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start(), launchBrowser()]);
    await nox.call('agents_create', { body: { name: 'Worker', id: 'worker', system_prompt: 'x' } });
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('teaches the first step when there is none, and takes the first task', async () => {
    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.getByText('No tasks yet').waitFor();
    await picture('tasks-empty');
    await page.getByRole('button', { name: 'Add task' }).first().click();
    const form = page.getByRole('dialog', { name: 'Add task' });
    await form.getByLabel('Title').fill('Paint the fence');
    await form.getByLabel('Priority').selectOption('high');
    await form.getByLabel('Acceptance commands').fill('test -f fence.txt');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await column('Todo').getByText('Paint the fence').waitFor();
    expect(readFileSync(file(), 'utf8')).toContain('- [ ] Paint the fence (Priority: HIGH) <!-- id: t-');
  });

  it('shows what a person saves in an editor, while it is looked at', async () => {
    const text = readFileSync(file(), 'utf8');
    writeFileSync(
      file(),
      text.replace('## 📋 Todo\n', '## 📋 Todo\n- [ ] By hand (Priority: LOW)\n  - Deadline: 2020-01-01 10:00\n'),
    );
    await column('Todo').getByText('By hand').waitFor();
    await column('Todo').getByText('overdue').first().waitFor();
  });

  it('moves a card by the mouse, and the line moves in the file', async () => {
    const to = await column('Blocked').boundingBox();
    if (to === null) throw new Error('the board is not there');
    // Waits until the card stays where it is.
    await card('By hand').hover({ position: { x: 20, y: 12 } });
    await page.mouse.down();
    await page.mouse.move(to.x + 40, to.y + 60, { steps: 12 });
    // Where it is put down is what the page has seen, not where the mouse is.
    await page.getByText(/By hand is over Blocked/).waitFor({ state: 'attached' });
    await page.mouse.up();
    await column('Blocked').getByText('By hand').waitFor();
    await eventually('the line', () => /## ⛔ Blocked\n- \[ \] By hand/.test(readFileSync(file(), 'utf8')));
  });

  it('moves a card by the keyboard', async () => {
    await card('By hand').press('Space');
    await page.getByText(/is over Blocked/).waitFor({ state: 'attached' });
    // Todo is the first column: a key too many stays there.
    await pressUntil(page, 'ArrowLeft', page.getByText(/is over Todo/));
    await page.keyboard.press('Space');
    await eventually('the line', () =>
      /## 📋 Todo\n(?:.*\n)*?- \[ \] By hand(?:.*\n)*?## ⛔/.test(readFileSync(file(), 'utf8')),
    );
    await column('Todo').getByText('By hand').waitFor();
  });

  it('does not let a card be done whose acceptance fails, and shows the evidence', async () => {
    await card('Paint the fence').click();
    const detail = page.getByRole('article', { name: 'Task Paint the fence' });
    await detail.getByLabel('Move to').selectOption('done');
    await detail.getByText('exit 1').waitFor();
    await column('Todo').getByText('Paint the fence').waitFor();
    await page.getByRole('region', { name: 'File tasks/worker.md' }).getByText('Evidence: failed').waitFor();
    await picture('tasks-evidence');
    writeFileSync(join(nox.workspace, 'workspaces', 'worker', 'fence.txt'), '');
    await detail.getByLabel('Move to').selectOption('done');
    await column('Done').getByText('Paint the fence').waitFor();
    await detail.getByText('proved', { exact: true }).waitFor();
  });

  it('draws who waits for whom', async () => {
    const [first] = (await nox.call('tasks_list', { query: { status: 'todo' } })).tasks;
    await nox.call('tasks_create', {
      body: { agent_id: 'worker', title: 'Afterwards', dependencies: [first?.id ?? ''], priority: 'critical' },
    });
    await column('Blocked').getByText('Afterwards').waitFor();
    await picture('tasks-board');
    await page.getByRole('button', { name: 'Dependencies' }).click();
    await page.getByRole('button', { name: 'Afterwards, Blocked' }).waitFor();
    await picture('tasks-graph');
    await page.getByRole('button', { name: 'Board', exact: true }).click();
  });

  it('says what is wrong with a file, by line, and keeps what it said before', async () => {
    const good = readFileSync(file(), 'utf8');
    writeFileSync(file(), good.replace('(Priority: CRITICAL)', '(Priority: SOON)'));
    await page
      .getByText(/Line \d+: "SOON" is no priority/)
      .first()
      .waitFor();
    await column('Blocked').getByText('Afterwards').waitFor();
    await picture('tasks-malformed');
    writeFileSync(file(), good);
    await page
      .getByText(/"SOON" is no priority/)
      .first()
      .waitFor({ state: 'hidden' });
  });

  it('edits what a card says, and gives a part of it away', async () => {
    await nox.call('agents_create', { body: { name: 'Helper', id: 'helper', system_prompt: 'x' } });
    await card('By hand').click();
    const detail = page.getByRole('article', { name: 'Task By hand' });
    await detail.getByRole('button', { name: 'Edit' }).click();
    const form = page.getByRole('dialog', { name: 'Edit By hand' });
    await form.getByLabel('Priority').selectOption('high');
    await form.getByLabel('Description').fill('With a pen.');
    // What somebody else changes while the form is open stays.
    const region = page.getByRole('region', { name: 'File tasks/worker.md' });
    const { tasks } = await nox.call('tasks_list', { query: { limit: 500 } });
    const params = { id: tasks.find(({ title }) => title === 'By hand')?.id ?? '' };
    await nox.call('tasks_update', { params, body: { accept: ['test -e pen'] } });
    await region.getByText('test -e pen').waitFor();
    await form.getByRole('button', { name: 'Save' }).click();
    await region.getByText('With a pen.').waitFor();
    expect((await nox.call('tasks_get', { params })).accept).toEqual(['test -e pen']);
    await nox.call('tasks_update', { params, body: { accept: [] } });
    expect(readFileSync(file(), 'utf8')).toContain('- [ ] By hand (Priority: HIGH)');
    await detail.getByRole('button', { name: 'Delegate' }).click();
    const handover = page.getByRole('dialog', { name: 'Delegate By hand' });
    await handover.getByLabel('To', { exact: true }).selectOption('helper');
    await handover.getByLabel('Title of the part').fill('Sharpen the pen');
    await picture('tasks-delegate');
    await handover.getByRole('button', { name: 'Delegate' }).click();
    await column('Todo').getByText('Sharpen the pen').waitFor();
    await column('Blocked').getByText('By hand').waitFor();
    await detail.getByText('request to helper: delegated').waitFor();
    await picture('tasks-detail');
  });

  it('does not let the words of a task become a page', async () => {
    await nox.call('tasks_create', {
      body: {
        agent_id: 'worker',
        title: '<img src=x onerror="document.title=1">',
        description: '<script>document.title=2</script> [x](javascript:alert(1)) ![y](http://127.0.0.1:9/secret)',
      },
    });
    await page.getByText('<img src=x', { exact: false }).first().click();
    await page.getByText('http://127.0.0.1:9/secret', { exact: false }).first().waitFor();
    expect(await page.title()).toContain('Nox');
    expect(await page.locator('main img, main script, a[href^="javascript"]').count()).toBe(0);
  });

  it('is usable on a phone', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await logIn(phone.page, nox);
    await phone.page.goto(`${nox.url}/tasks`);
    await phone.page.getByText('Afterwards').first().waitFor();
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await picture('tasks-phone', phone.page);
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
    expect(desk.complaints).toEqual([]);
  });
});
