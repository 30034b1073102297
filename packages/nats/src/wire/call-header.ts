import type { ServiceErrorCode } from '@mmfbus/service';

/** Name of the header that the messages of calls have. */
export const CALL_HEADER = 'Mmfbus-Call';
/** Version of what it says. */
const VERSION = '1';

/** What a message of a call says in its header. Bytes of values are its payload. */
export type CallHeader =
  /** From the bridge that imports the service to one that exports it. Without a reply subject it is one way. */
  | {
      readonly kind: 'call';
      /** See `methodTag`. */
      readonly method: string;
      /** Milliseconds that are left to it; undefined for any time. */
      readonly time: number | undefined;
      /** When they are over by the clock of the caller's machine, milliseconds since 1970; 0 where there is no end. */
      readonly expiry: number;
      /** Name of that machine, for people. */
      readonly host: string;
    }
  /** The caller gives it up. */
  | { readonly kind: 'cancel' }
  /** A bridge has the call: its reply subject takes what follows from the caller. */
  | { readonly kind: 'taken' }
  /** The answer. */
  | { readonly kind: 'value' }
  /** A declared error, whose data is the payload. */
  | { readonly kind: 'error'; readonly code: string }
  /** Another error of the handler, whose message is the payload. */
  | { readonly kind: 'remote'; readonly name: string }
  /** The call failed otherwise; the payload says why. */
  | { readonly kind: 'failed'; readonly code: ServiceErrorCode; readonly started: false | 'maybe' }
  /** An item of a stream, either way, and its number from 1 on. */
  | { readonly kind: 'item'; readonly number: number }
  /** The stream has ended, with so many items. */
  | { readonly kind: 'end'; readonly number: number }
  /** The other side may send so many bytes of items more. */
  | { readonly kind: 'credit'; readonly bytes: number }
  /** Asks, with a reply subject, or says that the bridge is there. */
  | { readonly kind: 'alive' };

/** Writes a header: the version, the kind and its fields, with `;` between them. Texts are percent-encoded. */
export function writeCallHeader(header: CallHeader): string {
  return [VERSION, header.kind, ...fieldsOf(header)].join(';');
}

function fieldsOf(header: CallHeader): readonly (string | number)[] {
  switch (header.kind) {
    case 'call':
      return [header.method, header.time ?? '', header.expiry, header.host];
    case 'error':
      return [header.code];
    case 'remote':
      return [encodeURIComponent(Buffer.from(header.name).toString())];
    case 'failed':
      return [header.code, `${header.started}`];
    case 'item':
    case 'end':
      return [header.number];
    case 'credit':
      return [header.bytes];
    default:
      return [];
  }
}

/** Reads one, of whatever origin; undefined where no bridge of this version wrote it. */
export function readCallHeader(text: string): CallHeader | undefined {
  const [version, kind, ...fields] = text.split(';');
  if (version !== VERSION) return undefined;
  const [first = '', second = '', third = '', host = ''] = fields;
  switch (kind) {
    case 'call': {
      const [time, expiry] = [numberOf(second), numberOf(third)];
      if (!/^[0-9a-f]{16}$/.test(first) || expiry === undefined) return undefined;
      if (second !== '' && time === undefined) return undefined;
      return { kind, method: first, time, expiry, host };
    }
    case 'error':
      return { kind, code: first };
    case 'remote':
      return { kind, name: decoded(first) };
    case 'failed':
      if (!/^[A-Z_]+$/.test(first)) return undefined;
      return { kind, code: first as ServiceErrorCode, started: second === 'false' ? false : 'maybe' };
    case 'item':
    case 'end': {
      const number = numberOf(first);
      return number === undefined ? undefined : { kind, number };
    }
    case 'credit': {
      const bytes = numberOf(first);
      return bytes === undefined ? undefined : { kind, bytes };
    }
    case 'cancel':
    case 'taken':
    case 'value':
    case 'alive':
      return { kind };
    default:
      return undefined;
  }
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
