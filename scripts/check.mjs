// `npm run check`: types, lint, format and boundaries, at once; what each had to say comes in one piece when it has ended.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKS = ['types', 'lint', 'format', 'boundaries'];
const cwd = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether it found nothing. */
function passes(name) {
  const child = spawn('npm', ['run', '-s', name], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      process.stderr.write(`${name}: ${status === 0 ? 'fine' : 'FAILED'}\n${status === 0 ? '' : said}`);
      resolve(status === 0);
    });
  });
}

const found = await Promise.all(CHECKS.map(passes));
process.exit(found.every(Boolean) ? 0 : 1);
