import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const SERVER = 'http://127.0.0.1:3000';
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// oxlint-disable-next-line import/no-default-export -- Vite reads the default export.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@contracts': here('../src/contracts'), '@client': here('../src/client') } },
  build: {
    outDir: here('../dist/dashboard'),
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The policy of the served page allows no data: scripts, and small files are cached well enough.
    assetsInlineLimit: 0,
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      // Nox answers only to its own pages: here Vite speaks for them.
      '/api': { target: SERVER, changeOrigin: true, headers: { origin: SERVER } },
      '/health': { target: SERVER, changeOrigin: true },
      '/socket.io': { target: SERVER, ws: true, changeOrigin: true, headers: { origin: SERVER } },
    },
  },
});
