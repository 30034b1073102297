import type { MessageName } from './messages/index.js';

/** What is carried: an object, through the peer's usual encoding, or plain bytes. */
export type Load =
  | { readonly kind: 'object'; readonly of: MessageName }
  | { readonly kind: 'bytes'; readonly length: number };

/** What a measurement has for itself. */
export interface Place {
  /** A folder for sockets, and a name that is used nowhere else. */
  readonly folder: string;
  readonly name: string;
  /** Port of the broker, where there is one. */
  readonly port: number;
}

/** One measurement of one peer, handed to the producer and to each consumer. */
export interface Job extends Place {
  readonly peer: string;
  readonly load: Load;
  readonly consumers: number;
  /**
   * - `flood`: as fast as the peer takes them.
   * - `echo`: one at a time, and the consumer sends it back.
   * - `schedule`: at fixed times, whether or not those before are back, and the consumer sends them back.
   */
  readonly pattern: 'flood' | 'echo' | 'schedule';
  /** How many messages come before those that count, for the code to be compiled. */
  readonly warmUp: number;
  /** How many messages. */
  readonly messages: number;
  /** Microseconds from one message to the next, but with `flood`; 0 sends the next when the last one is back. */
  readonly interval: number;
  /**
   * Where the producer and its consumer run: `apart`, on a core each; `one`, both on the same core; `busy`, anywhere, while another
   * program keeps the second core busy. Defaults to anywhere.
   */
  readonly cores?: 'apart' | 'one' | 'busy' | undefined;
}
