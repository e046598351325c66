import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Disk } from '../../../src/registry/git/writer/disk.js';
import { blobOid } from '../../../src/registry/git/writer/git-object.js';
import { PlumbingWriter } from '../../../src/registry/git/writer/plumbing-writer.js';
import { ADMIN, agentConfig, Kit } from '../../integration/registry-kit.js';
import { LossyDisk } from '../../support/lossy-disk.js';
import { randomOf } from '../../support/random.js';
import { brokenAfterPower } from '../../support/registry-crash.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface RegistryPowerOptions {
  /** Losses of power. */
  readonly cuts: number;
  readonly seed: number;
  readonly say: Say;
}

/** A writer is let go on for so many commits; then another one begins. */
const COMMITS = 6;
const FILES = ['agents.toml', 'system-config.toml'] as const;

/**
 * RELIABILITY R1 after a loss of power: what a commit's calls left unflushed is lost or torn, at random, after a call at
 * random; then the registry is opened, and I1 to I7 must hold: every commit that was answered is there.
 */
export async function runRegistryPower({ cuts, seed, say }: RegistryPowerOptions): Promise<LongReport> {
  const began = performance.now();
  const random = randomOf(seed);
  const violations: string[] = [];
  let [done, acknowledged] = [0, 0];
  const figures = { shown_as_edits: 0 };
  const kit = await Kit.make('in_memory');
  try {
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
    await registry.close();
    while (done < cuts) {
      const folder = await mkdtemp(join(kit.base, 'power-'));
      const [root, image] = [join(folder, 'registry'), join(folder, 'image')];
      await cp(kit.root, root, { recursive: true });
      const disk = new LossyDisk(root);
      const acks: string[] = [];
      // About so many calls change something in a commit.
      let left = Math.floor(random() * COMMITS * 45);
      const cut: { before?: readonly string[] } = {};
      disk.onChange = () => {
        if (left-- !== 0) return;
        disk.image(image, random);
        cut.before = [...acks];
      };
      const writer = new PlumbingWriter(root, new Disk(disk.calls));
      for (let n = 0; n < COMMITS && cut.before === undefined; n += 1) acks.push(await write(writer, root, n));
      await writer.idle();
      const { before } = cut;
      if (before !== undefined) {
        done += 1;
        acknowledged += before.length;
        for (const what of await brokenAfterPower(image, before, figures))
          violations.push(`seed ${seed}, cut ${done}: ${what}`);
        if (done % 100 === 0) say(`${done} of ${cuts} losses of power, ${violations.length} violations`);
      }
      await rm(folder, { recursive: true });
    }
  } finally {
    await kit.remove();
  }
  return { seed, cuts, acknowledged, ...figures, took_s: secondsSince(began), violations };
}

async function write(writer: PlumbingWriter, root: string, n: number): Promise<string> {
  const texts = await Promise.all(FILES.map((file) => readFile(join(root, file), 'utf8')));
  const young = [
    (texts[0] ?? '').replace(/^name = .*/m, `name = "Lead ${n}"`),
    (texts[1] ?? '').replace(/^port = \d+/m, `port = ${5000 + n}`),
  ];
  const chosen = n % 3 === 0 ? [0, 1] : [n % 2];
  const files = chosen.map((i) => {
    const replaces = blobOid(Buffer.from(texts[i] ?? ''));
    return { path: FILES[i] ?? '', content: young[i] ?? '', replaces };
  });
  const author = { name: 'admin', email: 'admin@nox.invalid' };
  const message = `change ${n}\n\nNox-Actor: admin\n`;
  const commits = [{ files, message, author, at_ms: 1_800_000_000_000 + n * 1000 }];
  const { hashes } = await writer.commit({ ref: 'refs/heads/main', head: true, commits, object_ref: 'agent:lead' });
  return hashes[0] ?? '';
}
