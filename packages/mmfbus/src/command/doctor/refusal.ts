import { ChannelError } from '@mmfbus/channel';
import { MmfError } from '@mmfbus/core';
import { printable } from '@mmfbus/terminal';
import type { Finding } from './finding.js';

const REMEDIES: Readonly<Record<string, string>> = {
  VERSION_MISMATCH:
    'give all programs the same major version of mmfbus, and start those of the other one again',
  CORRUPTED: 'end the programs that use it, and start them again',
  ACCESS_DENIED: 'let this user read and write the folder and its own files there',
  NO_SPACE: 'end programs, remove files, or make the file system larger',
  INVALID_ARGUMENT: 'create the folder, or unset MMFBUS_DIRECTORY',
  SIZE_MISMATCH: 'where no program uses the file, remove it',
  OS_ERROR: 'the message names the call that the operating system refused, and why',
};

/** The code of an error of ours; '' for any other. */
export function codeOf(error: unknown): string {
  return error instanceof ChannelError || error instanceof MmfError ? error.code : '';
}

/** An error, as what was found. */
export function refusal(what: string, error: unknown): Finding {
  const message = printable(error instanceof Error ? error.message : String(error));
  const code = codeOf(error);
  const damaged = code === 'CORRUPTED' ? 'its memory is damaged: ' : '';
  const text = message.startsWith(`${what}: `) ? message.slice(what.length + 2) : message;
  return {
    level: 'problem',
    text: `${what}: ${damaged}${text}`,
    remedy: REMEDIES[code] ?? 'see the message',
  };
}
