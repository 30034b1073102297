import { subscribe } from 'node:diagnostics_channel';
import { Ledger } from './ledger.js';
import { type Assignment, ledgerPath } from './protocol.js';
import { runPublisher } from './publisher-role.js';
import { type Fault, runSubscriber } from './subscriber-role.js';

/** Where what this thread recovers is counted: in the ledger of its first role. */
let recoveries: Ledger | undefined;

subscribe('mmfbus:recovered', (event) => {
  recoveries?.recovered((event as { readonly what: 'slot' | 'lock' }).what);
});

/**
 * Plays a role until `end` aborts and it has left its channel. What goes wrong is told as a fault.
 *
 * @param joined is told when it has joined.
 */
export async function runRole(
  { role, after }: Assignment,
  end: AbortSignal,
  fault: Fault,
  joined: () => void = () => {},
): Promise<void> {
  const ledger = new Ledger(ledgerPath(role.id));
  recoveries ??= ledger;
  try {
    if (role.kind === 'publisher') await runPublisher(role, ledger, end, joined);
    else await runSubscriber(role, after, ledger, end, fault, joined);
  } catch (error) {
    fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
