import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * Pid 1 of the namespace: runs the program in the foreground and hands on its exit status; as a shell it reaps whatever
 * is orphaned in there. In the foreground, because a background job would have SIGINT ignored and no stdin. The shell's own
 * words ("Killed") must not mix into the program's stderr. When pid 1 ends, the kernel kills all that is left.
 */
const INIT = 'exec 3>&2 2>/dev/null; (exec 2>&3 3>&-; exec "$@"); exit $?';
const INIT_NAME = 'nox-init';

/**
 * Runs before the init, in the same process: empty folders over the given ones ($0 is mount), best effort. It is a step of
 * its own so that no helper is ever a child of the init: the init's first child is the program.
 */
const SETUP = `while [ "$1" != -- ]; do "$0" -t tmpfs -o size=16m,mode=700 nox "$1" 2>/dev/null; shift; done; shift; exec "$@"`;

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

  /** The argument vector that runs `argv` inside, with an empty folder of its own over each of `private_folders`. */
  wrap(argv: readonly string[], private_folders: readonly string[]): [string, ...string[]] {
    const { setpriv, unshare, mount, sh } = this.tools;
    const user = this.user_namespace ? ['--user', '--map-current-user', '--keep-caps'] : [];
    // The capabilities that mounting needed are not for the program.
    const drop = this.user_namespace ? [setpriv, '--ambient-caps=-all', '--inh-caps=-all', '--bounding-set=-all'] : [];
    const init = [...drop, sh, '-c', INIT, INIT_NAME, ...argv];
    const setup = private_folders.length === 0 ? init : [sh, '-c', SETUP, mount, ...private_folders, '--', ...init];
    const options = [...user, '--pid', '--fork', '--kill-child', '--mount-proc'];
    return [setpriv, '--pdeathsig', 'KILL', unshare, ...options, ...setup];
  }

  private works(timeout_ms: number): Promise<boolean> {
    const [file, ...args] = this.wrap([this.tools.sh, '-c', '[ "$PPID" = 1 ]'], []);
    return new Promise((resolve) => {
      execFile(file, args, { timeout: timeout_ms, killSignal: 'SIGKILL' }, (error) => resolve(error === null));
    });
  }
}

/** Whether this is the command line of the init itself, so that its children are the program's tree. */
export const isInitArgv = (argv: readonly string[]): boolean => argv[2] === INIT && argv[3] === INIT_NAME;

/**
 * Folders in which every Claude CLI leaves files named by its own pid: inside, each of them is the same small number, so
 * each run needs its own. Answers those that exist (they are made where that is harmless).
 */
export async function privateFolders(env: Readonly<Record<string, string>>): Promise<string[]> {
  const home_config = env['HOME'] === undefined ? undefined : join(env['HOME'], '.claude');
  const config = env['CLAUDE_CONFIG_DIR'] ?? (home_config && existsSync(home_config) ? home_config : undefined);
  const wanted = ['/tmp/cc-socks', ...(config?.startsWith('/') ? [join(config, 'sessions')] : [])];
  const made = await Promise.all(
    wanted.map((folder) =>
      mkdir(folder, { recursive: true, mode: 0o700 }).then(
        () => true,
        // Not ours to make: then it is not private, which costs the CLI's own list of sessions and nothing else.
        () => false,
      ),
    ),
  );
  return wanted.filter((_, index) => made[index]);
}
