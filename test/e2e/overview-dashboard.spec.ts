import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { dyingAgent, fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** What burns, with its action in place; what it costs; and every page within reach, also on a phone. */
describe('the overview, the costs and the frame', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const picture = (name: string, on: Page = page) => takePictures(on, name);
  const alarm = (name: string) => page.getByRole('article', { name, exact: true });
  const prompt = (id: string, content: string, wait = true) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start(), launchBrowser()]);
    await Promise.all([
      nox.call('agents_create', { body: { ...fakeAgent('spender'), budget: { turns_per_day: 2 } } }),
      nox.call('agents_create', { body: { ...fakeAgent('saver'), model: 'small-model', budget: { usd_per_day: 50 } } }),
      nox.call('agents_create', { body: dyingAgent('victim') }),
    ]);
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('teaches on the page of costs when nothing was used', async () => {
    await page.getByRole('link', { name: 'Costs', exact: true }).click();
    await page.getByText('Nothing was used yet').waitFor();
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('3 agents, nothing needs you').waitFor();
  });

  it('shows a budget that is used up as it happens, and raises it in place', async () => {
    await prompt('saver', 'tokens 4000 900\nsay cheap');
    await prompt('spender', 'tokens 90000 4000\nsay one');
    await prompt('spender', 'say two');
    await prompt('spender', 'say three', false);
    await alarm('Budget of spender').getByText('2 of 2, used up').waitFor();
    expect(await alarm('Budget of saver').count()).toBe(0);
    await nox.call('messages_send', { body: { to: 'victim', content: 'poison for a weak one' } });
    await nox.call('tasks_create', {
      body: { agent_id: 'spender', title: 'Write the changelog', deadline: '2020-01-01T10:00:00Z', accept: [] },
    });
    await alarm('Dead letters').getByText('poison for a weak one').waitFor();
    await alarm('Overdue: Write the changelog').waitFor();
    await picture('overview-alarms');
    await alarm('Budget of spender').getByRole('button', { name: 'Allow spender half more' }).click();
    await alarm('Budget of spender').getByText(/of 3/).waitFor();
    expect((await nox.call('agents_get', { params: { id: 'spender' } })).budget).toEqual({ turns_per_day: 3 });
  });

  it('sends dead letters again and settles overdue tasks, each in place', async () => {
    await nox.call('agents_stop', { params: { id: 'victim' }, body: {} });
    await alarm('Dead letters').getByRole('button', { name: 'Send again…' }).click();
    await page
      .getByRole('dialog', { name: 'Send 1 dead message again?' })
      .getByRole('button', { name: 'Send again' })
      .click();
    await alarm('Dead letters').waitFor({ state: 'hidden' });
    await alarm('Overdue: Write the changelog').getByRole('button', { name: 'Cancel Write the changelog' }).click();
    await alarm('Overdue: Write the changelog').waitFor({ state: 'hidden' });
    const { tasks } = await nox.call('tasks_list', { query: {} });
    expect(tasks.map(({ status }) => status)).toEqual(['cancelled']);
  });

  it('says what was used, by day, agent and model', async () => {
    await page.getByRole('link', { name: 'Costs', exact: true }).click();
    await page.getByRole('heading', { name: 'Costs' }).waitFor();
    await page.getByRole('img', { name: /^Cost of each of the last 30 days/ }).waitFor();
    await page.getByRole('row', { name: /^spender 3/ }).waitFor();
    await page.getByRole('row', { name: /^small-model 1/ }).waitFor();
    await page.getByText('Used up, waits until midnight: spender').waitFor();
    await page.getByLabel('Time').selectOption('7');
    await page.getByRole('img', { name: /^Cost of each of the last 7 days/ }).waitFor();
    await picture('costs');
    await prompt('saver', 'say once more');
    await page.getByRole('row', { name: /^saver 2/ }).waitFor();
  });

  it('opens the new pages from the keyboard', async () => {
    for (const [letters, heading] of [
      ['mess', 'Messages'],
      ['serv', 'Services'],
      ['cost', 'Costs'],
    ] as const) {
      await page.keyboard.press('Control+k');
      await page.keyboard.type(letters);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    }
  });

  it('reaches every page from the bar of a phone', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    const on = phone.page;
    await logIn(on, nox);
    const rail = on.getByRole('navigation', { name: 'Main' });
    const seen = new Set<string>();
    for (const name of ['Overview', 'Approvals', 'Agents', 'Messages']) {
      await rail.getByRole('link', { name }).click();
      await on.getByRole('heading', { name, level: 1 }).waitFor();
      seen.add(name);
    }
    await rail.getByRole('button', { name: 'More' }).click();
    const rest = await on.getByRole('menuitem').allTextContents();
    await picture('phone-more', on);
    await on.keyboard.press('Escape');
    for (const name of rest) {
      await rail.getByRole('button', { name: 'More' }).click();
      await on.getByRole('menuitem', { name, exact: true }).click();
      await on.getByRole('heading', { name, level: 1 }).waitFor();
      await eventually(
        'no sideways scrolling',
        async () => (await on.evaluate('document.documentElement.scrollWidth')) === 360,
      );
      seen.add(name);
    }
    const wide = await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents();
    expect([...seen].toSorted()).toEqual(wide.map((text) => text.replace(/\d+\+?$/, '')).toSorted());
    await on.goto(`${nox.url}/costs`);
    await on.getByRole('row', { name: /^saver 2/ }).waitFor();
    await picture('costs-phone', on);
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
    expect(desk.complaints).toEqual([]);
  });
});
