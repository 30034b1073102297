/** A message as it came over the connection. */
export interface RawMessage {
  readonly subject: Uint8Array;
  /** The header, and behind it the payload. */
  readonly bytes: Uint8Array;
  /** Where the payload begins. */
  readonly start: number;
}

/** What the client keeps of a message, and does not say in its types. */
interface Kept {
  readonly _msg?: { readonly subject?: unknown; readonly hdr?: unknown };
  readonly _rdata?: unknown;
}

/**
 * A message as it came: what the client makes of it takes as long as everything else that a bridge does with it.
 *
 * @returns undefined where it has no header, or the client keeps it otherwise.
 */
export function rawOf(message: object): RawMessage | undefined {
  const { _msg: { subject, hdr: start } = {}, _rdata: bytes } = message as Kept;
  const isKnown = bytes instanceof Uint8Array && subject instanceof Uint8Array && typeof start === 'number';
  return isKnown && start > 0 && start <= bytes.length ? { subject, bytes, start } : undefined;
}
