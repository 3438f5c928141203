import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `npm run dev` talks to a server that runs beside it; the built application is served by that server itself.
const backend = 'http://127.0.0.1:8080';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: {
    port: 5173,
    proxy: { '/api': backend, '/sites': backend, '/dicom-web': backend },
  },
  resolve: {
    alias: {
      dcmjs: fileURLToPath(new URL('./src/viewer/cornerstone/unused/dcmjs.ts', import.meta.url)),
      xmlbuilder2: fileURLToPath(new URL('./src/viewer/cornerstone/unused/xmlbuilder2.ts', import.meta.url)),
    },
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 4000,
    assetsInlineLimit: 2048,
  },
  test: { environment: 'node', include: ['test/**/*.test.ts'], setupFiles: ['test/browser-names.ts'] },
});
