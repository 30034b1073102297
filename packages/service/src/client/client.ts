import { DEFAULT_POLL_WINDOW, showAs, withDeadline } from '@mmfbus/channel/internal';
import type { MethodContract, ServiceContract } from '../contract/service-contract.js';
import type { AnswerOf, CallOptions, ServerInfo } from '../contract/types.js';
import { ServiceError } from '../foundation/errors.js';
import {
  abortSignal,
  anyPollWindow,
  anyString,
  type Check,
  checkOptions,
  milliseconds,
} from '../foundation/options.js';
import { atStep } from '../foundation/steps.js';
import { sweepLeftovers } from '../wire/leftovers.js';
import { ClientSeat } from '../wire/registry.js';
import { Calls } from './calls.js';
import type { ClientOptions } from './client-options.js';
import type { ServerLink } from './server-link.js';

const DEFAULT_JOIN_TIMEOUT_MS = 5000;
const NS_PER_MS = 1e6;

const clientRules: Readonly<Record<keyof ClientOptions, Check>> = {
  name: anyString,
  waitForServer: milliseconds,
  timeout: milliseconds,
  moveAfter: milliseconds,
  pollWindow: anyPollWindow,
  signal: abortSignal,
  joinTimeout: milliseconds,
};

const callRules: Readonly<Record<keyof CallOptions, Check>> = {
  signal: abortSignal,
  timeout: milliseconds,
  within: (value) =>
    typeof (value as Partial<CallOptions['within']>)?.deadline === 'number'
      ? undefined
      : 'the context of a handler',
};

type CallFunction = (...args: readonly [unknown, (CallOptions | undefined)?]) => unknown;

/** A client that has joined: a function for each method of the service, beside these. */
class JoinedClient {
  readonly $all: Readonly<Record<string, CallFunction>>;
  readonly #contract: ServiceContract;
  readonly #calls: Calls;

  constructor(contract: ServiceContract, calls: Calls) {
    this.#contract = contract;
    this.#calls = calls;
    const all: Record<string, CallFunction> = {};
    for (const method of contract.methods.values()) {
      const { name } = method;
      // Methods of the service are own properties: none of their names is one of this class.
      Object.defineProperty(this, name, { value: this.#caller(method), enumerable: true });
      if (method.input.kind !== 'stream') all[name] = this.#callerOfAll(method);
    }
    this.$all = Object.freeze(all);
  }

  get $servers(): readonly ServerInfo[] {
    return this.#calls.links.map((link) => {
      const { served, failed, time } = link.totals;
      const { pid, name } = link.server;
      return {
        pid,
        name,
        outstanding: link.work,
        served,
        errors: failed,
        meanTime: time / served / NS_PER_MS,
      };
    });
  }

  async $close(): Promise<void> {
    await this.#calls.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.$close();
  }

  #caller(method: MethodContract): CallFunction {
    const calls = this.#calls;
    if (method.input.kind === 'none') {
      return (options) => calls.call(method, undefined, this.#checked(method, options as CallOptions));
    }
    return (input, options) => calls.call(method, input, this.#checked(method, options));
  }

  #callerOfAll(method: MethodContract): CallFunction {
    const hasInput = method.input.kind !== 'none';
    return async (first, second) => {
      const [input, options] = hasInput ? [first, second] : [undefined, first as CallOptions];
      this.#checked(method, options);
      const links = this.#calls.links.filter(
        ({ methods }) => 'isIdempotent' in (methods.get(method.name) ?? {}),
      );
      return Promise.all(links.map((link) => this.#ask(link, method, input, options)));
    };
  }

  async #ask(
    link: ServerLink,
    method: MethodContract,
    input: unknown,
    options: CallOptions | undefined,
  ): Promise<AnswerOf<unknown>> {
    const { pid, name } = link.server;
    const server = { pid, name };
    try {
      return { server, status: 'fulfilled', value: await this.#calls.call(method, input, options, link) };
    } catch (reason) {
      return { server, status: 'rejected', reason };
    }
  }

  /** Refuses options that a call does not have. */
  #checked(method: MethodContract, options: CallOptions | undefined): CallOptions | undefined {
    if (options !== undefined) checkOptions(this.#contract.name, `${method.name}()`, options, callRules);
    return options;
  }
}

/**
 * Makes a client of a service; see `Service.client`.
 *
 * @param accepts which servers may be called, by their names. Defaults to all.
 */
export async function openClient(
  contract: ServiceContract,
  options: ClientOptions,
  accepts: (server: string) => boolean = () => true,
): Promise<object> {
  const { name: service } = contract;
  checkOptions(service, 'client()', options, clientRules);
  const { name = '', signal, joinTimeout: timeout = DEFAULT_JOIN_TIMEOUT_MS } = options;
  const tooLate = () =>
    new ServiceError('TIMEOUT', service, `its registry was not joined within ${timeout} ms`);
  const calls = await withDeadline({ signal, timeout }, tooLate, async (limit) => {
    const seat = await ClientSeat.join(service, name, limit);
    atStep?.('client: registry joined');
    sweepLeftovers(service);
    const parts = {
      contract,
      name,
      seat,
      waitForServer: options.waitForServer ?? 0,
      timeout: options.timeout,
      moveAfter: options.moveAfter === Number.POSITIVE_INFINITY ? undefined : options.moveAfter,
      pollWindow: options.pollWindow ?? DEFAULT_POLL_WINDOW,
      accepts,
    };
    return Calls.open(parts, limit);
  });
  return new JoinedClient(contract, calls);
}

showAs(JoinedClient.prototype, ({ $servers }) => `Client { servers: ${$servers.length} }`);
