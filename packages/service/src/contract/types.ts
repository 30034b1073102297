import type { StandardOutput, StandardSchema } from '@mmfbus/codec';
import type { Methods, ServiceDefinition } from './compile-contract.js';
import type { DeclaredError } from './declared-error.js';
import type { Method } from './method.js';
import type { ErrorSchema, Nothing, StreamOf } from './schema.js';

/** What a Standard Schema takes: for shapes the same as what it makes of that. */
type StandardInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input'];

/** What the side that sends gives, and what the side that receives gets. */
type Sent<S> = S extends StandardSchema ? StandardInput<S> : undefined;
type Received<S> = S extends StandardSchema ? StandardOutput<S> : undefined;

/** Values that come one by one: an array, a generator, a stream of Node or of the web, or what a call gave. */
export type Streamable<T> = Iterable<T> | AsyncIterable<T>;

/** The program that calls. */
export interface Caller {
  /** Id of its process. */
  readonly pid: number;
  /** Name of its client. */
  readonly name: string;
}

/** What a handler knows of the call that it answers. */
export interface Context<E = unknown> {
  /**
   * Aborts when the answer is of no use any more: the caller gave up or is gone, the deadline is over, or the server closes. A handler that
   * asks for it before it first waits can listen to it without looking whether it is aborted already.
   */
  readonly signal: AbortSignal;
  /** The same, read from memory: for a handler that does not let the event loop run. */
  readonly cancelled: boolean;
  /**
   * When the caller gives up: nanoseconds of the machine's monotonic clock, as `monotonicNow()` gives them; `Infinity` for a caller that
   * waits as long as it takes.
   */
  readonly deadline: number;
  /** Who calls. */
  readonly caller: Caller;
  /** Makes the errors that the method declares, to be thrown. */
  readonly errors: ErrorMakers<E>;
}

/** The functions that make the errors of a method, by their codes. */
export type ErrorMakers<E> = {
  readonly [Code in keyof E & string]: E[Code] extends Nothing
    ? () => DeclaredError<Code, undefined>
    : (data: Sent<E[Code]>) => DeclaredError<Code, Sent<E[Code]>>;
};

type ErrorsOf<M extends Method> = M extends Method<infer _I, infer _O, infer E> ? E : never;

// biome-ignore lint/suspicious/noConfusingVoidType: what a function without a value returns.
type NoValue = void;

/** What a handler gets as its input. */
type HandlerInput<I> = I extends StreamOf<infer S> ? AsyncIterable<Received<S>> : Received<I>;

/** What a handler may return. */
type HandlerOutput<O> =
  O extends StreamOf<infer S>
    ? Streamable<Sent<S>> | PromiseLike<Streamable<Sent<S>>>
    : O extends StandardSchema
      ? Sent<O> | PromiseLike<Sent<O>>
      : NoValue | PromiseLike<NoValue>;

/** The handler of a method. Without an input the first argument is undefined. */
export type HandlerOf<M extends Method> = (
  input: HandlerInput<M['input']>,
  context: Context<ErrorsOf<M>>,
) => HandlerOutput<M['output']>;

/**
 * The handlers of a service: a function for each method.
 *
 * @typeParam S the service, as in `Handlers<typeof calc>`.
 */
export type Handlers<S extends ServiceDefinition> = {
  readonly [Name in keyof S['methods']]: HandlerOf<S['methods'][Name]>;
};

/** Options of a call. */
export interface CallOptions {
  /** Gives the call up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the call is given up; `Infinity` for as long as it takes. Defaults to that of the client. */
  readonly timeout?: number | undefined;
  /** The call that this one is made for: its deadline holds for this one too, and so does its signal. Defaults to none. */
  readonly within?: Pick<Context, 'deadline' | 'signal'> | undefined;
}

/** The values of an answer, as they come. Who stops reading, by `break` or `return()`, gives the call up. */
export interface AnswerStream<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  /** Settles with the call: when the last value was read or the stream was given up, or with the error that reading throws. */
  readonly finished: Promise<void>;
  /** The next value, as soon as it is there. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Gives the call up. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** Does that, and rejects with the error. */
  throw(error: unknown): Promise<IteratorResult<T, undefined>>;
  /** This stream. */
  [Symbol.asyncIterator](): AnswerStream<T>;
}

/** What a call takes besides its options. */
type CallInput<I> =
  I extends StreamOf<infer S>
    ? [input: Streamable<Sent<S>>]
    : I extends StandardSchema
      ? [input: Sent<I>]
      : [];

/** What a call comes to. */
type Answer<O> =
  O extends StreamOf<infer S> ? AnswerStream<Received<S>> : O extends StandardSchema ? Received<O> : NoValue;

type CallResult<O> = O extends StreamOf ? Answer<O> : Promise<Answer<O>>;

/** A method, as a client calls it. Without an input the options are the first argument. */
export type CallOf<M extends Method> = (
  ...args: [...CallInput<M['input']>, options?: CallOptions]
) => CallResult<M['output']>;

/** A server, as clients see it. */
export interface ServerInfo {
  /** Id of its process. */
  readonly pid: number;
  /** Name of the server. */
  readonly name: string;
  /** Calls that it was sent and has not answered. */
  readonly outstanding: number;
  /** Calls that it answered. */
  readonly served: number;
  /** Calls that it answered with an error. */
  readonly errors: number;
  /** Milliseconds that a handler took on the average; NaN before the first. */
  readonly meanTime: number;
}

/** What one of several servers answered. */
export type AnswerOf<T> = PromiseSettledResult<T> & {
  /** The server. */
  readonly server: Pick<ServerInfo, 'pid' | 'name'>;
};

/** Methods that every server can be asked: not those that take a stream, which can be read only once. */
type AskedOfAll<M extends Methods> = {
  [Name in keyof M]: M[Name]['input'] extends StreamOf ? never : Name;
}[keyof M];

/** Each method as a call of every server that there is when it begins. */
export type CallsOfAll<S extends ServiceDefinition> = {
  readonly [Name in AskedOfAll<S['methods']>]: (
    ...args: [...CallInput<S['methods'][Name]['input']>, options?: CallOptions]
  ) => Promise<readonly AnswerOf<Answer<S['methods'][Name]['output']>>[]>;
};

/** What a client has besides the methods of its service. */
export interface ClientMembers<S extends ServiceDefinition> extends AsyncDisposable {
  /** The same methods, each as a call of every server. */
  readonly $all: CallsOfAll<S>;
  /** The servers that there are now, read from memory. */
  readonly $servers: readonly ServerInfo[];
  /** Gives up all calls and leaves. `await using` does the same. */
  $close(): Promise<void>;
}

/**
 * A client of a service: a function for each method, and what begins with `$`.
 *
 * @typeParam S the service, as in `Client<typeof calc>`.
 */
export type Client<S extends ServiceDefinition> = {
  readonly [Name in keyof S['methods']]: CallOf<S['methods'][Name]>;
} & ClientMembers<S>;

type DeclaredErrorsOf<E> = {
  [Code in keyof E & string]: DeclaredError<Code, E[Code] extends ErrorSchema ? Received<E[Code]> : never>;
}[keyof E & string];

/** The errors that some methods declare, as a union that `code` tells apart. */
export type DeclaredErrors<M extends Methods> = {
  [Name in keyof M]: DeclaredErrorsOf<ErrorsOf<M[Name]>>;
}[keyof M];
