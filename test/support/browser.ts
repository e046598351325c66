import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, errors, type Locator, type Page } from 'playwright-core';
import { ADMIN_PASSWORD, type NoxServer } from './nox-server.js';
import { DEFAULT_WAIT_MS } from './wait.js';

/** Keeps Chromium on loopback and quiet. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });

export interface Watched {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page complained about: script errors, refused resources, broken policies. */
  readonly complaints: string[];
}

/** A fresh profile with a page that is watched; `width` 360 is a phone. */
export async function openPage(browser: Browser, url: string, { width = 1440, height = 900 } = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height }, baseURL: url, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(DEFAULT_WAIT_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Asking for a session that is not there is how the page finds out that somebody must log in.
    // A network of the machine that comes or goes (of containers) is no fault of the page.
    const text = message.text();
    if (message.type() === 'error' && !/401|ERR_NETWORK_CHANGED/.test(text)) complaints.push(text);
  });
  return { context, page, complaints };
}

export async function logIn(page: Page, nox: NoxServer): Promise<void> {
  await page.goto(nox.url);
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password').fill(ADMIN_PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

/**
 * Presses a key until the page shows the answer: a busy page can lose a key, and a person then presses it again.
 * Only for a key that does no harm when it is pressed once too often.
 */
export async function pressUntil(page: Page, key: string, answer: Locator): Promise<void> {
  for (let left = 30; left > 0; left--) {
    await page.keyboard.press(key);
    try {
      return await answer.waitFor({ state: 'attached', timeout: 2_000 });
    } catch (error) {
      if (!(error instanceof errors.TimeoutError)) throw error;
    }
  }
  throw new Error(`${key} was pressed again and again: no ${String(answer)}`);
}

/** Pictures of the whole page, light and dark, for people who want to look: into the folder NOX_PICTURES; without it none. */
export async function takePictures(page: Page, name: string): Promise<void> {
  const folder = process.env['NOX_PICTURES'];
  if (folder === undefined) return;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), fullPage: true });
  }
}
