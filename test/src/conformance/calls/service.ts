// The service that the agents for calls serve and call.
import { string, u32 } from '@mmfbus/codec';
import { defineService, method, type Service, stream } from '@mmfbus/service';

/** Long enough for a message in fragments. */
const text = string({ maxLength: 2 ** 22 });

const methods = {
  /** Answers its input. */
  echo: method({ input: text, output: text }),
  /** Fails as its input says: `declared`, `refused`, or anything else. */
  fail: method({ input: text, output: text, errors: { NOT_FOUND: text } }),
  /** Writes its input down, and answers when the kit says so, or when it is given up. */
  hold: method({ input: text, output: text }),
  /** Keeps its process busy until it is given up. */
  block: method({ input: text, output: text }),
  /** Writes its input down. */
  note: method({ input: text }),
  /** The same, and answers it. */
  once: method({ input: text, output: text }),
  /** The same, and may run twice. */
  again: method({ input: text, output: text, idempotent: true }),
  /** The numbers from 0 on, so many. */
  count: method({ input: u32(), output: stream(u32()) }),
  /** Of all numbers. */
  sum: method({ input: stream(u32()), output: u32() }),
  /** Answers each item. */
  pipe: method({ input: stream(text), output: stream(text) }),
};

/** The service, whatever its name. */
export type Conformance = Service<typeof methods>;

/** The service of that name. */
export function conformanceService(name: string): Conformance {
  return defineService({ name, methods });
}
