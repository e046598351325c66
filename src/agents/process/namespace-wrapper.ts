import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, closeSync, constants, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { mkdtemp, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { planMounts, type MountPlan } from './mount-plan.js';

/**
 * Pid 1 of the namespace: runs the program in the foreground and hands on its exit status; as a shell it reaps whatever
 * is orphaned in there. In the foreground, because a background job would have SIGINT ignored and no stdin. The shell's own
 * words ("Killed") must not mix into the program's stderr. When pid 1 ends, the kernel kills all that is left.
 */
const INIT = 'exec 3>&2 2>/dev/null; (exec 2>&3 3>&-; exec "$@"); exit $?';
const INIT_NAME = 'nox-init';

/**
 * Runs before the init, in the same process: $0 is mount, $1 the folder to work in, then pairs of mount point and options,
 * then `--` and the init. The table of all other mounts comes as descriptor 3. If one mount fails, nothing is started. The
 * folder is entered anew, because the old way into it does not lead through what was mounted. It is a step of its own so
 * that no helper is ever a child of the init: the init's first child is the program.
 */
const SETUP = `
"$0" -a -T /proc/self/fd/3 >&2 || exit 126
exec 3<&-
into=$1; shift
while [ "$1" != -- ]; do "$0" -o "$2" "$1" >&2 || exit 126; shift 2; done
cd "$into" || exit 126
unset OLDPWD into
shift; exec "$@"`;

/**
 * What root keeps inside, as in a container. Without SYS_ADMIN nothing can be unmounted or entered, without DAC_READ_SEARCH
 * no file is opened past the mounts, without MKNOD no disk is made anew. There is no no-new-privs: the bounding set holds
 * for setuid programs too, and sudo would refuse to work.
 */
const ROOT_KEEPS = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setfcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'audit_write',
];

/** What the wrapper is made of: absolute paths, because the program's environment need not have a PATH. */
interface Tools {
  readonly setpriv: string;
  readonly unshare: string;
  readonly mount: string;
  readonly sh: string;
}

function findTool(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function findTools(): Tools | null {
  const [setpriv, unshare, mount, sh] = ['setpriv', 'unshare', 'mount', 'sh'].map(findTool);
  if (setpriv === undefined || unshare === undefined || mount === undefined || sh === undefined) return null;
  return { setpriv, unshare, mount, sh };
}

/**
 * Puts a command into PID and mount namespaces of its own. The processes that come of it:
 * `unshare` (outermost; dies with Nox) → init (pid 1 inside; dies with `unshare`, and all inside with it) → program.
 */
export class NamespaceWrapper {
  private constructor(
    private readonly tools: Tools,
    /** As an ordinary user: in a user namespace, where making the other two is allowed. */
    private readonly user_namespace: boolean,
  ) {}

  /** Tries out what this machine allows, each way for at most `timeout_ms`; null when namespaces are not to be had. */
  static async detect(timeout_ms = 2_000): Promise<NamespaceWrapper | null> {
    // Without /proc/PID/task/TID/children the program below the wrapper could not be found.
    if (process.platform !== 'linux' || !existsSync(`/proc/self/task/${process.pid}/children`)) return null;
    const tools = findTools();
    if (tools === null) return null;
    for (const user_namespace of process.geteuid?.() === 0 ? [false, true] : [true]) {
      const wrapper = new NamespaceWrapper(tools, user_namespace);
      if (await wrapper.works(timeout_ms)) return wrapper;
    }
    return null;
  }

  /** Whether what runs inside is root of the machine, whom only the lack of capabilities holds back. */
  get as_root(): boolean {
    return !this.user_namespace;
  }

  /** The argument vector that runs `argv` inside, in the folder `cwd`. The plan's table must be given as descriptor 3. */
  wrap(
    argv: readonly string[],
    cwd: string,
    remounts: MountPlan['remounts'],
    no_network = false,
  ): [string, ...string[]] {
    const { setpriv, unshare, mount, sh } = this.tools;
    const user = this.user_namespace ? ['--map-root-user'] : [];
    const setup = [sh, '-c', SETUP, mount, cwd, ...remounts.flatMap(({ path, options }) => [path, options]), '--'];
    const init = [sh, '-c', INIT, INIT_NAME, ...argv];
    const options = [...user, '--pid', '--fork', '--kill-child', '--mount-proc', ...(no_network ? ['--net'] : [])];
    return [setpriv, '--pdeathsig', 'KILL', unshare, ...options, ...setup, ...this.drop(), ...init];
  }

  /** What mounting needed is not for the program. */
  private drop(): string[] {
    const { setpriv, unshare } = this.tools;
    const none = ['--ambient-caps=-all', '--inh-caps=-all'];
    if (!this.user_namespace) return [setpriv, ...none, `--bounding-set=-all,${ROOT_KEEPS.map((c) => `+${c}`).join()}`];
    // One more user namespace: it gives back the user's own name, and has no power over mounts of the one around it.
    const own = [`--map-user=${process.geteuid?.() ?? 0}`, `--map-group=${process.getegid?.() ?? 0}`];
    return [unshare, '--user', ...own, setpriv, ...none, '--bounding-set=-all'];
  }

  /** A real try-out: a folder is hidden, and what runs inside can neither undo that nor see the machine's processes. */
  private async works(timeout_ms: number): Promise<boolean> {
    const { sh, mount } = this.tools;
    const folder = await mkdtemp(join(tmpdir(), 'nox-try-'));
    const plan = planMounts([{ path: await realpath(folder), kind: 'hide' }], []);
    const script = `[ "$PPID" = 1 ] && ! (: > "$1/x") 2>/dev/null && ! "$2" -o remount,rw "$1" 2>/dev/null`;
    const [file, ...args] = this.wrap([sh, '-c', script, 'try', folder, mount], '/', plan.remounts);
    try {
      return await withTable(plan.table, (table) => {
        const child = spawn(file, args, {
          stdio: ['ignore', 'ignore', 'ignore', table],
          timeout: timeout_ms,
          killSignal: 'SIGKILL',
        });
        return new Promise<boolean>((resolve) => {
          child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0));
        });
      });
    } finally {
      await rmdir(folder);
    }
  }
}

/** Hands a text on as an open file that has no name any more: `mount` takes no pipe. */
export function withTable<T>(text: string, use: (descriptor: number) => T): T {
  const path = join(tmpdir(), `nox-mounts-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    writeSync(file, text);
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** Whether this is the command line of the init itself, so that its children are the program's tree. */
export const isInitArgv = (argv: readonly string[]): boolean => argv[2] === INIT && argv[3] === INIT_NAME;
