import { mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Turn } from '../contracts/turn.js';
import { ConversationFiles } from './conversation-files.js';

const turn = (id: string): Turn => ({
  id,
  agent_id: 'lead',
  session_id: null,
  source: 'user',
  actor: 'admin',
  prompt: 'Plan it.',
  status: 'complete',
  text: 'Done.',
  blocks: [],
  usage: null,
  reason: null,
  queued_at: '2026-11-21T08:31:01.000Z',
  started_at: '2026-11-21T08:31:02.000Z',
  ended_at: '2026-11-21T08:31:05.000Z',
});

describe(ConversationFiles.name, () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'nox-conversations-'));
  });
  afterEach(() => rm(root, { recursive: true }));
  const open = (max_file_bytes = 1000): ConversationFiles =>
    new ConversationFiles({ root, max_file_bytes, cut: () => undefined });

  it('goes on in a further file when one is full, and finds turns in each', async () => {
    const files = open();
    const paths: string[] = [];
    for (let n = 0; n < 20; n += 1) paths.push(await files.append(turn(`trn_${n}`)));
    const parts = [...new Set(paths)];
    expect(parts.length).toBeGreaterThan(2);
    expect(parts[1]).toBe('agents/lead/conversations/2026-11-21-2.toml');
    const again = open();
    const holds = again.finder();
    for (let n = 0; n < 20; n += 1) expect(await holds(turn(`trn_${n}`))).toBe(true);
    expect(await holds(turn('trn_20'))).toBe(false);
    expect(await again.append(turn('trn_20'))).toBe(parts.at(-1));
  });

  it('regression: flushing did not end while turns went on ending', async () => {
    const files = open(1_000_000);
    await files.append(turn('trn_0'));
    await files.append(turn('trn_1'));
    const seen = { is_done: false };
    const synced = files.sync().then(() => (seen.is_done = true));
    for (let n = 2; n < 5000 && !seen.is_done; n += 1) {
      await files.append(turn(`trn_${n}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen.is_done).toBe(true);
    await synced;
  });

  it('flushes what an earlier Nox may have left unflushed, and doubts for good after a refusal', async () => {
    const path = await open().append(turn('trn_0'));
    const files = open();
    expect(await files.finder()(turn('trn_0'))).toBe(true);
    const full = join(root, path);
    await rename(full, `${full}.kept`);
    await symlink(`${full}.kept`, full);
    await expect(files.sync()).rejects.toMatchObject({ code: 'ELOOP' });
    await rm(full);
    await rename(`${full}.kept`, full);
    expect(await files.sync()).toBe(false);
    expect(await open().sync()).toBe(true);
  });
});
