import { Packr } from 'msgpackr';
import type { Job } from '../job.js';

/** How peers that carry bytes carry values: the usual way, msgpackr without its records, or as they are. */
export interface Encoding {
  encode(message: unknown): Buffer;
  decode(bytes: Uint8Array): unknown;
}

export function encodingOf({ load }: Job): Encoding {
  if (load.kind === 'bytes') {
    return {
      encode: (message) => Buffer.from((message as Uint8Array).buffer, 0, (message as Uint8Array).length),
      decode: (bytes) => bytes,
    };
  }
  const packr = new Packr({ useRecords: false });
  return { encode: (message) => packr.pack(message), decode: (bytes) => packr.unpack(bytes) };
}
