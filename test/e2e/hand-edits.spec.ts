import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { NODE, BUNDLE, NoxServer } from '../support/nox-server.js';
import { fakeAgent } from '../support/fake-agent.js';
import { eventually } from '../support/wait.js';

/** A person edits the registry with an editor while Nox runs: what is live, what waits, what does not fit. */
describe('hand edits of the registry', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const path = () => join(nox.registry, 'agents.toml');
  const edit = (change: (text: string) => string) => writeFileSync(path(), change(readFileSync(path(), 'utf8')));
  const git = (...args: string[]) => execFileSync('git', ['-C', nox.registry, ...args], { encoding: 'utf8' }).trim();
  const agent = () => nox.call('agents_get', { params: { id: 'worker' } });
  const banner = () => page.getByRole('region', { name: 'Hand edit of agents.toml' });
  const picture = (name: string, on: Page = page) => takePictures(on, name);

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start(), launchBrowser()]);
    await nox.call('agents_create', { body: { ...fakeAgent('worker', true), system_prompt: 'x' } });
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
    await page.getByRole('link', { name: 'Registry', exact: true }).click();
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('are live at once, and the agent that changed runs anew', async () => {
    const { pid } = await agent();
    edit((text) => text.replace(/^system_prompt = .*$/m, 'system_prompt = "By hand." # mine'));
    await page.getByRole('list', { name: 'Commits' }).getByText('registry: edit agents.toml').first().waitFor();
    await eventually('another process', async () => {
      const now = await agent();
      return now.pid !== null && now.pid !== pid && now.system_prompt === 'By hand.';
    });
    expect(git('log', '-1', '--format=%an: %s')).toBe('external: registry: edit agents.toml');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('wait for a person where they say what an agent may do, and are in force when they were accepted', async () => {
    const limits = '\n[agents.worker.resource_limits] # enough for all\nmax_memory_mb = 4096\n';
    edit((text) => `${text.replace(/^priority = .*$/m, 'priority = "low"')}${limits}`);
    await banner().getByText('agents.worker.resource_limits.max_memory_mb').waitFor();
    await banner().getByText('4096').waitFor();
    await picture('hand-edit-held');
    expect(await agent()).toMatchObject({ priority: 'low' });
    expect((await agent()).resource_limits).toBeUndefined();
    expect(git('show', 'main:agents.toml')).not.toContain('4096');
    // A restart does not let it in.
    await nox.restart();
    await page.reload();
    expect((await agent()).resource_limits).toBeUndefined();
    desk.complaints.length = 0;
    await page.getByRole('button', { name: 'Accept…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('4096').waitFor();
    await picture('hand-edit-accept');
    await dialog.getByRole('button', { name: 'Accept it' }).click();
    await banner().waitFor({ state: 'detached' });
    expect((await agent()).resource_limits).toEqual({ max_memory_mb: 4096 });
    expect(git('log', '-1', '--format=%an: %s')).toBe('admin: registry: accept agents.toml');
    expect(git('show', 'main:agents.toml')).toContain('# enough for all');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('that do not fit are shown with their line, can be mended or rejected, and are kept', async () => {
    edit((text) => text.replace(/^priority = .*$/m, 'priority = "urgent"'));
    const line = readFileSync(path(), 'utf8').split('\n').indexOf('priority = "urgent"') + 1;
    await banner().getByText(`line ${line}:`).waitFor();
    await banner().getByText('agents.worker.priority').waitFor();
    await picture('hand-edit-invalid');
    expect((await agent()).priority).toBe('low');
    await expect(
      nox.call('agents_update', { params: { id: 'worker' }, body: { priority: 'high' } }),
    ).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
      message: expect.stringContaining(`agents.toml:${line}`),
    });
    const phone = await openPage(browser, nox.url, { width: 360, height: 800 });
    await logIn(phone.page, nox);
    await phone.page.goto(`${nox.url}/registry`);
    await phone.page.getByText(`line ${line}:`).waitFor();
    await picture('hand-edit-phone', phone.page);
    expect(await phone.page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
    await phone.context.close();
    await page.getByRole('button', { name: 'Reject…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reject it' }).click();
    await banner().waitFor({ state: 'detached' });
    expect(readFileSync(path(), 'utf8')).toContain('priority = "low"');
    expect(git('show', 'refs/nox/edits:agents.toml')).toContain('priority = "urgent"');
    expect(git('status', '--porcelain')).toBe('');
    expect(desk.complaints).toEqual([]);
  });

  it('are decided on the command line, too', async () => {
    edit((text) => text.replace('max_memory_mb = 4096', 'max_memory_mb = 8192'));
    await banner().getByText('8192').waitFor();
    const cli = (...args: string[]) =>
      execFileSync(NODE, [BUNDLE, 'registry', ...args, '--json'], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '', HOME: nox.dir.path, NOX_URL: nox.url, NOX_TOKEN: nox.access_token },
      });
    const listed = JSON.parse(cli('edits')) as { edits: unknown[] };
    expect(listed.edits).toMatchObject([
      {
        file: 'agents.toml',
        state: 'held',
        fields: [{ key: 'agents.worker.resource_limits.max_memory_mb', before: 4096, after: 8192 }],
      },
    ]);
    expect(JSON.parse(cli('accept', 'agents.toml', '--yes'))).toMatchObject({
      files: ['agents.toml'],
      commit: { actor: 'admin' },
    });
    await banner().waitFor({ state: 'detached' });
    edit((text) => `${text}broken = [\n`);
    await banner().getByText('is not valid').waitFor();
    expect(JSON.parse(cli('reject', '--yes'))).toMatchObject({
      files: ['agents.toml'],
      kept: [{ file: 'agents.toml' }],
    });
    expect((await agent()).resource_limits).toEqual({ max_memory_mb: 8192 });
    expect(git('status', '--porcelain')).toBe('');
  });
});
