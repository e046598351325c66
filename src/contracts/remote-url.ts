/** Where a copy of the registry goes: how git reaches it, and the address without anything secret. */
export interface RemoteAddress {
  readonly protocol: 'https' | 'http' | 'ssh' | 'file';
  readonly url: string;
}

const HOST = String.raw`(?:[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)*|\[[0-9a-f:]{2,45}\])`;
const PATH = String.raw`[A-Za-z0-9._~/@+-]*`;
const USER = '[a-z_][a-z0-9_.-]{0,62}';
const WEB = new RegExp(`^https://${HOST}(?::\\d{1,5})?/${PATH}$`, 'i');
/** Without TLS only to this machine itself. */
const LOCAL_WEB = new RegExp(String.raw`^http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?/${PATH}$`, 'i');
const SSH = new RegExp(`^ssh://(?:${USER}@)?${HOST}(?::\\d{1,5})?/${PATH}$`, 'i');
const SCP = new RegExp(String.raw`^${USER}@${HOST}:(?![/:-])${PATH}$`, 'i');
const FILE = new RegExp(`^(?:file://)?/${PATH}$`);

/**
 * Reads a remote's address, or says why it is none that Nox gives to git: an allow-list, so that no helper such as `ext::`,
 * no option and no login inside the address can come in.
 */
export function readRemote(text: string): RemoteAddress | string {
  if (text.length > 500) return 'is longer than 500 characters';
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(text) && !text.toLowerCase().startsWith('ssh://')) {
    return 'must not hold a login: name the token in git.remote_token, as env:NAME or file:name';
  }
  if (WEB.test(text)) return { protocol: 'https', url: text };
  if (LOCAL_WEB.test(text)) return { protocol: 'http', url: text };
  if (SSH.test(text) || SCP.test(text)) return { protocol: 'ssh', url: text };
  if (FILE.test(text)) {
    if (text.split('/').includes('..')) return 'must not climb with ".."';
    return { protocol: 'file', url: text };
  }
  return 'must be https://…, ssh://…, user@host:path, file:///… or an absolute path';
}
