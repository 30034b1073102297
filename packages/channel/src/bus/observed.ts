import type { Gap, Message } from '../endpoint/delivery.js';
import type { ChannelError } from '../foundation/errors.js';

/** Which message it is about. */
type MessageHead = Omit<Message<unknown>, 'value'>;

/** What an {@link Observer} sees, told apart by `kind`. */
export type Observed<T> = ObservedMessage<T> | ObservedTrouble | ObservedLife;

/** A message. */
export interface ObservedMessage<T> extends Message<T> {
  readonly kind: 'message';
}

/**
 * Messages that it does not have: `gap` those that were overwritten before it looked, `omitted` one that is longer than it takes,
 * `undecodable` one whose bytes make no sense, `corrupted` what stood in the ring that no publisher writes.
 */
export type ObservedTrouble =
  | (Gap & { readonly kind: 'gap' })
  | (MessageHead & {
      readonly kind: 'omitted';
      /** Bytes of the message. */
      readonly length: number;
    })
  | (MessageHead & { readonly kind: 'undecodable'; readonly error: ChannelError })
  | { readonly kind: 'corrupted'; readonly error: ChannelError };

/** The end of the channel; and with `follow` that there is one of its name again, whose messages begin at 1. */
export type ObservedLife =
  | { readonly kind: 'ended' }
  | {
      readonly kind: 'reborn';
      /** Of the new life, 16 hexadecimal digits. */
      readonly incarnation: string;
    };
