import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { endStopping, produce, startPatient, STATES } from '../support/agent-states.js';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import type { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** How a person sees each state that test/support/agent-states.ts produces. */
const VIEWS: readonly {
  readonly id: string;
  readonly word: string;
  readonly colour: string;
  /** What its page says beside the state. */
  readonly says?: RegExp;
  /** It counts down to when it goes on by itself. */
  readonly counts?: boolean;
}[] = [
  { id: 'idle', word: 'idle', colour: 'grey' },
  { id: 'working', word: 'working', colour: 'blue' },
  { id: 'waiting', word: 'waiting for you', colour: 'amber' },
  { id: 'hibernated', word: 'hibernated', colour: 'slate' },
  { id: 'backoff', word: 'backoff', colour: 'orange', says: /Starts again in/, counts: true },
  { id: 'parked', word: 'parked', colour: 'violet', says: /Goes on in/, counts: true },
  { id: 'failed', word: 'failed', colour: 'red', says: /Look at the logs, mend the cause, then start it again/ },
  {
    id: 'open-breaker',
    word: 'failed',
    colour: 'red',
    says: /The breaker is open: it is left alone\. Gets one more try in/,
    counts: true,
  },
  { id: 'stopped', word: 'stopped', colour: 'grey' },
  { id: 'starting', word: 'starting', colour: 'blue' },
  { id: 'stopping', word: 'stopping', colour: 'grey' },
];
const PRODUCED = STATES.filter(({ id }) => VIEWS.some((view) => view.id === id));

describe('the states of agents in a browser', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const picture = (name: string, on: Page = page) => takePictures(on, name);
  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 });

  beforeAll(async () => {
    [nox, browser] = await Promise.all([startPatient(), launchBrowser()]);
    await Promise.all(PRODUCED.map((state) => produce(nox, state)));
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  });
  afterAll(async () => {
    await browser.close();
    await endStopping(nox);
    await nox.close();
  });

  it('each has its word, its sign and its colour in the fleet', async () => {
    for (const { id, word, colour, counts = false } of VIEWS) {
      const badge = page
        .locator('.fleet-card')
        .filter({ has: page.getByText(id, { exact: true }) })
        .locator('.state');
      expect(await badge.getAttribute('class')).toContain(`state-${colour}`);
      expect(await badge.locator('svg.sign').count()).toBe(1);
      expect(await badge.textContent()).toMatch(counts ? new RegExp(`^${word} [\\d:]+$`) : new RegExp(`^${word}$`));
    }
    // Two states never look the same: what differs is more than a colour.
    const signs = new Map<string, string>();
    for (const { id, word } of VIEWS) {
      const badge = page
        .locator('.fleet-card')
        .filter({ has: page.getByText(id, { exact: true }) })
        .locator('.state');
      signs.set(word, await badge.locator('svg.sign').innerHTML());
    }
    expect(new Set([...signs].filter(([word]) => !word.startsWith('st')).map(([, sign]) => sign)).size).toBe(7);
    await picture('states-overview');
  });

  it.each(VIEWS)('$id says on its page what it is, why, and when it goes on', async ({ id, word, says }) => {
    await page.goto(`${nox.url}/agents/${id}`);
    await heading(id).waitFor();
    await page.locator('.page-head .state').getByText(word).waitFor();
    if (says !== undefined) await page.locator('.agent-page').filter({ hasText: says }).waitFor();
    await picture(`state-${id}`);
  });

  it('resets a breaker in place, and the agent runs again', async () => {
    await page.goto(`${nox.url}/agents/open-breaker`);
    await page.getByRole('button', { name: 'Reset breaker' }).click();
    await page.locator('.page-head .state').getByText('idle').waitFor();
    await page.getByRole('button', { name: 'Reset breaker' }).waitFor({ state: 'hidden' });
  });

  it('shows the one more try of a breaker that is half open, on its page and in the fleet', async () => {
    const breaker = async () => (await nox.call('agents_status', { params: { id: 'open-breaker' } })).breaker.state;
    await nox.call('agents_prompt', { params: { id: 'open-breaker' }, body: { content: 'crash', wait: false } });
    await eventually('it is open', async () => (await breaker()) === 'open');
    await nox.advance(61_000);
    await eventually('its one more try', async () => (await breaker()) === 'half_open');
    await page.getByText('This is its one more try: if it ends again, it is left alone again.').waitFor();
    await picture('state-half-open');
    await page.goto(`${nox.url}/agents`);
    const row = page.getByRole('row').filter({ hasText: 'open-breaker' });
    await row.getByText('On one more try after too many crashes').waitFor();
    await picture('agents-half-open');
    await page.goto(nox.url);
    const card = page.locator('.fleet-card').filter({ hasText: 'open-breaker' });
    await card.getByText('On one more try after too many crashes').waitFor();
    await nox.call('agents_reset_breaker', { params: { id: 'open-breaker' } });
    await card.getByText('On one more try after too many crashes').waitFor({ state: 'hidden' });
  });

  it('lets a parked agent go on as soon as its budget is raised', async () => {
    await page.goto(`${nox.url}/agents/parked/resources`);
    await page.getByText('1 of 1, used up').waitFor();
    await picture('agent-budget');
    await nox.call('agents_update', { params: { id: 'parked' }, body: { budget: { turns_per_day: 9 } } });
    await page.locator('.page-head .state').getByText('idle').waitFor();
    await page.getByText('2 of 9').waitFor();
  });

  it('draws memory and processor over time, and says them in a table', async () => {
    const chart = page.getByRole('img', { name: /^Memory: .* now/ });
    await chart.waitFor();
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await page.locator('.chart-cross').first().waitFor({ state: 'attached' });
    await page.getByText('As a table').first().click();
    await page.getByRole('columnheader', { name: 'Memory' }).waitFor();
    await picture('agent-resources');
  });

  it('relates agents, shows their group with its strategy, and takes a relation away', async () => {
    await page.goto(`${nox.url}/agents/idle/configuration`);
    await page.getByLabel('Other agent').selectOption('hibernated');
    await page.getByLabel('When one dies').selectOption('rest_for_one');
    await page.getByRole('button', { name: 'Add relation' }).click();
    const group = page.getByRole('list', { name: 'Group' });
    await group.getByRole('link', { name: 'hibernated' }).waitFor();
    await group.getByText('rest for one: who dies is restarted with those after it').waitFor();
    await page.getByLabel('Other agent').selectOption('parked');
    await page.getByRole('button', { name: 'Add relation' }).click();
    await group.getByRole('link', { name: 'parked' }).waitFor();
    await page.locator('#relations-title').scrollIntoViewIfNeeded();
    await picture('agent-group');
    // The same pair again is refused, and said at the field.
    await page.getByLabel('Other agent').selectOption('parked');
    await page.getByRole('button', { name: 'Add relation' }).click();
    await page.getByText(/listed twice|supervised by idle already/).waitFor();
    await group.getByRole('link', { name: 'hibernated' }).click();
    await heading('hibernated').waitFor();
    await page.getByRole('link', { name: 'Configuration' }).click();
    await page.getByRole('list', { name: 'Group' }).getByRole('link', { name: 'idle' }).waitFor();
    await page.getByRole('button', { name: 'Remove: idle supervises hibernated' }).click();
    await page.getByRole('list', { name: 'Group' }).waitFor({ state: 'hidden' });
    expect((await nox.call('relationships_all')).relationships).toMatchObject([{ from: 'idle', to: 'parked' }]);
  });

  it('has the messages and the tasks of an agent beside its conversation', async () => {
    await nox.call('messages_send', { body: { to: 'stopped', content: 'say for later' } });
    await nox.call('tasks_create', { body: { agent_id: 'stopped', title: 'Paint the fence' } });
    await page.goto(`${nox.url}/agents/stopped/messages`);
    await page.getByRole('list', { name: 'Messages' }).getByText('say for later').waitFor();
    await picture('agent-messages');
    await page.getByRole('navigation', { name: 'About this agent' }).getByRole('link', { name: 'Tasks' }).click();
    await page.getByRole('link', { name: /Paint the fence/ }).waitFor();
    await picture('agent-tasks');
  });

  it('is usable on a phone', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await logIn(phone.page, nox);
    await picture('states-phone-overview', phone.page);
    for (const [path, words] of [
      ['agents/parked/resources', 'As a table'],
      ['agents/idle/configuration', 'Relations'],
      ['agents/stopped/messages', 'say for later'],
      ['agents/failed', 'failed'],
    ] as const) {
      await phone.page.goto(`${nox.url}/${path}`);
      await phone.page.getByText(words).first().waitFor();
      expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await picture(`states-phone-${path.replaceAll('/', '-')}`, phone.page);
    }
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
    // The relation that was refused.
    expect(desk.complaints).toEqual([expect.stringContaining('status of 400')]);
  });
});
