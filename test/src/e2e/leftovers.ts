import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { probeLife } from '@mmfbus/core';
import type { Program } from '../support/spawn.js';

const directory = process.env['MMFBUS_DIRECTORY'] ?? (process.platform === 'linux' ? '/dev/shm' : tmpdir());

/** Files of that channel or mapping, and files of ports whose owners are dead. Other tests may run beside this one. */
export function leftovers(name: string): string[] {
  return readdirSync(directory).filter((file) => file.endsWith(name) || isOfDeadPort(file));
}

function isOfDeadPort(file: string): boolean {
  const nonce = /^mmfbus~([0-9a-f]{16})\./.exec(file)?.[1];
  if (nonce === undefined) return false;
  return probeLife({ nonce: BigInt(`0x${nonce}`), pid: 0, startTime: 0n, pidNamespace: 0n }) === 'dead';
}

/** Kills the program and waits until it is gone. */
export async function killed(program: Program, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  program.kill(signal);
  await program.exit();
}
