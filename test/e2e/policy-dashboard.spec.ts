import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** Policy and ledger in a real browser. */
describe('the rules and the book of decisions', () => {
  let nox: NoxServer;
  let browser: Browser;
  let desk: Watched;
  let page: Page;
  const picture = (name: string, on: Page = page) => takePictures(on, name);
  const policy = () => readFileSync(join(nox.registry, 'approval-policy.toml'), 'utf8');

  /** The agent asks, a person answers. */
  async function answered(command: string, answer: 'approve' | 'deny'): Promise<void> {
    const content = `tool Bash ${JSON.stringify({ command })}`;
    const reply = nox.call('agents_prompt', { params: { id: 'worker' }, body: { content } });
    const asked = await eventually('a request', async () => {
      const { approvals } = await nox.call('approvals_list', { query: { status: 'pending' } });
      return approvals[0];
    });
    const call = { params: { id: asked.id }, body: { reason: `${answer} it` } };
    await nox.call(answer === 'approve' ? 'approvals_approve' : 'approvals_deny', call);
    await reply;
  }

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start(), launchBrowser()]);
    await nox.call('agents_create', { body: fakeAgent('worker') });
    for (let n = 0; n < 3; n += 1) await answered('mkdir -p build', 'approve');
    await answered('rm -rf ../other', 'deny');
    desk = await openPage(browser, nox.url);
    page = desk.page;
    await logIn(page, nox);
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  it('proposes what was answered alike, with what it would have done, and takes it', async () => {
    await page.getByRole('link', { name: 'Policy', exact: true }).click();
    const proposals = page.getByRole('region', { name: 'Proposed rules' });
    await proposals.getByText('3 equal answers').waitFor();
    await proposals.getByText('Would have decided 3 of the last 4 as you did, 0 differently').waitFor();
    await picture('policy-proposed');
    await proposals.getByRole('button', { name: /^Accept the rule/ }).click();
    await page.getByText('from 3 answers').waitFor();
    expect(policy()).toContain('proposed_from');
    await proposals.waitFor({ state: 'detached' });
  });

  it('says at the field what does not fit, and puts nothing in force', async () => {
    const before = policy();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    const box = page.getByLabel('approval-policy.toml');
    await box.fill(`${before}\n[[rules]]\nid = "Bad Id"\nwhen = {}\nthen = "maybe"\n`);
    await page.getByText(/rules\.\d+\.(id|then)/).waitFor();
    expect(await page.getByRole('button', { name: 'Put in force' }).isDisabled()).toBe(true);
    await picture('policy-problem');
    expect(policy()).toBe(before);
  });

  it('tries what is written on past requests before it is in force, and says what differs', async () => {
    const rule =
      '[[rules]]\nid = "no-build"\nwhen = { tool = "Bash", command = { program = "mkdir" } }\nthen = "deny"\n';
    const before = policy();
    const at = before.search(/^\[\[rules\]\]/m);
    await page
      .getByLabel('approval-policy.toml')
      .fill(`${before.slice(0, at)}${rule}reason = "by hand"\n\n${before.slice(at)}`);
    await page.getByText('Would have decided 0 of the last 4 as you did, 3 differently').waitFor();
    await picture('policy-differs');
    await page.getByRole('button', { name: 'Put in force' }).click();
    // The words stand in the editor as well; the rule itself is listed when it is in force.
    await page.getByRole('button', { name: 'Take rule no-build out' }).waitFor();
    expect(policy()).toContain('no-build');
    const { commits } = await nox.call('registry_history', { query: { path: 'approval-policy.toml' } });
    await page
      .getByRole('link', { name: commits[0]?.subject ?? '' })
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Take rule no-build out' }).click();
    await page.getByRole('button', { name: 'Take it out', exact: true }).last().click();
    await eventually('the rule is gone', () => !policy().includes('no-build'));
  });

  it('shows the book of decisions, each with who, why and what ran', async () => {
    await page.getByRole('link', { name: 'Audit', exact: true }).click();
    await page.getByRole('link', { name: 'Decisions' }).click();
    const entries = page.getByRole('region', { name: 'Entries' });
    await entries.getByText('denied').first().click();
    await page.getByText('rm -rf ../other').first().waitFor();
    await page.getByText('deny it').waitFor();
    await page
      .getByRole('definition')
      .filter({ hasText: /^admin, by / })
      .waitFor();
    await picture('ledger-entry');
    await page.getByLabel('What', { exact: true }).selectOption('executed');
    await eventually('only what ran', async () => (await entries.getByText('denied').count()) === 0);
    await eventually('all of it', async () => (await entries.getByText('ran', { exact: true }).count()) === 3);
  });

  it('verifies the chain, exports what is shown, and tells of what comes meanwhile', async () => {
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText(/entries verified, none was changed/).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export' }).click(),
    ]);
    const exported = JSON.parse(readFileSync(await file.path(), 'utf8')) as { kind: string; sha256: string }[];
    expect(exported.map(({ kind }) => kind)).toEqual(['executed', 'executed', 'executed']);
    await page.getByLabel('What', { exact: true }).selectOption('');
    await answered('touch live.txt', 'deny');
    await page.getByRole('region', { name: 'Entries' }).getByText('denied').nth(1).waitFor();
    // A policy that does not fit is refused with 400, which browsers call an error.
    expect(desk.complaints.filter((text) => !text.includes('status of 400'))).toEqual([]);
  });

  it('fits a phone, in the dark', async () => {
    const phone = await openPage(browser, nox.url, { width: 360, height: 740 });
    await phone.page.emulateMedia({ colorScheme: 'dark' });
    await logIn(phone.page, nox);
    for (const path of ['/policy', '/audit/ledger', '/audit/ledger/2']) {
      await phone.page.goto(`${nox.url}${path}`);
      await phone.page
        .getByText(path === '/policy' ? 'from 3 answers' : 'Decisions')
        .first()
        .waitFor();
      await phone.page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' });
      const wide = await phone.page.evaluate<number>('document.documentElement.scrollWidth');
      expect({ path, wide }).toEqual({ path, wide: 360 });
      await picture(`phone${path.replaceAll('/', '-')}`, phone.page);
    }
    expect(phone.complaints).toEqual([]);
    await phone.context.close();
  });
});
