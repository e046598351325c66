import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, type Watched } from '../support/browser.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The story in a real browser, with the real Claude CLI behind it. Steps follow each other. */
describe('the dashboard', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const workspace = () => join(nox.workspace, 'workspaces', 'painter');
  const conversation = () => page.getByRole('log', { name: 'Conversation with Painter' });
  const say = async (text: string) => {
    await page.getByRole('textbox', { name: 'Prompt' }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } }), launchBrowser()]);
    desk = await openPage(browser, nox.url);
    page = desk.page;
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('refuses a wrong password and says so', async () => {
    await page.goto(nox.url);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('wrong wrong wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    expect(page.url()).toContain('/login');
  });

  it('lets a person in, and says that the model is a demo', async () => {
    await logIn(page, nox);
    await page.getByText('nox model use claude').first().waitFor();
    await page.getByText('live', { exact: true }).waitFor();
  });

  it('creates an agent and starts it', async () => {
    await page.getByRole('link', { name: 'Agents', exact: true }).click();
    await page.getByRole('button', { name: 'Create agent' }).first().click();
    const form = page.getByRole('dialog', { name: 'Create agent' });
    await form.getByLabel('Name').fill('Painter');
    await form.getByLabel('System prompt').fill('You paint.');
    await form.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Painter' }).waitFor();
    await page.getByText('idle', { exact: true }).first().waitFor();
  });

  it('streams the answer as it comes', async () => {
    // Looked out for from before it begins: a busy machine would look too late.
    await Promise.all([
      conversation().filter({ hasText: '1 2 3', hasNotText: '11 12' }).waitFor(),
      page.getByText('working', { exact: true }).first().waitFor(),
      say('slow 12@300'),
    ]);
    await conversation().getByText('11 12').waitFor();
    await page.getByText('idle', { exact: true }).first().waitFor();
  });

  it('shows a risky call at once, to the byte, and runs it when it is approved by key', async () => {
    await say('tool Bash {"command":"touch painted.txt"}\nsay painted it');
    await page.getByRole('link', { name: /^Approvals/ }).click();
    const request = page.getByRole('article', { name: /Request of Painter/ });
    await request.getByText('touch painted.txt').first().waitFor();
    await request.getByText(workspace()).waitFor();
    expect(existsSync(join(workspace(), 'painted.txt'))).toBe(false);
    await page.keyboard.press('a');
    await eventually('the file', () => existsSync(join(workspace(), 'painted.txt')));
    await page
      .getByText(/nothing (waits|to decide)/i)
      .first()
      .waitFor();
  });

  it('denies with a reason that the agent reads', async () => {
    await page.getByRole('link', { name: 'Agents', exact: true }).click();
    await page.getByRole('link', { name: 'Painter', exact: true }).click();
    await say('tool Bash {"command":"touch never.txt"}');
    await conversation().getByRole('button', { name: 'Deny' }).click();
    await page.getByLabel(/reason/i).fill('wrong colour');
    await page.getByRole('button', { name: 'Deny' }).last().click();
    await conversation().getByText('wrong colour').first().waitFor();
    expect(existsSync(join(workspace(), 'never.txt'))).toBe(false);
  });

  it('shows a killed agent come back by itself', async () => {
    const { pid } = await nox.call('agents_status', { params: { id: 'painter' } });
    process.kill(pid ?? 0, 'SIGKILL');
    await page.getByText('1 restart', { exact: false }).waitFor();
    await page.getByText('idle', { exact: true }).first().waitFor();
  });

  it('goes back to an earlier version after a preview, and undoes that', async () => {
    await nox.call('agents_update', { params: { id: 'painter' }, body: { system_prompt: 'You sculpt.' } });
    await page.getByRole('link', { name: 'Registry', exact: true }).click();
    await page.getByRole('link', { name: /agent: create painter/ }).click();
    await page.getByRole('button', { name: /Go back to here/ }).click();
    const preview = page.getByRole('dialog');
    await preview
      .getByText(/restart/i)
      .first()
      .waitFor();
    await preview.getByRole('button', { name: 'Confirm rollback' }).click();
    await eventually(
      'the old prompt',
      async () => (await nox.call('agents_get', { params: { id: 'painter' } })).system_prompt === 'You paint.',
    );
    await preview.getByRole('button', { name: 'Undo this rollback' }).click();
    const confirm = preview.getByRole('button', { name: 'Confirm rollback' });
    await eventually('the new prompt', async () => {
      if (await confirm.isVisible()) await confirm.click();
      return (await nox.call('agents_get', { params: { id: 'painter' } })).system_prompt === 'You sculpt.';
    });
    await page.keyboard.press('Escape');
    await preview.waitFor({ state: 'hidden' });
  });

  it('says when Nox is away, and is live again when it is back', async () => {
    await page.getByRole('link', { name: 'Agents', exact: true }).click();
    await nox.kill('SIGKILL');
    await page
      .getByText(/reconnecting|offline/i)
      .first()
      .waitFor();
    await nox.boot();
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByRole('row', { name: /Painter.*idle/ }).waitFor();
  });

  it('is usable on a phone: nothing is wider than the screen, and a call can be decided', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await logIn(phone.page, nox);
    for (const path of ['/', '/agents', '/agents/painter', '/approvals', '/registry', '/settings']) {
      await phone.page.goto(nox.url + path);
      await phone.page.getByRole('heading', { level: 1 }).waitFor();
      expect({ path, width: await phone.page.evaluate('document.documentElement.scrollWidth') }).toEqual({
        path,
        width: 360,
      });
    }
    const prompt = nox.call('agents_prompt', {
      params: { id: 'painter' },
      body: { content: 'tool Bash {"command":"touch from-phone.txt"}' },
    });
    await phone.page.goto(`${nox.url}/approvals`);
    await phone.page.getByRole('link', { name: /touch from-phone/ }).click();
    await phone.page.getByRole('button', { name: 'Approve' }).click();
    expect((await prompt).status).toBe('complete');
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
  });

  it('does not let the words of an agent become a page', async () => {
    await page.goto(`${nox.url}/agents/painter`);
    await say(
      'say <img src=x onerror="document.title=1"><script>document.title=2</script> [x](javascript:alert(1)) ![y](http://127.0.0.1:9/secret)',
    );
    await conversation().getByText('http://127.0.0.1:9/secret', { exact: false }).last().waitFor();
    await eventually(
      'the reply',
      async () => (await nox.call('agents_status', { params: { id: 'painter' } })).status === 'idle',
    );
    expect(await page.title()).toContain('Nox');
    expect(await page.locator('article img, article script').count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
  });

  it('broke no rule of its own on the way', () => {
    expect(
      desk.complaints.filter(
        (text) => !/ERR_CONNECTION_REFUSED|WebSocket|Failed to fetch|ERR_CONNECTION_RESET/.test(text),
      ),
    ).toEqual([]);
  });
});
