// Imports every package, and tells which libraries of the operating system that loaded, and what it opened in MMFBUS_DIRECTORY. With an
// argument it says that it runs on that operating system, and tells what the first use comes to.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { countForeignCalls, foreignCalls, foreignLibraries } from '../support/foreign-calls.js';

countForeignCalls();
const directory = process.env['MMFBUS_DIRECTORY'] ?? '';

/** Files of ours, and mappings of such files. */
function opened(): string[] {
  const maps = existsSync('/proc/self/maps') ? readFileSync('/proc/self/maps', 'utf8').split('\n') : [];
  return [...readdirSync(directory), ...maps.filter((line) => line.includes(directory))];
}

const [, , system] = process.argv;
if (system !== undefined) Object.defineProperty(process, 'platform', { value: system });

await import('@mmfbus/codec');
await import('@mmfbus/generate');
await import('@mmfbus/channel');
await import('@mmfbus/service');
await import('mmfbus');
const { MemoryMappedFile, MmfError } = await import('@mmfbus/core');

const imported = { loaded: [...foreignLibraries()], called: foreignCalls(), opened: opened() };
const firstUse = (): string => {
  try {
    MemoryMappedFile.create(`imported-${process.pid}`, 1).close();
    return 'works';
  } catch (error) {
    return error instanceof MmfError ? `${error.code}: ${error.message}` : String(error);
  }
};
console.log(JSON.stringify({ ...imported, firstUse: firstUse(), counted: foreignCalls() > 0 }));
