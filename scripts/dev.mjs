// `npm run dev`: rebuilds the server and starts it again on each change below src; the dashboard is served by Vite with
// hot reload on port 5173, which hands API calls on to Nox on port 3000.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inherit = { cwd: root, stdio: 'inherit' };
let server;
let timer;
let building = Promise.resolve();

const finished = (child) => new Promise((resolve) => child.once('exit', resolve));

async function cycle() {
  const status = await finished(
    spawn(process.execPath, ['scripts/build.mjs', '--if-changed', '--only=server'], inherit),
  );
  if (status !== 0) return;
  if (server?.exitCode === null) {
    server.kill('SIGTERM');
    await finished(server);
  }
  server = spawn(process.execPath, ['--enable-source-maps', 'dist/nox.mjs', 'serve'], inherit);
}

const queue = () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    building = building.then(cycle);
  }, 200);
};

const vite = spawn(process.execPath, [join(root, 'node_modules/vite/bin/vite.js')], {
  ...inherit,
  cwd: join(root, 'frontend'),
});
watch(join(root, 'src'), { recursive: true }, queue);
queue();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    vite.kill('SIGTERM');
    server?.kill('SIGTERM');
    if (server === undefined) process.exit(0);
    void finished(server).then(() => process.exit(0));
  });
}
