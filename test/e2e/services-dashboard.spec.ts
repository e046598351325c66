import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { TestEngine } from '../support/docker-engine.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The page of services in a real browser, on a real container engine with an image registry of its own. */
describe('the page of services', () => {
  let engine: TestEngine;
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  let image: string;
  const picture = (name: string, on: Page = page) => takePictures(on, name);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = (name: string) => page.getByRole('dialog', { name });

  beforeAll(async () => {
    [engine, browser] = await Promise.all([TestEngine.start(), launchBrowser()]);
    [image, nox] = await Promise.all([engine.publish('busy'), NoxServer.start({ env: { DOCKER_HOST: engine.host } })]);
    for (const id of ['lead', 'worker']) await nox.call('agents_create', { body: fakeAgent(id, false) });
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  });
  afterAll(async () => {
    await browser?.close();
    await nox?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  it('teaches the first step, and shows what the catalogue knows without a network', async () => {
    await page.getByRole('link', { name: 'Services', exact: true }).click();
    await page.getByText('No services yet').waitFor();
    await picture('services-empty');
    await page.getByRole('link', { name: 'Look into the catalogue' }).click();
    await page.getByLabel('Search the catalogue').fill('repositories');
    await page.getByText('Repositories, issues and pull requests').waitFor();
    await eventually('only what fits', async () => (await page.locator('.catalogue-entry').count()) === 1);
    await page.getByLabel('Search the catalogue').fill('');
    await page.getByText('Times and time zones').waitFor();
    await picture('services-catalogue');
  });

  it('judges an image before a person installs it', async () => {
    await button('Install service').click();
    const form = dialog('Install a service');
    await form.getByRole('button', { name: 'Judge' }).click();
    await form.getByText('must not be empty').waitFor();
    await form.getByLabel('Image').fill(image);
    await form.getByLabel('Name').fill('busy');
    await form.getByLabel('For agent').selectOption('lead');
    await form.getByRole('button', { name: 'Judge' }).click();
    const judgement = form.getByRole('region', { name: 'Judgement' });
    await judgement.getByText('medium').waitFor();
    await judgement
      .getByText(/sha256:[0-9a-f]{64}/)
      .first()
      .waitFor();
    await judgement.getByText('not official').waitFor();
    await picture('services-judgement');
    await form.getByRole('button', { name: 'Install', exact: true }).click();
    await page.getByRole('heading', { name: 'busy' }).waitFor();
    await page.getByText('running', { exact: true }).waitFor();
    await page.getByText('speaks as busy 1.0').waitFor();
  });

  it('shows its tools, and tries one after the exact call was approved', async () => {
    await page.getByRole('group').filter({ hasText: 'says it again' }).locator('summary').first().click();
    const form = page.getByRole('form', { name: 'Try echo' });
    await form.getByLabel('text (optional)').fill('<img src=x onerror=document.title=1>');
    await form.getByRole('button', { name: 'Try it…' }).click();
    const asked = dialog('Call echo of busy?');
    await asked.getByText('"text": "<img src=x onerror=document.title=1>"').waitFor();
    await picture('services-try');
    await asked.getByRole('button', { name: 'Call', exact: true }).click();
    await form.getByRole('region', { name: 'Answer' }).getByText('<img src=x onerror=document.title=1>').waitFor();
    await page.getByRole('row', { name: 'people, by hand 1 0 0' }).waitFor();
    await page.getByRole('log').getByText('the server starts').waitFor();
    await page.getByText('% of a core').waitFor();
    await picture('services-one');
    expect(await page.title()).toBe('busy · Nox');
    expect(await page.locator('main img').count()).toBe(0);
  });

  it('is given to an agent and taken from another', async () => {
    await page.getByLabel('Give it to').selectOption('worker');
    await button('Give').click();
    await page.getByRole('button', { name: 'Take busy from worker' }).waitFor();
    await page.getByRole('button', { name: 'Take busy from lead' }).click();
    await dialog('Take busy from lead?').getByRole('button', { name: 'Take away' }).click();
    await page.getByRole('button', { name: 'Take busy from lead' }).waitFor({ state: 'hidden' });
    expect((await nox.call('services_get', { params: { name: 'busy' } })).agents).toEqual(['worker']);
  });

  it('changes what agents may call, stops and starts it, each after saying what is lost', async () => {
    await button('More controls').click();
    await page.getByRole('menuitem', { name: 'Change…' }).click();
    await dialog('Change busy').getByLabel('Tools that they may not call').fill('danger');
    await dialog('Change busy').getByRole('button', { name: 'Save' }).click();
    await page.getByText('agents may not').waitFor();
    await button('Stop').click();
    await dialog('Stop busy?').getByText('worker cannot call its tools meanwhile').waitFor();
    await dialog('Stop busy?').getByRole('button', { name: 'Stop' }).click();
    await page.getByText('stopped', { exact: true }).waitFor();
    await button('Start').click();
    await page.getByText('running', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'All services' }).click();
    await page.getByRole('link', { name: /^busy/ }).waitFor();
    await picture('services-list');
  });

  it('is usable on a phone', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await logIn(phone.page, nox);
    for (const [path, words, name] of [
      ['/services', 'busy', 'list'],
      ['/services?view=catalogue', 'Times and time zones', 'catalogue'],
      ['/services/busy', 'says it again', 'one'],
    ] as const) {
      await phone.page.goto(`${nox.url}${path}`);
      await phone.page.getByText(words).first().waitFor();
      expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await picture(`services-phone-${name}`, phone.page);
    }
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
  });

  it('says that there is no engine, and still removes the service', async () => {
    // 409: its figures were asked for in the moment in which it stopped.
    expect(desk.complaints.filter((text) => !text.includes('status of 409'))).toEqual([]);
    await engine[Symbol.asyncDispose]();
    await page.reload();
    await page.getByText('No container engine.').waitFor();
    await picture('services-no-engine');
    await page.getByRole('link', { name: /^busy/ }).click();
    await page.getByText('No container engine.').waitFor();
    await button('More controls').click();
    await page.getByRole('menuitem', { name: 'Remove…' }).click();
    await dialog('Remove busy?').getByText('worker will lose its tools').waitFor();
    await picture('services-remove');
    await dialog('Remove busy?').getByRole('button', { name: 'Remove service' }).click();
    await page.getByText('No services yet').waitFor();
    // What was asked of the engine while it ended is refused in words, never a failure of Nox.
    expect(desk.complaints.filter((text) => !/status of (404|409|503)/.test(text))).toEqual([]);
  });
});
