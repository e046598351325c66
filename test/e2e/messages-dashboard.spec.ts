import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { dyingAgent, fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The page of messages in a real browser, with agents of which one reads, one sleeps, and one dies of what it reads. */
describe('the page of messages', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const list = () => page.getByRole('list', { name: 'Conversations' });
  const send = (to: string, content: string, more: object = {}) =>
    nox.call('messages_send', { body: { to, content, ...more } });
  const picture = (name: string, on: Page = page) => takePictures(on, name);

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start(), launchBrowser()]);
    await Promise.all([
      nox.call('agents_create', { body: fakeAgent('reader') }),
      nox.call('agents_create', { body: { ...fakeAgent('sleeper', false), capabilities: ['review'] } }),
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

  it('teaches the first step when there is none, and sends the first one', async () => {
    await page.getByRole('link', { name: 'Messages', exact: true }).click();
    await page.getByText('No messages yet').waitFor();
    await picture('messages-empty');
    await page.getByRole('button', { name: 'Send message' }).first().click();
    const form = page.getByRole('dialog', { name: 'Send message' });
    await form.getByRole('button', { name: 'Send', exact: true }).click();
    await form.getByText('must not be empty').waitFor();
    await form.getByLabel('Agent').selectOption('reader');
    await form.getByLabel('Priority').selectOption('high');
    await form.getByLabel('What it says').fill("say it's read");
    await form.getByText(`nox message send reader 'say it'\\''s read' --priority high`).waitFor();
    await picture('messages-send');
    await form.getByRole('button', { name: 'Send', exact: true }).click();
    const thread = page.getByRole('region', { name: 'Conversation' });
    await thread.getByRole('img', { name: 'Receipt: done, step 4 of 4' }).waitFor();
    await picture('messages-thread');
  });

  it('shows what comes while it is looked at, and answers it', async () => {
    const { thread_id } = await send('reader', 'say second one', { topic: 'build' });
    await list().getByText('say second one').click();
    const thread = page.getByRole('region', { name: 'Conversation' });
    await thread.getByRole('img', { name: 'Receipt: done, step 4 of 4' }).waitFor();
    await thread.getByLabel('Answer to reader').fill('say and an answer');
    await page.keyboard.press('Control+Enter');
    await thread.getByText('say and an answer').waitFor();
    await eventually('the answer', async () => {
      const { messages } = await nox.call('messages_list', { query: { thread_id } });
      return messages.length === 2 && messages[1]?.reply_to === messages[0]?.id;
    });
    await list().getByText('2 messages').waitFor();
  });

  it('lists those that fit a filter only, also as they come', async () => {
    await page.getByLabel('Agent', { exact: true }).selectOption('sleeper');
    await page.getByText('No message fits this filter').waitFor();
    await send('reader', 'say not here');
    await send('sleeper', 'say it waits', { priority: 'low' });
    await list().getByText('say it waits').waitFor();
    expect(await list().getByText('say not here').count()).toBe(0);
    await list().getByText('say it waits').click();
    await page.getByRole('button', { name: 'Take back' }).click();
    await page.getByRole('region', { name: 'Conversation' }).getByText('taken back', { exact: true }).waitFor();
    await page.getByLabel('Agent', { exact: true }).selectOption('');
    await list().getByText('say not here').waitFor();
  });

  it('keeps its place while messages come, and holds many without growing slow', async () => {
    await Promise.all(Array.from({ length: 500 }, (_, n) => send('sleeper', `say number ${n}`, { priority: 'low' })));
    await page.goto(`${nox.url}/messages?list=messages`);
    const messages = page.getByRole('list', { name: 'Messages' });
    await messages.getByRole('link').first().waitFor();
    await page.getByRole('button', { name: 'Show older' }).click();
    await eventually('more rows', async () => (await messages.getByRole('link').count()) === 200);
    for (const rows of [300, 300]) {
      await page.getByRole('button', { name: 'Show older' }).click();
      await eventually(
        'no more than can be scrolled well',
        async () => (await messages.getByRole('link').count()) === rows,
      );
    }
    await page.getByRole('button', { name: 'Show newer' }).click();
    await page.getByRole('button', { name: 'Show newer' }).waitFor({ state: 'hidden' });
    const scroller = page.locator('.inbox-scroll');
    await scroller.evaluate((element: { scrollTop: number }) => (element.scrollTop = 3000));
    const before = await scroller.evaluate((element: { scrollTop: number }) => element.scrollTop);
    await Promise.all(Array.from({ length: 20 }, (_, n) => send('reader', `say late ${n}`)));
    await page.getByRole('button', { name: '20 new messages' }).waitFor();
    expect(await scroller.evaluate((element: { scrollTop: number }) => element.scrollTop)).toBe(before);
    await page.getByRole('button', { name: '20 new messages' }).click();
    await messages.getByText('say late 19').waitFor();
    await picture('messages-list');
    await page.getByLabel('List').selectOption('');
  });

  it('counts the queues by agent and priority', async () => {
    await page.getByRole('link', { name: 'Queues' }).click();
    const row = page.getByRole('row', { name: /sleeper/ });
    await row.getByRole('cell', { name: '500' }).first().waitFor();
    await picture('messages-queues');
  });

  it('keeps dead letters until a person sends them again', async () => {
    await send('victim', 'the first', { priority: 'high' });
    await send('victim', 'the second');
    await page.getByRole('link', { name: /Dead letters/ }).click();
    await page.getByRole('link', { name: 'the second' }).waitFor();
    await page.getByRole('link', { name: 'the first' }).waitFor();
    await picture('messages-dead');
    await page.getByLabel('Choose all').check();
    await page.getByRole('button', { name: 'Send 2 again…' }).click();
    const asked = page.getByRole('dialog', { name: 'Send 2 dead messages again?' });
    await asked.getByText('victim: the second').waitFor();
    await picture('messages-retry');
    await nox.call('agents_stop', { params: { id: 'victim' }, body: {} });
    await asked.getByRole('button', { name: 'Send again' }).click();
    await page.getByText('No dead letters').waitFor();
    const { messages } = await nox.call('messages_list', { query: { to: 'victim', status: 'queued' } });
    expect(messages.map(({ content }) => content).toSorted()).toEqual(['the first', 'the second']);
  });

  it('draws who writes to whom, and says it in a table', async () => {
    await send('sleeper', 'say from another agent', { from: 'reader' });
    await send('reader', 'say and back', { from: 'sleeper' });
    await page.getByRole('link', { name: 'Who talks to whom' }).click();
    await page.getByRole('row', { name: /reader to sleeper/ }).waitFor();
    await picture('messages-graph');
    await page.getByRole('link', { name: /^sleeper, \d+ messages$/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: 'Messages' }).getByText('say and back').waitFor();
  });

  it('does not let the words of a message become a page', async () => {
    const { thread_id } = await send(
      'sleeper',
      '<img src=x onerror="document.title=1"><script>document.title=2</script> [x](javascript:alert(1)) ![y](http://127.0.0.1:9/secret) \u202egnp.exe',
    );
    await page.goto(`${nox.url}/messages/${thread_id}`);
    await page.getByRole('region', { name: 'Conversation' }).getByText('http://127.0.0.1:9/secret').waitFor();
    expect(await page.title()).toContain('Nox');
    expect(await page.locator('main img:not([role]), main script, a[href^="javascript"]').count()).toBe(0);
  });

  it('is usable on a phone', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await logIn(phone.page, nox);
    await phone.page.goto(`${nox.url}/messages`);
    await phone.page.getByRole('list', { name: 'Conversations' }).getByRole('link').first().waitFor();
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await picture('messages-phone', phone.page);
    await phone.page.getByRole('list', { name: 'Conversations' }).getByRole('link').first().click();
    await phone.page.getByRole('region', { name: 'Conversation' }).waitFor();
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await picture('messages-phone-thread', phone.page);
    await phone.page.getByRole('link', { name: 'All messages' }).click();
    await phone.page.getByRole('list', { name: 'Conversations' }).waitFor();
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
    expect(desk.complaints).toEqual([]);
  });
});
