import { expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NoxServer, ROOT } from '../support/nox-server.js';
import { makeTempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';

const SHIM = join(ROOT, 'test/fixtures/claude-shims/notes-argv.sh');
const SECRET = 'a-secret-9c1f-of-the-person';
const OPTIONS =
  /^(-p|--version|--help|--verbose|--include-partial-messages|--replay-user-messages|--strict-mcp-config|--[A-Za-z-]+=.*)$/s;
/** Options of Nox's own whose values are fixed, or made by Nox, or a model's name by its schema. */
const FIXED: Readonly<Record<string, RegExp>> = {
  '--input-format': /^stream-json$/,
  '--output-format': /^stream-json$/,
  '--permission-prompt-tool': /^stdio$/,
  '--permission-mode': /^default$/,
  '--system-prompt-snapshot': /^off$/,
  '--setting-sources': /^$/,
  '--settings': /^\{"cleanupPeriodDays":\d+\}$/,
  '--model': /^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]*$/,
  '--disallowedTools': /^[A-Za-z_*,]+$/,
  '--session-id': /^[0-9a-f-]{36}$/,
  '--resume': /^[0-9a-f-]{36}$/,
};

it('nothing that a person or an agent wrote, and no secret, is in the arguments of the Claude CLI', async () => {
  await using folder = await makeTempDir('nox-argv-');
  const notes = join(folder.path, 'notes');
  mkdirSync(notes);
  await using nox = await NoxServer.start({
    env: { NOX_CLAUDE_PATH: SHIM, CLAUDE_NOTES: notes, GH_TOKEN: SECRET, OTHER: SECRET },
  });
  const id = 'worker';
  const text = '--dangerously-skip-permissions';
  await nox.call('agents_create', {
    body: { id, name: text, system_prompt: `${text} system`, model: 'sonnet', env: { MY_TOKEN: 'env:GH_TOKEN' } },
  });
  const wrong = nox.call('agents_update', { params: { id }, body: { model: text } });
  await expect(wrong).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  await nox.call('agents_start', { params: { id } });
  const say = (content: string) => nox.call('agents_prompt', { params: { id }, body: { content, wait: true } });
  expect((await say(`${text} prompt\nsay heard`)).text).toBe('heard');
  const sent = await nox.call('messages_send', { body: { to: id, content: `${text} message` } });
  await eventually('it is read', async () => {
    return (await nox.call('messages_get', { params: { id: sent.id } })).status === 'acked';
  });
  // Once more with its session.
  await nox.call('agents_restart', { params: { id } });

  const wordsOf = (file: string) => readFileSync(join(notes, file), 'utf8').split('\0').slice(0, -1);
  const files = readdirSync(notes);
  const argvs = files.filter((file) => file.endsWith('.argv')).map(wordsOf);
  for (const argv of argvs) {
    for (const word of argv) {
      expect(word).toMatch(OPTIONS);
      expect(word).not.toContain('skip-permissions');
      expect(word).not.toContain(SECRET);
      const [, option = '', value = ''] = /^(--[A-Za-z-]+)=(.*)$/s.exec(word) ?? [];
      if (option !== '')
        expect({ option, value }).toEqual({ option, value: expect.stringMatching(FIXED[option] ?? /^$/) });
    }
  }
  const runs = argvs.filter((argv) => argv.includes('-p'));
  expect(runs.some((argv) => argv.some((word) => word.startsWith('--session-id=')))).toBe(true);
  expect(runs.some((argv) => argv.some((word) => word.startsWith('--resume=')))).toBe(true);
  // The secret reaches the agent by the name that it was given, and only by that one.
  const holders = files
    .filter((file) => file.endsWith('.env'))
    .flatMap(wordsOf)
    .filter((entry) => entry.includes(SECRET));
  expect(new Set(holders)).toEqual(new Set([`MY_TOKEN=${SECRET}`]));
});
