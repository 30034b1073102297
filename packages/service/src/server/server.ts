import { DEFAULT_POLL_WINDOW, showAs, withDeadline } from '@mmfbus/channel/internal';
import { timers } from '@mmfbus/core/internal';
import { checkHandlers } from '../contract/check-handlers.js';
import type { ServiceContract } from '../contract/service-contract.js';
import { ServiceError } from '../foundation/errors.js';
import {
  abortSignal,
  anyBoolean,
  anyPollWindow,
  anyString,
  type Check,
  callCount,
  checkOptions,
  milliseconds,
} from '../foundation/options.js';
import type { CloseServerOptions, ServeOptions, Server, ServerCloseInfo } from './server-options.js';
import { Serving } from './serving.js';

const DEFAULT_CONCURRENCY = 256;
const DEFAULT_QUEUE = 1024;
const DEFAULT_STREAMS = 1024;
const DEFAULT_JOIN_TIMEOUT_MS = 5000;
const DEFAULT_DRAIN_TIMEOUT_MS = 30_000;

const serveRules: Readonly<Record<keyof ServeOptions, Check>> = {
  name: anyString,
  concurrency: callCount(1),
  queue: callCount(0),
  streams: callCount(1),
  stacks: anyBoolean,
  pollWindow: anyPollWindow,
  signal: abortSignal,
  timeout: milliseconds,
};

const closeRules: Readonly<Record<keyof CloseServerOptions, Check>> = {
  signal: abortSignal,
  timeout: milliseconds,
};

/** A server that has joined. */
class JoinedServer implements Server {
  readonly service: string;
  readonly name: string;
  readonly closed: Promise<ServerCloseInfo>;
  readonly #serving: Serving;
  #tellClosed!: (info: ServerCloseInfo) => void;
  #draining: Promise<void> | undefined;
  readonly #cancelling = new AbortController();

  constructor(service: string, name: string, serving: Serving) {
    this.service = service;
    this.name = name;
    this.#serving = serving;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    serving.onLost = (error) => {
      this.#cancelling.abort();
      void this.#drain({ reason: 'lost', error });
    };
  }

  get isOpen(): boolean {
    return this.#draining === undefined;
  }

  get outstanding(): number {
    return this.#serving.outstanding;
  }

  async drain(options: CloseServerOptions = {}): Promise<void> {
    checkOptions(this.service, 'drain()', options, closeRules);
    const { signal, timeout = DEFAULT_DRAIN_TIMEOUT_MS } = options;
    const cancel = () => this.#cancelling.abort();
    const timer = timeout === Number.POSITIVE_INFINITY ? undefined : timers.setTimeout(cancel, timeout);
    if (signal?.aborted === true) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await this.#drain({ reason: 'local' });
    } finally {
      timers.clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }

  async close(): Promise<void> {
    this.#cancelling.abort();
    await this.#drain({ reason: 'local' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  ref(): this {
    this.#serving.ref();
    return this;
  }

  unref(): this {
    this.#serving.unref();
    return this;
  }

  #drain(info: ServerCloseInfo): Promise<void> {
    this.#draining ??= this.#serving.drain(this.#cancelling.signal).then(() => this.#tellClosed(info));
    return this.#draining;
  }
}

/** Serves a service; see `Service.serve`. */
export async function serve(
  contract: ServiceContract,
  handlers: unknown,
  options: ServeOptions,
): Promise<Server> {
  const { name: service } = contract;
  const checked = checkHandlers(contract, handlers);
  checkOptions(service, 'serve()', options, serveRules);
  const { name = '', timeout = DEFAULT_JOIN_TIMEOUT_MS, signal } = options;
  const parts = {
    contract,
    handlers: checked,
    name,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    queue: options.queue ?? DEFAULT_QUEUE,
    streams: options.streams ?? DEFAULT_STREAMS,
    stacks: options.stacks ?? false,
    pollWindow: options.pollWindow ?? DEFAULT_POLL_WINDOW,
  };
  const tooLate = () =>
    new ServiceError('TIMEOUT', service, `its registry was not joined within ${timeout} ms`);
  const serving = await withDeadline({ signal, timeout }, tooLate, (limit) => Serving.open(parts, limit));
  return new JoinedServer(service, name, serving);
}

showAs(JoinedServer.prototype, ({ service, name, isOpen, outstanding }) => {
  const state = isOpen ? `open, ${outstanding} calls` : 'closed';
  return `Server { service: '${service}', name: '${name}', ${state} }`;
});
