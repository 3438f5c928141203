// Puts a .gz beside every text asset of dist/, which the server hands out instead of compressing again and again.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const squeeze = promisify(gzip);
const TEXT = /\.(?:js|css|html|svg|wasm|webmanifest)$/;

for (const entry of await readdir('dist', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXT.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name);
  const bytes = await readFile(file);
  if (bytes.length > 1024) await writeFile(`${file}.gz`, await squeeze(bytes, { level: 9 }));
}
