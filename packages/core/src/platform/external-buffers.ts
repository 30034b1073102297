import { koffi } from './koffi.js';

/**
 * Environment variable: with `off` this process maps memory as it would where its runtime forbids external buffers. Defaults to
 * trying whether the runtime allows them.
 */
const VARIABLE = 'MMFBUS_EXTERNAL_BUFFERS';

let refusal: unknown;

/** Whether this process may have buffers over memory that its engine did not allocate, as far as it is known by now. */
export function mayHaveExternalBuffers(): boolean {
  return refusal === undefined && process.env[VARIABLE] !== 'off';
}

/** A buffer over these bytes; undefined where the runtime forbids that, as Electron does since its version 21. */
export function externalBuffer(address: bigint, length: number): ArrayBuffer | undefined {
  if (!mayHaveExternalBuffers()) return undefined;
  try {
    return koffi().view(address, length);
  } catch (error) {
    // The engine decides that once for all.
    refusal = error;
    return undefined;
  }
}
