import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
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

  it('saves what is in force as a file; shows what importing it would change, and does it once confirmed', async () => {
    await page.getByRole('button', { name: 'Export and import' }).click();
    const dialog = page.getByRole('dialog');
    await shot('transfer');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Download' }).click(),
    ]);
    const archive = await download.path();
    await nox.call('agents_delete', { params: { id: 'worker' } });
    await nox.call('agents_update', { params: { id: 'lead' }, body: { system_prompt: 'third' } });
    const tasks = Buffer.from('# Tasks\n\n## Todo\n\n- [ ] Read the news\n  - accept: `true`\n');
    await dialog.getByLabel('Files to import').setInputFiles([
      { name: 'nox.tar.gz', mimeType: 'application/gzip', buffer: readFileSync(archive) },
      { name: 'lead.md', mimeType: 'text/markdown', buffer: tasks },
    ]);
    const conflicts = dialog.getByRole('region', { name: 'Conflicts' });
    await conflicts.getByText('agents.lead.system_prompt').waitFor();
    expect(await dialog.getByRole('button', { name: 'Confirm import' }).isDisabled()).toBe(true);
    await shot('import-conflict');
    await conflicts.getByLabel('Which side to take').selectOption('theirs');
    await dialog.getByText('comes back', { exact: true }).waitFor();
    await dialog.getByText('Read the news', { exact: true }).waitFor();
    await dialog.getByLabel('I have looked at them and accept them').check();
    await shot('import-plan');
    expect(await prompt('lead')).toBe('third');
    await dialog.getByRole('button', { name: 'Confirm import' }).click();
    await dialog.getByRole('button', { name: 'Done' }).waitFor();
    await shot('imported');
    expect([await prompt('lead'), await prompt('worker')]).toEqual(['second', 'second']);
    const { tasks: found } = await nox.call('tasks_list', { query: { agent_id: 'lead' } });
    expect(found.map(({ title }) => title)).toEqual(['Read the news']);
    await dialog.getByRole('button', { name: 'Done' }).click();
  });

  it('takes an import of megabytes, refuses one of tens of them by its length, and large bodies elsewhere', async () => {
    const text = `# ${'x'.repeat(3 * 1024 * 1024)}\nschema_version = 1\n`;
    const body = { files: [{ path: 'agents.toml' as const, text }], dry_run: true };
    expect(await nox.call('registry_import', { body })).toMatchObject({ dry_run: true, objects: [], conflicts: [] });
    const answerTo = async (path: string, bytes: number): Promise<number | undefined> => {
      const headers = { authorization: `Bearer ${nox.access_token}`, 'content-type': 'application/json' };
      // Announced and not sent: the length alone decides.
      const asking = request(`${nox.url}${path}`, { method: 'POST', headers: { ...headers, 'content-length': bytes } });
      asking.flushHeaders();
      const [reply] = (await once(asking, 'response')) as [IncomingMessage];
      asking.destroy();
      return reply.statusCode;
    };
    expect(await answerTo('/api/v1/registry/import', 32 * 1024 * 1024 + 1)).toBe(413);
    expect(await answerTo('/api/v1/registry/rollback', 1024 * 1024 + 1)).toBe(413);
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
