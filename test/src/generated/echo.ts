import { spawnSync } from 'node:child_process';
import type { Message } from './samples.js';

/** What a program that decodes messages and encodes them again made of one. */
export type Echo = { readonly bytes: Uint8Array } | { readonly refused: string };

/** Milliseconds after which a program that still runs is killed. */
const WATCHDOG = 100_000;

/**
 * Has a program decode messages and encode them again. It gets a line for each, the number of the shape and hexadecimal digits,
 * and answers `ok` and digits, or `no` and what is wrong.
 *
 * @throws when it ends otherwise than well, or leaves a message without an answer.
 */
export function echo(
  command: readonly string[],
  messages: readonly Message[],
  env: NodeJS.ProcessEnv = {},
): readonly Echo[] {
  const [program = '', ...args] = command;
  const input = messages
    .map(({ index, bytes }) => `${index} ${Buffer.from(bytes).toString('hex')}\n`)
    .join('');
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 29,
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  if (error !== undefined || status !== 0) {
    throw new Error(`${program} ended with ${signal ?? `status ${status}`}:\n${stderr}`, { cause: error });
  }
  const lines = stdout.split('\n').slice(0, -1);
  if (lines.length !== messages.length) {
    throw new Error(`${lines.length} answers to ${messages.length} messages:\n${stderr}`);
  }
  return lines.map((line) =>
    line.startsWith('ok ') ? { bytes: Buffer.from(line.slice(3), 'hex') } : { refused: line.slice(3) },
  );
}
