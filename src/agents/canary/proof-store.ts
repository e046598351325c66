import { constants } from 'node:fs';
import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../shared/atomic-file.js';
import { errnoOf } from '../../shared/nox-error.js';

/** Everything that a proof is about: another of any of these is unproven. */
export interface ProofSubject {
  readonly binary_sha256: string;
  /** Of Nox's own side: how it starts the CLI, what it answers, which ways were tried. */
  readonly gate_version: string;
  /** Of what else decides how the CLI treats hooks: settings of the machine, switches in the environment. */
  readonly surroundings_sha256: string;
}

const Proof = z.strictObject({
  schema_version: z.literal(1),
  binary_sha256: z.string(),
  gate_version: z.string(),
  surroundings_sha256: z.string(),
  proven_at: z.iso.datetime(),
  ways: z.array(z.string()).min(1),
});
export type Proof = z.infer<typeof Proof>;

/**
 * Proofs as files, one per subject, in a folder that agents cannot see. Only what held is kept. A file that is not Nox's
 * own (a link, another owner, open to others), or says something else than its name, counts as none.
 */
export class ProofStore {
  constructor(private readonly folder: string) {}

  async read(subject: ProofSubject): Promise<Proof | undefined> {
    const path = this.pathOf(subject);
    let text: string;
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const facts = await file.stat();
        const is_own = facts.isFile() && facts.uid === (process.geteuid?.() ?? facts.uid) && (facts.mode & 0o077) === 0;
        if (!is_own || facts.size > 65_536) return undefined;
        text = await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EISDIR'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
    const proof = Proof.safeParse(parsed(text)).data;
    const fits =
      proof !== undefined &&
      proof.binary_sha256 === subject.binary_sha256 &&
      proof.gate_version === subject.gate_version &&
      proof.surroundings_sha256 === subject.surroundings_sha256;
    return fits ? proof : undefined;
  }

  async write(proof: Proof): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.pathOf(proof), `${JSON.stringify(proof, null, 2)}\n`, 0o600);
  }

  async remove(subject: ProofSubject): Promise<void> {
    await unlink(this.pathOf(subject)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }

  private pathOf({ binary_sha256, gate_version, surroundings_sha256 }: ProofSubject): string {
    const parts = [binary_sha256, gate_version, surroundings_sha256].map((part) => part.slice(0, 16));
    return join(this.folder, `${parts.join('-')}.json`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
