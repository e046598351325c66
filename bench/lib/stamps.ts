import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../test/support/nox-server.js';
import { eventually } from '../../test/support/wait.js';

/** A file into which each child writes, first of all, when it began (agents/stamped.sh). */
export class Stamps {
  constructor(private readonly file: string) {}

  /** Program and arguments that stamp and then become `program`. */
  wrap(...program: string[]): [string, ...string[]] {
    return ['/bin/sh', join(ROOT, 'bench', 'agents', 'stamped.sh'), this.file, ...program];
  }

  get count(): number {
    return this.all().length;
  }

  /** Wall-clock milliseconds of the first stamp beyond `seen`. */
  async next(seen: number): Promise<number> {
    return eventually('the next start of the child', () => this.all()[seen]);
  }

  private all(): number[] {
    if (!existsSync(this.file)) return [];
    const lines = readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => Number(line) / 1e6);
  }
}
