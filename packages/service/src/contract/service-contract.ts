import type { Codec, Shape } from '@mmfbus/codec';

/** What a method takes, what it gives, or the data of one of its errors. */
export interface MethodPart {
  /** Nothing, one value, or a stream of them. */
  readonly kind: 'none' | 'value' | 'stream';
  /** Of the value, or of each item; made when it is first read. With `none` its only value is undefined, in no bytes. */
  readonly codec: Codec<unknown>;
  /** Of the value, or of each item; what another validator than a shape checks is `unknown()`. Undefined with `none`. */
  readonly shape: Shape | undefined;
  /** Whether a validator other than a shape checks the values, on the side that has it. The bytes are those of `msgpack()`. */
  readonly isValidated: boolean;
}

/** A method of a {@link ServiceContract}. */
export interface MethodContract {
  /** Its name. */
  readonly name: string;
  /** By which calls name the method: {@link methodHash} of its name. */
  readonly hash: number;
  /** Whether nothing is answered: the call settles when it is sent. */
  readonly isOneWay: boolean;
  /** Whether a call may run again after the server that ran it died. */
  readonly isIdempotent: boolean;
  /** What a call brings. */
  readonly input: MethodPart;
  /** What the handler gives; `none` also where it is one way. */
  readonly output: MethodPart;
  /** The data of its declared errors by their codes, sorted. */
  readonly errors: ReadonlyMap<string, MethodPart>;
}

/** What a service can be asked, compiled. */
export interface ServiceContract {
  /** The name of the service. */
  readonly name: string;
  /** The canonical text, which stands in the schema of a server's inbox: equal for equal contracts. */
  readonly text: string;
  /** The methods by their names, sorted. */
  readonly methods: ReadonlyMap<string, MethodContract>;
  /** The methods by their hashes. */
  readonly byHash: ReadonlyMap<number, MethodContract>;
}
