import type { Shape } from '@mmfbus/codec';

/** A part of a method, as `MethodPart` of `@mmfbus/service` has it. */
export interface ContractPart {
  /** Nothing, one value, or a stream of them. */
  readonly kind: 'none' | 'value' | 'stream';
  /** Of the value, or of each item; undefined with `none`. */
  readonly shape: Shape | undefined;
}

/** A method, as `MethodContract` of `@mmfbus/service` has it. */
export interface ContractMethod {
  /** What a call brings. */
  readonly input: ContractPart;
  /** What the handler gives. */
  readonly output: ContractPart;
  /** Whether nothing is answered. */
  readonly isOneWay: boolean;
  /** Whether a call may run again. */
  readonly isIdempotent: boolean;
  /** The data of its errors by their codes. */
  readonly errors: ReadonlyMap<string, ContractPart>;
}

/** A contract, as `ServiceContract` of `@mmfbus/service` has it: `contract` of a service, or what `contractOfText` makes. */
export interface Contract {
  /** The name of the service. */
  readonly name: string;
  /** The canonical text. */
  readonly text: string;
  /** The methods by their names. */
  readonly methods: ReadonlyMap<string, ContractMethod>;
}
