import { critical, type Finding, high, low, medium } from './finding.js';

/** Answers where a path really leads (symbolic links followed), or null when that cannot be said. */
export type Resolve = (path: string) => string | null;

/** Where a call works: paths are relative to `cwd`; what lies in `workspace` is the agent's own. */
export interface Place {
  readonly cwd: string;
  readonly workspace: string;
  readonly resolve: Resolve;
}

export type Access = 'read' | 'write';

/** The path from the root without `.`, `..` and doubled slashes. A path from `~` has no root here and stays as it is. */
export function absolute(path: string, cwd: string): string {
  if (path.startsWith('~')) return path;
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Resolves by the text alone: for tests, and where no file system is at hand. */
export const lexically =
  (cwd: string): Resolve =>
  (path) =>
    path.startsWith('~') ? null : absolute(path, cwd);

/** What reading or writing this path means. */
export function judgePath(path: string, access: Access, place: Place): Finding {
  const named = absolute(path, place.cwd);
  const real = place.resolve(path);
  const inside = real !== null && isInside(real, place.workspace);
  // Inside, only what follows the workspace's own path counts: a project may lie in a folder called "secrets".
  const seen = inside ? [real.slice(place.workspace === '/' ? 0 : place.workspace.length), path] : [named, real ?? ''];
  const parts = seen.flatMap((text) => plain(text).split(/[/:=]/));
  const system = !inside || place.workspace === '/' ? seen.some((text) => SYSTEM.test(plain(text))) : false;
  const secret = parts.some(isSecret) || seen.some((text) => SECRET_PLACE.test(plain(text)));
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;

  if (parts.includes('docker.sock')) return critical(`${shown} gives control over the whole machine (Docker)`);
  if (access === 'write') {
    if (parts.some(isControl)) return critical(`writes ${shown}, which steers Nox, git, the shell or Claude itself`);
    if (system) return critical(`writes to the files of the system: ${shown}`);
    if (secret) return high(`writes ${shown}, which looks like a secret`);
    if (parts.some(runsByItself)) return high(`writes ${shown}, which other programs run or obey by themselves`);
    if (real === null) return high(`writes ${shown}; where that leads cannot be told`);
    return inside ? medium(`changes files in the workspace`) : high(`writes outside the workspace: ${shown}`);
  }
  if (secret) return high(`reads ${shown}, which looks like a secret`);
  if (real === null) return medium(`reads ${shown}; where that leads cannot be told`);
  return inside ? low('reads its own workspace') : medium(`reads outside the workspace: ${shown}`);
}

/**
 * A plan that Claude keeps for a person to agree to: a plain file right in that folder, named without detours, no link on
 * the way. Null for whatever else.
 */
export function judgePlan(path: string, access: Access, plans: string | undefined, place: Place): Finding | null {
  if (plans === undefined || !path.startsWith(`${plans}/`)) return null;
  const name = path.slice(plans.length + 1);
  const folder = place.resolve(plans);
  if (!/^[a-z0-9][a-z0-9-]*\.md$/.test(name) || folder === null || place.resolve(path) !== `${folder}/${name}`)
    return null;
  return medium(access === 'write' ? 'writes a plan for a person to see' : 'reads a plan of Claude');
}

/** Whether a word names something that is secret or steers Nox, wherever it stands. */
export const isTouchy = (word: string): boolean =>
  plain(word)
    .split(/[/:=@]/)
    .some((part) => isSecret(part) || isControl(part) || part === 'docker.sock') || SECRET_PLACE.test(plain(word));

/** Whether a word names what steers Nox, git, the shell or Claude. */
export const isSteering = (word: string): boolean =>
  plain(word)
    .split(/[/:=]/)
    .some((part) => isControl(part));

/** Whether a word is the path of the system's own files (`/dev/null` and the like are not meant). */
export const isSystemPath = (word: string): boolean => SYSTEM.test(plain(word)) && !HARMLESS_DEVICE.test(word);

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Look-alikes made plain, as file systems that ignore case and invisible characters would read them. */
function plain(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '')
    .toLowerCase();
}

const HARMLESS_DEVICE = /^\/dev\/(null|zero|stdin|stdout|stderr|tty|fd\/[0-2])$/;
const SYSTEM = /^(\/private)?\/(etc|usr|bin|sbin|lib|lib32|lib64|boot|dev|proc|sys|run|opt|var|system|library)(\/|$)/;
const SECRET_PLACE =
  /(^|\/)\.git\/config$|(^|\/)proc\/[^/]+\/(task\/[^/]+\/)?(environ|mem|maps|fd|root|cwd|auxv)(\/|$)|\/etc\/(shadow|gshadow|sudoers|ssl\/private|krb5\.keytab)|\/run\/secrets(\/|$)/;

const SECRET_NAMES: ReadonlySet<string> = new Set(
  `.envrc .ssh .gnupg .aws .azure .kube .docker .gcloud .password-store .nox .claude .claude.json .mcp.json .netrc _netrc
   .npmrc .yarnrc .pypirc .pgpass .my.cnf .git-credentials .htpasswd .vault-token .bash_history .zsh_history .node_repl_history
   .python_history .psql_history .mysql_history keychains login.keychain-db cookies.sqlite shadow gshadow gh_token`
    .split(/\s+/)
    .filter(Boolean),
);

function isSecret(part: string): boolean {
  if (SECRET_NAMES.has(part)) return true;
  if (/^\.env(\..+)?$/.test(part)) return !/^\.env\.(example|sample|template)$/.test(part);
  if (/^id_(rsa|dsa|ecdsa|ed25519)/.test(part)) return !part.endsWith('.pub');
  if (/\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|gpg|asc|keytab)$/.test(part)) return true;
  if (/^\.?(credentials?|secrets?)$/.test(part)) return true;
  return /^\.?(credentials?|secrets?|passwords?|tokens?|service-account[\w-]*)\.(json|ya?ml|toml|ini|txt|csv)$/.test(
    part,
  );
}

const CONTROL_NAMES: ReadonlySet<string> = new Set(
  `.git .claude .claude.json .mcp.json .nox .nox-registry .ssh .gnupg .gitconfig .bashrc .bash_profile .bash_login .profile
   .zshrc .zshenv .zprofile .zlogin crontab sudoers authorized_keys`
    .split(/\s+/)
    .filter(Boolean),
);
const isControl = (part: string): boolean => CONTROL_NAMES.has(part);

// `head` alone makes a folder look like a git repository, whose settings may then run programs.
const AUTOMATIC_NAMES: ReadonlySet<string> = new Set(
  '.envrc .npmrc .yarnrc .yarnrc.yml .husky .github .gitlab-ci.yml .vscode .idea .gitmodules .gitattributes .direnv head'.split(
    ' ',
  ),
);
const runsByItself = (part: string): boolean => AUTOMATIC_NAMES.has(part);
