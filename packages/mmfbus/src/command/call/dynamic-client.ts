import { type CallOptions, DeclaredError, type ServiceContract, ServiceError } from '@mmfbus/service';
import { openClient } from '@mmfbus/service/internal';

type CallFunction = (...args: readonly unknown[]) => unknown;

/** A client whose methods are known by a contract that was read. */
export interface DynamicClient {
  /** Makes a call: a promise, or a stream. */
  call(method: string, input: readonly [] | readonly [input: unknown], options: CallOptions): unknown;
  /** The same to each server. */
  callAll(
    method: string,
    input: readonly [] | readonly [input: unknown],
    options: CallOptions,
  ): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

/** What one of several servers answered. */
export type Answer = PromiseSettledResult<unknown> & {
  readonly server: { readonly pid: number; readonly name: string };
};

/** Joins the service as a client of that contract. */
export async function joinClient(
  contract: ServiceContract,
  name: string,
  signal: AbortSignal,
): Promise<DynamicClient> {
  const client = (await openClient(contract, { name, signal })) as Readonly<Record<string, CallFunction>> & {
    readonly $all: Readonly<Record<string, CallFunction>>;
    $close(): Promise<void>;
  };
  return {
    call: (method, input, options) => client[method]?.(...input, options),
    callAll: (method, input, options) =>
      client.$all[method]?.(...input, options) as Promise<readonly Answer[]>,
    close: () => client.$close(),
  };
}

/** Why a call failed, for users and programs. */
export interface CallFailure {
  readonly code: string;
  readonly message: string;
  /** Whether the handler can have run. */
  readonly started: false | 'maybe';
  /** What a declared error carries. */
  readonly data?: unknown;
}

/** What a call was rejected with; undefined where it is no failure of the call. */
export function failureOf(error: unknown): CallFailure | undefined {
  if (error instanceof DeclaredError) {
    const { code, message, started, data } = error;
    return { code, message, started, data };
  }
  if (!(error instanceof ServiceError)) return undefined;
  const { code, message, started } = error;
  return { code, message, started };
}
