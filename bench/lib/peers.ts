import { build } from 'esbuild';
import { join } from 'node:path';
import { ROOT } from '../../test/support/nox-server.js';

/** Where the benches put what they build and install; ignored by git. */
export const BENCH_DIR = join(ROOT, '.bench');
export const peer = (file: string): string => join(ROOT, 'bench', 'peers', file);

const OPTIONAL = [
  '@nestjs/microservices',
  '@nestjs/microservices/microservices-module',
  '@nestjs/websockets/socket-module',
  'class-transformer',
  'class-validator',
  '@fastify/static',
  '@nestjs/platform-express',
  '@fastify/multipart',
  '@fastify/view',
];

/** An empty Nest application on Fastify as one file, bundled as Nox is: what the framework alone costs. */
export async function buildNestPeer(): Promise<string> {
  const outfile = join(BENCH_DIR, 'nest-peer.mjs');
  await build({
    entryPoints: [peer('nest-app.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'error',
    external: OPTIONAL,
    banner: {
      js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);",
    },
  });
  return outfile;
}
