// The service of the matrix. Each call has a key, with which its handler and its caller write down what they did.
import { bytes, f64, string, struct } from '@mmfbus/codec';
import { type Client, defineService, type Handlers, method, type Service, stream } from '@mmfbus/service';

const keyed = struct({ key: string(), data: bytes() });
const counted = struct({ key: string(), items: f64(), size: f64() });
const item = struct({ key: string(), number: f64(), data: bytes() });

const methods = {
  /** Answers at once. */
  echo: method({ input: keyed, output: string() }),
  /** Answers after a turn of the event loop. */
  later: method({ input: keyed, output: string() }),
  /** Answers when it is released, or cancelled. */
  gate: method({ input: keyed, output: string() }),
  /** The same; may run again. */
  gateAgain: method({ input: keyed, output: string(), idempotent: true }),
  /** One way. */
  note: method({ input: keyed }),
  /** Answers with a stream of that many items. */
  count: method({ input: counted, output: stream(item) }),
  /** Takes a stream, of which the first item has the key; says how many items there were. */
  total: method({ input: stream(item), output: string() }),
  /** Takes a stream, and answers each item with itself. */
  both: method({ input: stream(item), output: stream(item) }),
};

export type Matrix = Service<typeof methods>;
export type MatrixClient = Client<Matrix>;
export type MatrixHandlers = Handlers<Matrix>;

export function matrixService(name: string): Matrix {
  return defineService({ name, methods });
}

/** What a call is answered with. */
export function answerTo(key: string, server: string): string {
  return `${key} by ${server}`;
}
