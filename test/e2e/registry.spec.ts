import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock } from '../../src/shared/clock.js';
import { launchBrowser, logIn, openPage, type Watched } from '../support/browser.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer, ROOT } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

const SHOTS = process.env['NOX_SCREENSHOTS'];

/** Who changed what; one agent as it was yesterday, previewed and done; the right agent restarts; undone. */
describe('the registry page', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const pid = async (id: string) => (await nox.call('agents_get', { params: { id } })).pid;
  const prompt = async (id: string) => (await nox.call('agents_get', { params: { id } })).system_prompt;
  const shot = async (name: string): Promise<void> => {
    if (SHOTS === undefined) return;
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`) });
  };
  const allRun = () =>
    eventually('both agents run', async () => (await pid('lead')) !== null && (await pid('worker')) !== null);

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } }), launchBrowser()]);
    await nox.kill('SIGTERM');
    // What was written thirty hours ago.
    const clock = new ManualClock(Date.now() - 30 * 3_600_000);
    const registry = await RegistryService.open({
      path: nox.registry,
      template_path: join(ROOT, 'registry-template'),
      clock,
    });
    for (const id of ['lead', 'worker']) {
      await registry.createAgent(
        id,
        {
          name: id,
          system_prompt: 'first',
          runtime: 'claude',
          desired_state: 'active',
          capabilities: [],
          priority: 'medium',
          mcp_services: [],
          created_at: clock.iso(),
          last_modified: clock.iso(),
        },
        { name: 'yesterday', role: 'admin' },
      );
    }
    await registry.close();
    await nox.restart();
    for (const id of ['lead', 'worker']) {
      await nox.call('agents_update', { params: { id }, body: { system_prompt: 'second' } });
    }
    await allRun();
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('finds who changed what', async () => {
    await page.getByRole('link', { name: 'Registry', exact: true }).click();
    // The newest commit opens by itself.
    await page.waitForURL(/\/registry\/[0-9a-f]{40}$/);
    await page.getByLabel('Object').selectOption('agent:lead');
    await page.waitForURL(/object=agent/);
    await page.getByLabel('Author').selectOption('yesterday');
    const rows = page.getByRole('list', { name: 'Commits' }).getByRole('listitem');
    await rows.getByText('agent: create lead').waitFor();
    await eventually('nothing but it', async () => (await rows.count()) === 1);
    await page.getByLabel('Author').selectOption('');
    await shot('filtered');
  });

  it('previews one agent as it was yesterday, does it, and only that one restarts', async () => {
    const before = { lead: await pid('lead'), worker: await pid('worker') };
    await page.getByRole('button', { name: 'Go back…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('When').selectOption('24');
    await dialog.getByLabel('What').selectOption('lead');
    await dialog.getByText('--agent lead').waitFor();
    await dialog.getByText('restarts', { exact: true }).waitFor();
    expect(await dialog.getByText('worker', { exact: true }).count()).toBe(0);
    await shot('preview');
    expect(await prompt('lead')).toBe('second');
    await dialog.getByRole('button', { name: 'Confirm rollback' }).click();
    await dialog.getByRole('button', { name: 'Undo this rollback' }).waitFor();
    await shot('done');
    expect([await prompt('lead'), await prompt('worker')]).toEqual(['first', 'second']);
    await allRun();
    expect(await pid('worker')).toBe(before.worker);
    expect(await pid('lead')).not.toBe(before.lead);
    await dialog.getByRole('button', { name: 'Undo this rollback' }).click();
    await dialog.getByRole('button', { name: 'Do it again' }).waitFor();
    expect(await prompt('lead')).toBe('second');
    await dialog.getByRole('button', { name: 'Done' }).click();
    const log = execFileSync('git', ['-C', nox.registry, 'log', '-2', '--format=%an: %s'], { encoding: 'utf8' });
    expect(log).toMatch(/^admin: registry: undo rollback \w{7}\nadmin: agent: roll back lead to \w{7}\n$/);
  });

  it('makes a branch and a tag, and fits a phone', async () => {
    await page.getByRole('button', { name: 'Branches and tags' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New branch').fill('try');
    await dialog.getByLabel('New branch').press('Enter');
    await dialog.getByText('try', { exact: true }).waitFor();
    await dialog.getByLabel('New tag').fill('good');
    await dialog.getByLabel('New tag').press('Enter');
    await dialog.getByRole('button', { name: 'Go back to it' }).waitFor();
    await shot('branches');
    await page.setViewportSize({ width: 360, height: 740 });
    await shot('branches-phone');
    await page.keyboard.press('Escape');
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(desk.complaints).toEqual([]);
  });
});
