import { critical, type Finding, high, medium } from '../finding.js';

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter(Boolean));

export const SHELLS = names('sh bash zsh dash ksh mksh fish ash csh tcsh rbash pwsh powershell');
export const INTERPRETERS = names(
  'python perl ruby node nodejs php lua tclsh osascript deno bun ipython pypy python3 python2',
);
export const FETCHERS = names('curl wget fetch aria2c httpie http https lynx nc ncat netcat socat scp sftp ftp');
export const DECODERS = names('base64 base32 xxd uudecode openssl');
/** Programs whose arguments may be files that they change. */
export const WRITERS = names(
  'tee cp mv ln install rsync sed touch dd chmod chown rm rmdir mkdir truncate shred patch tar unzip vi vim nano ed',
);
/** Programs that run another one, named in their arguments. */
export const WRAPPERS = names(
  `env nohup time nice ionice timeout stdbuf setsid command builtin exec xargs watch busybox toybox unbuffer script chrt
   taskset flock parallel sudo su doas pkexec runuser chroot unshare nsenter strace ltrace gdb then do else if while until
   npx bunx pnpx uvx ssh docker podman entr coproc trap alias at batch caffeinate ! [ [[`,
);

type Rule = (args: readonly string[]) => Finding | Finding[];

const always =
  (finding: Finding): Rule =>
  () =>
    finding;
const option = (args: readonly string[], short: string, ...long: string[]): boolean =>
  args.some((arg) =>
    /^-[A-Za-z]+$/.test(arg) ? new RegExp(`[${short}]`).test(arg) : long.some((name) => arg.startsWith(name)),
  );

const HOME_OR_ROOT =
  /^(\/|\/\*|~|~\/|~\/\*|\$\{?HOME\}?\/?\*?|\.|\.\/?|\.\.\/?.*|\*|\.\/\*|\/[^/]+\/?\*?|\/(home|users|root)\/[^/]+\/?\*?)$/i;

const rm: Rule = (args) => {
  if (!option(args, 'rR', '--recursive')) return medium('deletes files');
  const wide = args.some((arg) => !arg.startsWith('-') && HOME_OR_ROOT.test(arg));
  return wide || args.includes('--no-preserve-root')
    ? critical('deletes whole folders at or above the workspace, home or root')
    : high('deletes folders with everything in them');
};

const git: Rule = (args) => {
  const found: Finding[] = [];
  if (/^-(c|C|-exec-path|-git-dir|-work-tree|-config-env|-namespace|p)/.test(args[0] ?? '')) {
    found.push(high('changes the settings or the place that git works with'));
  }
  const sub = args.find((arg) => /^[a-z][a-z-]+$/.test(arg)) ?? '';
  if (
    args.some(
      (arg) =>
        /^--(upload-pack|receive-pack|exec|ext-diff|textconv|output|open-files-in-pager)/.test(arg) ||
        arg.startsWith('ext::'),
    )
  ) {
    found.push(high('lets git run or write something else'));
  }
  if (sub === 'push') {
    const force =
      option(args, 'fd', '--force', '--mirror', '--delete', '--prune') || args.some((arg) => /^[+:]/.test(arg));
    found.push(force ? critical('overwrites or deletes history that others share') : high('sends commits to a server'));
  } else if (/^(clone|fetch|pull|ls-remote|remote|submodule)$/.test(sub)) found.push(high('talks to a git server'));
  else if (
    /^(config|hook|filter-branch|filter-repo|credential|daemon|instaweb|difftool|mergetool|bisect|alias)$/.test(sub)
  ) {
    found.push(high(`git ${sub} can change what git runs`));
  } else if (/^(reset|clean|rebase|checkout|restore|gc|reflog|update-ref|branch|tag|stash|worktree)$/.test(sub)) {
    found.push(
      (/^(reset|clean|rebase|gc|reflog|update-ref)$/.test(sub) ? high : medium)(`git ${sub} can throw work away`),
    );
  } else found.push(medium(`runs git ${sub}`));
  return found;
};

