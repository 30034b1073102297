import type { ServiceErrorCode } from './errors.js';

const NAME = /^ServiceError:([A-Z_]+):(false|maybe)$/;

/** Codes of failures that a server passes on when it has sent the call to another server. */
const CODES: ReadonlySet<string> = new Set<ServiceErrorCode>([
  'NO_SERVER',
  'NO_METHOD',
  'SERVER_DIED',
  'UNREACHABLE',
  'MAILBOX_LOST',
  'TIMEOUT',
  'CANCELLED',
  'BUSY',
  'REFUSED',
]);

/**
 * Thrown by the handler of a server that sends calls somewhere else, such as a bridge: the call failed there, as a call of this machine
 * would. Clients get a `ServiceError` with its code, its message and its `started`.
 */
export class PassedOnError extends Error {
  /** What the answer says: `ServiceError:<code>:<started>`. */
  override readonly name: string;

  constructor(code: ServiceErrorCode, started: false | 'maybe', message: string) {
    super(message);
    this.name = `ServiceError:${code}:${started}`;
  }
}

/** What the name of an error says of a failure that was passed on; undefined where it is another error. */
export function readPassedOn(
  name: string,
): { readonly code: ServiceErrorCode; readonly started: false | 'maybe' } | undefined {
  const [, code = '', started] = NAME.exec(name) ?? [];
  if (!CODES.has(code)) return undefined;
  return { code: code as ServiceErrorCode, started: started === 'maybe' ? 'maybe' : false };
}
