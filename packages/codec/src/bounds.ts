import { types } from 'node:util';
import { describeKind } from './arguments.js';
import { CodecError } from './errors.js';

/** Refuses a target in which `needed` bytes from `offset` on do not fit. */
export function requireRoom(id: string, target: Uint8Array, offset: number, needed: number): void {
  if (!types.isUint8Array(target)) {
    throw new CodecError(
      'UNENCODABLE',
      `${id}: the target must be a Uint8Array, not ${describeKind(target)}`,
    );
  }
  if (Number.isInteger(offset) && offset >= 0 && needed <= target.length - offset) return;
  throw new CodecError(
    'NO_ROOM',
    `${id}: the value takes ${needed} bytes, which do not fit at offset ${offset} of a target of ${target.length}`,
    { needed },
  );
}

/** Refuses a range that does not lie inside `source`. */
export function requireRange(id: string, source: Uint8Array, start: number, end: number): void {
  if (!types.isUint8Array(source)) {
    throw new CodecError(
      'UNDECODABLE',
      `${id}: the source must be a Uint8Array, not ${describeKind(source)}`,
    );
  }
  if (Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= source.length)
    return;
  throw new CodecError(
    'UNDECODABLE',
    `${id}: the range ${start} to ${end} does not lie inside a source of ${source.length} bytes`,
  );
}