const packages: Rule = (args) => {
  const sub = args.find((arg) => !arg.startsWith('-')) ?? '';
  if (/^(publish|unpublish|login|token|owner|deprecate|upload|adduser|yank)$/.test(sub))
    return high('publishes packages or uses their accounts');
  if (
    /^(i|in|ci|install|add|update|upgrade|remove|uninstall|exec|x|dlx|create|init|get|download|sync|link|rebuild|require|dist-upgrade|full-upgrade|fetch|tool)$/.test(
      sub,
    )
  ) {
    return high('installs or runs packages from the network');
  }
  return medium("builds or runs the project's own scripts");
};

const interpreter: Rule = (args) => {
  if (option(args, 'ceEprR', '--eval', '--print', '--require', '--import') || args[0] === 'eval' || args.length === 0) {
    return high('runs code that is given as text');
  }
  return medium('runs a program of the workspace');
};

const find: Rule = (args) =>
  args.some((arg) => /^-(exec|execdir|ok|okdir|delete|fprint|fprintf|fls)/.test(arg))
    ? high('runs a command for, deletes or writes what it finds')
    : medium('searches through folders');

// Only these two forms are known to edit and nothing else: a substitution with "/" and printing lines.
const PLAIN_SED =
  /^(s\/[^/\\]*\/[^/\\]*\/[gipI\d]*|\d*(,[\d$]+)?p|-[nErsiuz]+|--(quiet|silent|regexp-extended|in-place|expression=)?)$/;
const sed: Rule = (args) => {
  const script = args.find((arg) => !arg.startsWith('-')) ?? '';
  const plain = PLAIN_SED.test(script) && args.every((arg) => !arg.startsWith('-') || PLAIN_SED.test(arg));
  return plain ? medium('edits text with sed') : high('sed can run commands or write files here');
};

