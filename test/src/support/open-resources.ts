import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import koffi from 'koffi';

/** What this process has open, by kind. */
export type OpenResources = Record<string, number>;

function countHandles(): number {
  const library = koffi.load('kernel32.dll');
  const currentProcess = library.func('intptr_t __stdcall GetCurrentProcess()');
  const handleCount = library.func(
    'int __stdcall GetProcessHandleCount(intptr_t process, _Out_ uint32_t *count)',
  );
  const count = [0];
  handleCount(currentProcess(), count);
  return count[0] as number;
}

/** Of Node's own file V8 opens one for each Worker, and forgets one now and then (Node 22 to 26). */
function isOfV8(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === realpathSync(process.execPath);
  } catch {
    // The one that the folder was read with is closed by now.
    return true;
  }
}

/** Counts descriptors and mappings of ours on Linux, handles on Windows. */
export function openResources(): OpenResources {
  if (process.platform === 'win32') return { handles: countHandles() };
  const mappings = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return {
    descriptors: readdirSync('/proc/self/fd').filter((fd) => !isOfV8(fd)).length,
    mappings: mappings.filter((line) => line.includes('mmfbus')).length,
  };
}
