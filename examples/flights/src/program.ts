import { constants } from 'node:os';
import { explainError } from '@mmfbus/terminal';
import { isLaunched } from './launcher-link.js';

/** The program was asked to end: the reason of the signal that {@link runProgram} hands out. */
class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly exitStatus: number;

  constructor(message: string, exitStatus: number) {
    super(message);
    this.exitStatus = exitStatus;
  }
}

/** Shells say it like this when a signal ended a program. */
const SIGNAL_STATUS = 128;

/**
 * Runs a program from its arguments to its exit status. Ctrl-C, `kill`, a closed terminal, and the end of a launcher that
 * started it, all abort the signal that `main` gets; it then has to close what it opened and may throw the signal's
 * reason.
 *
 * @param main returns the exit status.
 */
export async function runProgram(
  name: string,
  main: (args: readonly string[], stop: AbortSignal) => Promise<number>,
): Promise<void> {
  const stopping = new AbortController();
  // Ctrl-C often arrives several times: from the terminal, from npm, from the launcher. Aborting again does nothing.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const stopped = new Stopped(`ended by ${signal}`, SIGNAL_STATUS + constants.signals[signal]);
    process.on(signal, () => stopping.abort(stopped));
  }
  if (process.connected) {
    process.once('disconnect', () => stopping.abort(new Stopped('the launcher is gone', 1)));
    // Listening keeps a process alive; it shall end when its work does.
    process.channel?.unref();
  }
  try {
    process.exitCode = await main(process.argv.slice(2), stopping.signal);
  } catch (error) {
    process.exitCode = explain(name, error);
  }
}

function explain(name: string, error: unknown): number {
  if (!(error instanceof Stopped)) return explainError(name, error);
  // Of the end of all of them the launcher tells.
  if (!isLaunched) console.error(`${name}: ${error.message}`);
  return error.exitStatus;
}
