import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Compiled code is kept beside the bundle. Nothing that is large may be imported before this.
enableCompileCache(join(import.meta.dirname, '.compile-cache'));
const { runCli } = await import('./run.js');

// `nox agent ls | head`: whoever reads us may leave early, and that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  onInterrupt: (handler) => {
    process.on('SIGINT', handler);
    return () => process.off('SIGINT', handler);
  },
});
