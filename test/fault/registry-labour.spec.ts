import { describe, expect, it } from '@jest/globals';
import { runRegistryLabour } from './long/registry-labour.js';
import { runRestoreKills } from './long/restore.js';

const say = (): void => undefined;
const seed = Date.now() % 1_000_000;

/** The short versions; `npm run chaos -- --only registry-gc --only registry-time --only restore` are the long ones. */
describe('kill -9 of Nox, of Nox with its git, or of git alone', () => {
  it('while gc and prune run beside writes: nothing acknowledged is lost, nothing is left', async () => {
    const report = await runRegistryLabour({ labour: 'care', rounds: 8, seed, say });
    expect(report).toMatchObject({ violations: [] });
    expect(report.acknowledged).toBeGreaterThan(8);
  });

  it('while it rolls back, switches and merges: the old or the new branch, nothing acknowledged is lost', async () => {
    const report = await runRegistryLabour({ labour: 'time', rounds: 8, seed, say });
    expect(report).toMatchObject({ violations: [] });
    expect(report.switched).toBeGreaterThan(0);
  });

  it('while it restores a backup: what was there is kept, and Nox starts with the old, the restored, or not', async () => {
    const report = await runRestoreKills({ rounds: 8, seed, say });
    expect(report).toMatchObject({ violations: [] });
  });
});
