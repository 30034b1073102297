// What the programs in C and those in Node say to each other. The headers in examples/native are generated from it.
import { boolean, f64, oneOf, string, struct, u32 } from '@mmfbus/codec';

/** What the sensor measures. */
export const reading = struct({ sensor: string({ maxLength: 16 }), celsius: f64(), last: boolean() });

/** What the worker is to compute. */
export const command = struct({ op: oneOf('square', 'negate', 'stop'), id: u32(), n: f64() });

/** What the worker has computed. */
export const answer = struct({ id: u32(), result: f64() });
