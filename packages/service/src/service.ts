import type { ClientOptions } from './client/client-options.js';
import { compileContract, type Methods, type ServiceDefinition } from './contract/compile-contract.js';
import { DeclaredError } from './contract/declared-error.js';
import type { ServiceContract } from './contract/service-contract.js';
import type { Client, DeclaredErrors, Handlers } from './contract/types.js';
import type { ServeOptions, Server } from './server/server-options.js';

/**
 * A service as a program sees it: its contract, from which the types of handlers and clients follow. Opens nothing by itself.
 *
 * @typeParam M its methods.
 */
export class Service<M extends Methods> implements ServiceDefinition<M> {
  /** The methods, as they were defined. */
  readonly methods: M;
  /** The contract, compiled. */
  readonly contract: ServiceContract;

  /** Use {@link defineService}. */
  constructor(definition: ServiceDefinition<M>) {
    this.contract = compileContract(definition);
    this.methods = definition.methods;
  }

  /** Name of the service. */
  get name(): string {
    return this.contract.name;
  }

  /**
   * Answers calls of this service with these handlers: an object with a function for each method.
   *
   * @throws {@link ServiceError} `INVALID_HANDLERS` or `INVALID_ARGUMENT`; `TIMEOUT`, or the signal's reason when it aborts; what
   * joining a channel throws, where the memory of the service cannot be used.
   */
  async serve(handlers: Handlers<this>, options: ServeOptions = {}): Promise<Server> {
    // Loaded where it is needed: a program that only defines services starts without it.
    const { serve } = await import('./server/server.js');
    return serve(this.contract, handlers, options);
  }

  /**
   * Makes a client of this service: an object with a function for each method.
   *
   * @throws {@link ServiceError} `INVALID_ARGUMENT`; `TIMEOUT`, or the signal's reason when it aborts; what joining a channel
   * throws, where the memory of the service cannot be used.
   */
  async client(options: ClientOptions = {}): Promise<Client<this>> {
    const { openClient } = await import('./client/client.js');
    return (await openClient(this.contract, options)) as Client<this>;
  }

  /** Whether a call of this service failed with an error that its contract declares; then `code` and `data` have their types. */
  isError(error: unknown): error is DeclaredErrors<M>;
  /** Whether it is the one with this code. */
  isError<Code extends DeclaredErrors<M>['code']>(
    error: unknown,
    code: Code,
  ): error is Extract<DeclaredErrors<M>, { readonly code: Code }>;
  /** Whether it is that of this method: where several declare the same code, each with data of its own. */
  isError<Name extends keyof M & string, Code extends DeclaredErrors<Pick<M, Name>>['code']>(
    error: unknown,
    code: Code,
    method: Name,
  ): error is Extract<DeclaredErrors<Pick<M, Name>>, { readonly code: Code }>;
  isError(error: unknown, code?: string, method?: string): boolean {
    return (
      error instanceof DeclaredError &&
      error.service === this.name &&
      this.contract.methods.get(error.method)?.errors.has(error.code) === true &&
      (code === undefined || error.code === code) &&
      (method === undefined || error.method === method)
    );
  }
}

/**
 * Defines a service once for all programs that serve or call it: its name, and its methods.
 *
 * @throws {@link ServiceError} `INVALID_CONTRACT`, which names the method and what is wrong with it.
 * @example
 * ```ts
 * const calc = defineService({
 *   name: 'calc',
 *   methods: {
 *     add: method({ input: struct({ a: f64(), b: f64() }), output: f64(), errors: { OVERFLOW: struct({ limit: f64() }) } }),
 *     ticks: method({ input: struct({ symbol: string() }), output: stream(struct({ price: f64() })) }),
 *     log: method({ input: string() }),
 *   },
 * });
 * ```
 */
export function defineService<M extends Methods>(definition: ServiceDefinition<M>): Service<M> {
  return new Service(definition);
}
