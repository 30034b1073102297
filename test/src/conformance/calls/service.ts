// The service that the agents for calls serve and call.
import { nullable, string, u32 } from '@mmfbus/codec';
import { defineService, method, nothing, type Service, stream } from '@mmfbus/service';

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
  /** The same, and answers nothing. */
  mark: method({ input: text, output: nothing() }),
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

/** The same service in another version: what it calls, and what it can be called for, is not the same. */
export function changedService(name: string): Conformance {
  const changed = {
    ...methods,
    // It can be called by the first version, and cannot call that.
    echo: method({ input: nullable(text), output: string({ maxLength: 2 ** 21 }) }),
    // The other way round.
    once: method({ input: string({ maxLength: 100 }), output: nullable(text) }),
    // Both.
    fail: method({ input: text, output: text, errors: { NOT_FOUND: text, TOO_LATE: u32() } }),
  };
  return defineService({ name, methods: changed }) as unknown as Conformance;
}
