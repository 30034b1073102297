import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Flight } from './channel.js';

const require = createRequire(import.meta.url);

/**
 * The path of the data set in the package `vega-datasets`. The package exports only its program, so its folder is looked
 * for upwards from there.
 */
function flightsFile(): string {
  let folder = dirname(require.resolve('vega-datasets'));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'data', 'flights-200k.json');
}

/** All flights of the data set, in the order of the file. */
export function readFlights(): readonly Flight[] {
  return JSON.parse(readFileSync(flightsFile(), 'utf8')) as Flight[];
}
