// Builds dist/nox.mjs (server and command line, one bundle with lazy chunks) and dist/dashboard. With --if-changed a half
// whose inputs are unchanged is left as it is. SWC compiles (esbuild emits no decorator metadata), esbuild bundles.
import { transform } from '@swc/core';
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const ifChanged = process.argv.includes('--if-changed');
const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
const swcrc = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'));

const swc = {
  name: 'swc',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^\..*\.js$/ }, ({ path, resolveDir, importer }) =>
      importer.endsWith('.ts') ? { path: join(resolveDir, path.replace(/\.js$/, '.ts')) } : undefined,
    );
    // sh-syntax says that this file has no effect; it makes the global that runs its WebAssembly.
    esbuild.onResolve({ filter: /\/wasm_exec\.cjs$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      sideEffects: true,
    }));
    // An import of node:http as a module reads all of its exports, and with them loads undici: a tenth of a start.
    esbuild.onResolve({ filter: /^(node:)?http$/ }, ({ kind, namespace }) =>
      kind === 'import-statement' && namespace !== 'required'
        ? { path: 'node:http', namespace: 'required' }
        : undefined,
    );
    esbuild.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
    }));
    esbuild.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), {
        ...swcrc,
        filename: path,
        sourceFileName: relative(dist, path),
        module: { type: 'es6' },
        sourceMaps: 'inline',
        swcrc: false,
      });
      return { contents: code, loader: 'js' };
    });
  },
};

// Nest asks for these and goes on without them.
const OPTIONAL = [
  '@nestjs/microservices',
  '@nestjs/websockets/socket-module',
  '@nestjs/microservices/microservices-module',
  '@nestjs/platform-express',
  '@fastify/multipart',
  'class-transformer',
  'class-validator',
  '@fastify/view',
  'bufferutil',
  'utf-8-validate',
  'pino-pretty',
  // Native helpers of a transport (ssh) that dockerode can use and Nox does not.
  'cpu-features',
  '*.node',
];

async function buildServer() {
  shipShellParser();
  for (const name of ['nox.mjs', 'registry-writer.mjs']) rmSync(join(dist, name), { force: true });
  for (const name of ['chunks', '.compile-cache']) rmSync(join(dist, name), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: { nox: 'src/cli/main.ts', 'registry-writer': 'src/registry/git/writer/writer-thread.ts' },
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.22',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    sourcemap: true,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    external: OPTIONAL.filter((name) => name !== '@nestjs/websockets/socket-module'),
    plugins: [swc],
    banner: {
      js: "import { createRequire as __nodeRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; const require = __nodeRequire(import.meta.url); const __filename = __toPath(import.meta.url); const __dirname = __toPath(new URL('.', import.meta.url));",
    },
  });
}

/** Read at the first shell command, so that it costs the start nothing. */
function shipShellParser() {
  copyFileSync(join(root, 'node_modules', 'sh-syntax', 'main.wasm'), join(dist, 'sh-syntax.wasm'));
}

async function buildDashboard() {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: join(root, 'frontend'),
  });
}

function filesBelow(path) {
  return readdirSync(join(root, path), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/\.spec\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules/'));
}

function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

const common = ['package-lock.json', 'scripts/build.mjs', '.swcrc'];
const halves = [
  { name: 'server', files: [...common, ...filesBelow('src'), ...filesBelow('registry-template')], run: buildServer },
  {
    name: 'dashboard',
    files: [...common, ...filesBelow('src/contracts'), ...filesBelow('src/client'), ...filesBelow('frontend')],
    run: buildDashboard,
  },
];

mkdirSync(dist, { recursive: true });
for (const { name, files, run } of halves) {
  if (only !== undefined && only !== name) continue;
  const stamp = join(dist, `.${name}.sha256`);
  const now = fingerprint(files);
  let before = '';
  try {
    before = readFileSync(stamp, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (ifChanged && before === now) continue;
  const started = performance.now();
  rmSync(stamp, { force: true });
  await run();
  writeFileSync(stamp, now);
  process.stderr.write(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
