import { partText } from '../wire/header.js';
import type { Outgoing } from './sink.js';

/** Fewest bytes of a piece: a server that leaves less room for them carries no pieces. */
const LEAST = 1024;

/**
 * A message as pieces that the server takes.
 *
 * @param limit most bytes of headers and payload that the server takes.
 * @param overhead bytes of such a message beside its payload.
 * @returns undefined where not even pieces fit.
 */
export function piecesOf(
  message: Outgoing,
  limit: number,
  overhead: (message: Outgoing) => number,
): readonly Outgoing[] | undefined {
  const { payload } = message;
  const total = payload.length;
  // No piece has longer headers than one that begins at the end and has all bytes.
  const size = limit - overhead(pieceOf(message, payload, total, total));
  if (size < LEAST) return undefined;
  const count = Math.ceil(total / size);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * size;
    return pieceOf(message, payload.subarray(offset, offset + size), offset, total);
  });
}

function pieceOf(message: Outgoing, payload: Uint8Array, offset: number, total: number): Outgoing {
  return { ...message, payload, header: message.header + partText(offset, total), piece: { offset, total } };
}

/** Whether it is the end of its message, or all of it. */
export function isLast({ piece, payload }: Outgoing): boolean {
  return piece === undefined || piece.offset + payload.length === piece.total;
}
