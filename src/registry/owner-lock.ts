import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { syncPath, TMP_PREFIX } from '../shared/atomic-file.js';
import { errnoOf, NoxError } from '../shared/nox-error.js';
import { dirname, join } from 'node:path';

/** A process beyond doubt: a pid alone is given away again, and after a boot all of them are. */
interface Owner {
  readonly pid: number;
  readonly start_time: string;
  readonly boot_id: string;
}

/**
 * The file that says which living Nox owns a registry; a dead owner's file counts for nothing. Taking it is atomic; two
 * starters that find the same dead owner settle it by a second file.
 */
export class OwnerLock {
  private constructor(
    private readonly path: string,
    /** Whether the last owner ended without releasing: it may have left work half done. */
    readonly after_crash: boolean,
  ) {}

  /** Throws INVALID_STATE, naming the pid, when a living process holds it. */
  static async acquire(path: string): Promise<OwnerLock> {
    const own = join(dirname(path), `${TMP_PREFIX}lock-${randomBytes(6).toString('hex')}`);
    await writeFile(own, JSON.stringify(await ownerOf(process.pid)), { flag: 'wx' });
    try {
      if (await tryLink(own, path)) {
        // After a loss of power, too, it says that somebody may have left work half done.
        await syncPath(dirname(path));
        return new OwnerLock(path, false);
      }
      await refuseLiving(path);
      const takeover = `${path}.takeover`;
      if (!(await tryLink(own, takeover))) {
        await refuseLiving(takeover);
        await unlink(takeover);
        if (!(await tryLink(own, takeover))) throw held('another starting process');
      }
      try {
        // Between the look and the takeover another one may have come and gone by the same way.
        await refuseLiving(path);
        await rename(own, path);
      } finally {
        await unlink(takeover);
      }
      return new OwnerLock(path, true);
    } finally {
      await unlink(own).catch(ignoreMissing);
    }
  }

  async release(): Promise<void> {
    await unlink(this.path).catch(ignoreMissing);
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function refuseLiving(path: string): Promise<void> {
  const owner = parseOwner(await readFile(path, 'utf8').catch(ignoreMissing));
  if (owner === undefined) return;
  const now = await ownerOf(owner.pid);
  if (now.start_time !== '' && now.start_time === owner.start_time && now.boot_id === owner.boot_id) {
    throw held(`process ${owner.pid}`);
  }
}

const held = (who: string): NoxError =>
  new NoxError('INVALID_STATE', `Another Nox (${who}) owns this registry; stop it first, or set NOX_REGISTRY_PATH.`);

function parseOwner(text: string | undefined): Owner | undefined {
  try {
    const owner = JSON.parse(text ?? '') as Partial<Owner>;
    if (typeof owner.pid !== 'number' || typeof owner.start_time !== 'string') return undefined;
    return { pid: owner.pid, start_time: owner.start_time, boot_id: owner.boot_id ?? '' };
  } catch {
    // A file torn by a power cut: whoever wrote it is gone.
    return undefined;
  }
}

async function ownerOf(pid: number): Promise<Owner> {
  const [start_time, boot_id] = await Promise.all([startTimeOf(pid), bootId()]);
  return { pid, start_time, boot_id };
}

/** When a process began, in words of its system; empty when there is none. */
async function startTimeOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
      stdout: '',
    }));
    return stdout.trim();
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Behind the program's name, which may hold anything: state is field 3, start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Dead, and not yet taken notice of by its parent.
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}
