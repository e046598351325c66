import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One call that changed something below the root, or a mark of the test's own. Paths begin with `/`, the root. */
export type PowerOp =
  | { readonly op: 'create' | 'folder'; readonly path: string; readonly inode: bigint }
  | { readonly op: 'write'; readonly inode: bigint; readonly at: number; readonly bytes: Buffer }
  | { readonly op: 'size'; readonly inode: bigint; readonly size: number }
  | { readonly op: 'sync'; readonly inode: bigint }
  | { readonly op: 'rename' | 'link'; readonly from: string; readonly to: string }
  | { readonly op: 'unlink'; readonly path: string }
  | { readonly op: 'mark'; readonly mark: unknown };

const SOURCE = join(import.meta.dirname, '../../fixtures/power/recorder.c');
/** `struct record` of recorder.c. */
const HEAD_BYTES = 32;

/**
 * Writes down what a program and its processes of git change below a folder. Nox gives git an environment of its own, so
 * git is found through a script in `bin`, which puts the library back in.
 */
export class PowerLog {
  private constructor(
    private readonly path: string,
    readonly root: string,
    /** For the program, over its own. */
    readonly env: Readonly<Record<string, string>>,
    /** To be first in its PATH. */
    readonly bin: string,
  ) {}

  /** Needs a C compiler. `folder` is for its own files. */
  static make(folder: string, root: string): PowerLog {
    const [library, path, bin] = [join(folder, 'recorder.so'), join(folder, 'power.log'), join(folder, 'bin')];
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl', '-pthread']);
    writeFileSync(path, '');
    mkdirSync(bin);
    const env = { LD_PRELOAD: library, POWER_LOG: path, POWER_ROOT: realpathSync(root) };
    const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const settings = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    writeFileSync(join(bin, 'git'), `#!/bin/sh\n${settings.join(' ')} exec '${git}' "$@"\n`);
    chmodSync(join(bin, 'git'), 0o755);
    return new PowerLog(path, env.POWER_ROOT, env, bin);
  }

  /** Something that is so from now on, for instance that an answer has come. */
  mark(mark: unknown): void {
    const text = Buffer.from(JSON.stringify(mark));
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE('M'.charCodeAt(0), 0);
    head.writeUInt32LE(text.length, 4);
    appendFileSync(this.path, Buffer.concat([head, text]));
  }

  read(): PowerOp[] {
    const log = readFileSync(this.path);
    const ops: PowerOp[] = [];
    for (let at = 0; at < log.length;) {
      const [first, second] = [log.readUInt32LE(at + 4), log.readUInt32LE(at + 8)];
      const body = log.subarray(at + HEAD_BYTES, at + HEAD_BYTES + first + second);
      const kind = String.fromCharCode(log.readUInt32LE(at));
      ops.push(opOf(kind, log.readBigUInt64LE(at + 16), Number(log.readBigUInt64LE(at + 24)), body, first));
      at += HEAD_BYTES + first + second;
    }
    return ops;
  }
}

function opOf(kind: string, inode: bigint, at: number, body: Buffer, first: number): PowerOp {
  const text = body.toString('utf8', 0, first);
  switch (kind) {
    case 'C':
      return { op: 'create', path: text, inode };
    case 'D':
      return { op: 'folder', path: text, inode };
    case 'W':
      return { op: 'write', inode, at, bytes: body };
    case 'T':
      return { op: 'size', inode, size: at };
    case 'S':
      return { op: 'sync', inode };
    case 'R':
      return { op: 'rename', from: text, to: body.toString('utf8', first) };
    case 'L':
      return { op: 'link', from: text, to: body.toString('utf8', first) };
    case 'U':
      return { op: 'unlink', path: text };
    case 'M':
      return { op: 'mark', mark: JSON.parse(text) };
    default:
      throw new Error(`the log has a record of kind "${kind}"`);
  }
}
