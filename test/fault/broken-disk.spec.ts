import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';
import { canMount, livingOf, programsOf } from './fault-support.js';

/** Writes until the disk takes no more, in ever smaller pieces. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  for (const bytes of [65_536, 4096, 512, 1]) {
    try {
      for (;;) if (writeSync(file, Buffer.alloc(bytes, 1)) < bytes) break;
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
  closeSync(file);
}

describe('stopping on a broken machine', () => {
  let nox: NoxServer;
  let folder: TempDir;

  const start = async (env: Record<string, string> = {}) => {
    nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: folder.path, ...env } });
    await nox.call('agents_create', { body: fakeAgent('one') });
    await nox.call('agents_create', { body: fakeAgent('two') });
    await eventually('both run', () => programsOf(folder.path).length === 2);
  };
  const prompt = (content: string) =>
    nox.call('agents_prompt', { params: { id: 'two' }, body: { content, wait: true } });
  const status = (id: string) => nox.call('agents_status', { params: { id } });

  beforeEach(async () => {
    folder = await makeTempDir('nox-fake-');
  });
  afterEach(async () => {
    await nox.close();
    expect(livingOf(folder.path)).toEqual([]);
    await folder.remove();
  });

  describe('with a broken repository', () => {
    let objects: string;
    beforeEach(async () => {
      await start();
      objects = join(nox.registry, '.git', 'objects');
      renameSync(objects, `${objects}.away`);
      writeFileSync(objects, 'not a folder');
    });
    const mend = () => {
      rmSync(objects);
      renameSync(`${objects}.away`, objects);
    };

    it('ends the agent, answers with the error of git, and does not start it again by itself', async () => {
      await expect(nox.call('agents_stop', { params: { id: 'one' } })).rejects.toMatchObject({
        code: 'GIT_OPERATION_FAILED',
      });
      expect(programsOf(folder.path)).toHaveLength(1);
      expect(await status('one')).toMatchObject({
        status: 'inactive',
        desired_state: 'active',
        reason: expect.stringMatching(/^stopped by admin, but this could not be stored .*a restart of Nox starts it$/),
      });
      // What brings back all that should run must leave it alone.
      await nox.call('system_emergency_stop');
      await nox.call('system_emergency_clear');
      await eventually('two runs again', async () => (await status('two')).status === 'idle');
      expect(programsOf(folder.path)).toHaveLength(1);
      mend();
      await nox.call('agents_start', { params: { id: 'one' } });
      expect((await status('one')).reason).toBeUndefined();
    });

    it('stops everything in an emergency, and keeps it stopped over a crash', async () => {
      expect(await nox.call('system_emergency_stop')).toMatchObject({ ended: 2, problems: [] });
      expect(livingOf(folder.path)).toEqual([]);
      await nox.kill();
      mend();
      await nox.boot();
      expect((await nox.call('system_status')).emergency_stop).not.toBeNull();
      expect(livingOf(folder.path)).toEqual([]);
    });
  });

  (canMount() ? describe : describe.skip)('with a full disk', () => {
    let mounted: TempDir;
    let home: string;
    beforeEach(async () => {
      mounted = await makeTempDir('nox-disk-');
      home = join(mounted.path, 'home');
      mkdirSync(home);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', home]);
      await start({ NOX_HOME: home });
      fill(join(home, 'filler'));
    });
    afterEach(async () => {
      await nox.kill('SIGTERM');
      execFileSync('umount', ['-l', home]);
      await mounted.remove();
    });

    it('stops one agent', async () => {
      await nox.call('agents_stop', { params: { id: 'one' } }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'STORAGE_FAILED' });
      });
      expect(programsOf(folder.path)).toHaveLength(1);
      expect((await status('one')).process_state).toBe('stopped');
      expect((await status('two')).process_state).toBe('running');
    });

    it('refuses prompts with a clear 507, lives on, and takes them again when there is room', async () => {
      const refused = await Promise.all(
        Array.from({ length: 20 }, async () =>
          prompt(`say ${'x'.repeat(20_000)}`).then(
            () => undefined,
            (error: { code: string; status: number }) => `${error.status} ${error.code}`,
          ),
        ),
      );
      const told = refused.filter((word) => word !== undefined);
      expect(told.length).toBeGreaterThan(0);
      expect(new Set(told)).toEqual(new Set(['507 STORAGE_FAILED']));
      rmSync(join(home, 'filler'));
      const after = await eventually('it answers again', async () => prompt('say again'));
      expect(after.text).toBe('again');
    });

    it('stops everything in an emergency, keeps it stopped over a crash, and serves on', async () => {
      const reply = await nox.call('system_emergency_stop', { body: { reason: 'disk full' } });
      expect(reply.ended).toBe(2);
      expect(reply.problems.join()).not.toContain('marker');
      expect(livingOf(folder.path)).toEqual([]);
      expect(existsSync(join(home, 'emergency-stop'))).toBe(true);
      expect(await nox.call('system_status')).toMatchObject({ emergency_stop: { reason: 'disk full' } });
      await nox.kill();
      rmSync(join(home, 'filler'));
      await nox.boot();
      expect(await nox.call('system_status')).toMatchObject({ emergency_stop: { reason: 'disk full' } });
      expect(livingOf(folder.path)).toEqual([]);
    });
  });
});
