import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly content: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the page stands in the package: beside the folder of the command that runs. */
const folder = fileURLToPath(new URL('../page/', import.meta.url));

/** The files of the page by their paths, such as `/assets/index-1a2b3c.js`. They are read once: nothing else is ever served. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Map(
    files.flatMap((file) => {
      const type = TYPES[extname(file)];
      if (type === undefined) return [];
      return [
        [`/${file.replaceAll('\\', '/')}`, { type, content: readFileSync(join(folder, file)) }] as const,
      ];
    }),
  );
}
