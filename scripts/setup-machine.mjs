// Makes sure that the programs which the tests use are on this machine. As root on Debian it installs what is missing;
// otherwise it says plainly what to install. Set NOX_TEST_NO_INSTALL=1 to only look.
import { execFileSync, spawnSync } from 'node:child_process';

/** Program → Debian packages that hold it and what it needs. */
const NEEDED = {
  cc: 'gcc libc6-dev',
  git: 'git',
  unshare: 'util-linux',
  ps: 'procps',
  chromium: 'chromium',
  dockerd: 'docker.io',
  'docker-registry': 'docker-registry',
  iptables: 'iptables',
  busybox: 'busybox-static',
  'redis-server': 'redis-server',
};

const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

export function setupMachine() {
  const missing = Object.keys(NEEDED).filter((program) => !has(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((program) => NEEDED[program].split(' ')))];
  const mayInstall = process.getuid?.() === 0 && has('apt-get') && process.env.NOX_TEST_NO_INSTALL !== '1';
  if (!mayInstall) {
    process.stderr.write(
      `Missing: ${missing.join(', ')}. Install them first, on Debian with: apt-get install ${packages.join(' ')}\n`,
    );
    process.exit(1);
  }
  process.stderr.write(`Installing ${packages.join(', ')} …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync('apt-get', ['-qq', 'update'], quiet);
  execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], quiet);
}
