import { openForeignMemory } from '@mmfbus/channel/internal';
import { memoryFolder } from '@mmfbus/core/internal';
import { callsPrefix, repliesPrefix } from './segments.js';

/**
 * Removes the inboxes and mailboxes of a service that only dead processes had open: to open one that no process has open removes
 * it. Where the system does that by itself there is nothing to do.
 */
export function sweepLeftovers(service: string): void {
  const folder = memoryFolder();
  if (folder === undefined) return;
  const prefixes = [callsPrefix(service), repliesPrefix(service)];
  for (const file of process.getBuiltinModule('node:fs').readdirSync(folder)) {
    const name = prefixes.map((prefix) => file.indexOf(prefix)).find((at) => at > 0);
    if (name === undefined) continue;
    try {
      openForeignMemory(file.slice(name), 'user', () => true)?.close();
    } catch {
      // Another process is removing it, or it has another format: the next one that joins tries again.
    }
  }
}
