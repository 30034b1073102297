import type { Codec } from '@mmfbus/codec';

/** What a method takes, or what it gives. */
export interface MethodPart {
  /** Nothing, one value, or a stream of them. */
  readonly kind: 'none' | 'value' | 'stream';
  /** Of the value, or of each item. With `none` there is nothing that it encodes. */
  readonly codec: Codec<unknown>;
}

/** A method of a {@link ServiceContract}. */
export interface MethodContract {
  readonly name: string;
  /** By which calls name the method: `methodHash` of its name. */
  readonly hash: number;
  /** Whether nothing is answered: the call settles when it is sent. */
  readonly isOneWay: boolean;
  /** Whether a call may run again after the server that ran it died. */
  readonly isIdempotent: boolean;
  readonly input: MethodPart;
  readonly output: MethodPart;
  /** The errors that it declares: their codes, and the codecs of their data. */
  readonly errors: ReadonlyMap<string, Codec<unknown>>;
}

/** What a service can be asked, compiled. */
export interface ServiceContract {
  readonly name: string;
  /** The canonical text, which stands in the schema of a server's inbox. */
  readonly text: string;
  readonly methods: ReadonlyMap<string, MethodContract>;
  readonly byHash: ReadonlyMap<number, MethodContract>;
}