const awk: Rule = (args) =>
  args.some((arg) => /system\s*\(|getline|\||>|@load/.test(arg)) || option(args, 'f', '--file', '--load')
    ? high('awk can run commands or write files here')
    : medium('edits text with awk');

const tar: Rule = (args) =>
  args.some((arg) =>
    /^--(to-command|checkpoint-action|use-compress|rsh|info-script|new-volume-script|absolute)/.test(arg),
  ) || option(args, 'IPF')
    ? high('tar can run a command or write anywhere here')
    : medium('packs or unpacks files');

const dd: Rule = (args) =>
  args.some((arg) => arg.startsWith('of=/dev/')) ? critical('writes straight to a disk') : high('copies raw data');

const chmod: Rule = (args) => {
  const wide = args.some((arg) => HOME_OR_ROOT.test(arg));
  if (option(args, 'R', '--recursive') && wide)
    return critical('changes who may use whole folders at or above the workspace');
  return args.some((arg) => /^[0-7]*777$|[+=][rwx]*s|^[2467][0-7]{3}$/.test(arg))
    ? high('opens files to everybody')
    : medium('changes file rights');
};

const chown: Rule = (args) =>
  option(args, 'R', '--recursive') && args.some((arg) => HOME_OR_ROOT.test(arg))
    ? critical('changes the owner of whole folders at or above the workspace')
    : high('changes the owner of files');

const containers: Rule = (args) => {
  const wide = args.some(
    (arg) => /^--(privileged|pid=host|net(work)?=host|cap-add|device)/.test(arg) || /^(-v|--volume=)?\/:/.test(arg),
  );
  return wide ? critical('starts a container that can reach the whole machine') : high('controls containers');
};

const services: Rule = (args) =>
  args.some((arg) => /^(poweroff|reboot|halt|kexec|suspend|hibernate|rescue|emergency)$/.test(arg))
    ? critical('shuts the machine down')
    : high('controls services of the system');

const groups: readonly [programs: string, rule: Rule][] = [
  ['rm unlink srm', rm],
  ['git', git],
  ['find fd', find],
  ['sed gsed', sed],
  ['awk gawk mawk nawk', awk],
  ['tar bsdtar', tar],
  ['dd', dd],
  ['chmod', chmod],
  ['chown chgrp setfacl', chown],
  ['docker podman nerdctl docker-compose ctr crictl', containers],
  ['systemctl service launchctl init telinit initctl', services],
  [
    'npm pnpm yarn bun pip pip3 pipx uv cargo gem go composer poetry conda mamba brew apt apt-get dnf yum apk pacman snap flatpak dpkg rpm twine nuget',
    packages,
  ],
  ['npx bunx pnpx uvx', always(high('installs or runs packages from the network'))],
  ['python perl ruby node nodejs php lua tclsh osascript deno ipython pypy', interpreter],
  [
    [...SHELLS].join(' '),
    (args) =>
      option(args, 'cs', '--command') || args.length === 0
        ? high('runs code that is given as text')
        : medium('runs a script'),
  ],
  ['eval source . exec trap alias', always(high('runs code that is given as text'))],
  ['sudo su doas pkexec runuser', critical_always('takes the rights of another user')],
  [
    'mkfs mke2fs fdisk parted sfdisk wipefs blkdiscard mkswap cryptsetup diskutil',
    critical_always('can destroy a disk'),
  ],
  ['shutdown reboot poweroff halt', critical_always('shuts the machine down')],
  [
    'mount umount chroot nsenter unshare insmod modprobe rmmod sysctl iptables nft ufw setenforce capsh',
    critical_always('changes how the machine itself works'),
  ],
  ['crontab at batch', critical_always('plans commands to run later, when nobody looks')],
  ['useradd userdel usermod passwd chpasswd visudo adduser', critical_always('changes the users of the machine')],
  ['nox', critical_always('steers Nox itself, also its approvals')],
  ['claude codex gemini', always(high('starts an agent that Nox does not know'))],
  ['shred srm truncate', always(high('destroys data'))],
  [
    'curl wget aria2c http https httpie lynx ssh scp sftp rsync nc ncat netcat socat telnet ftp tftp nmap dig nslookup host ping traceroute whois openssl gh glab aws gcloud az kubectl helm terraform heroku vercel fly s3cmd rclone mail sendmail mutt redis-cli psql mysql mongo',
    always(high('talks to other machines over the network')),
  ],
  ['kill pkill killall xkill skill fuser', always(high('ends processes'))],
  [
    'printenv set export declare typeset',
    (args) =>
      args.length === 0 || args[0]?.startsWith('-') === true
        ? high('shows the environment, which may hold secrets')
        : medium('reads or sets variables'),
  ],
  [
    'env',
    (args) =>
      args.some((arg) => !arg.startsWith('-') && !arg.includes('=')) && !option(args, 'S', '--split-string')
        ? medium('runs a program with a changed environment')
        : high('shows or changes the environment, which may hold secrets'),
  ],
  ['strace ltrace gdb lldb tcpdump', always(high('looks into other programs'))],
  ['xargs parallel', always(high('runs a command for each line that it reads'))],
  [
    'make cmake ninja gradle gradlew mvn mvnw ant rake just task bazel tsc jest vitest pytest tox nox-test eslint oxlint prettier rustc gcc g++ clang cc',
    always(medium("builds or runs the project's own scripts")),
  ],
  ['vi vim nvim nano emacs ed ex less more man', always(high('opens a program that can run others'))],
];

function critical_always(reason: string): Rule {
  return always(critical(reason));
}

/** What a program's arguments mean, by its bare name. */
export const PROGRAMS: ReadonlyMap<string, Rule> = new Map(
  groups.flatMap(([programs, rule]) => programs.split(' ').map((name) => [name, rule] as const)),
);
