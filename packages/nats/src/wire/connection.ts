import type { NatsConnection } from '@nats-io/nats-core';

/** What happens to a connection. */
export interface ConnectionHooks {
  changed(isConnected: boolean): void;
  closed(error: Error | undefined): void;
}

/** The program's connection to NATS, as far as a bridge follows it. It is the program's: a bridge does not close it. */
export class Connection {
  readonly nats: NatsConnection;
  readonly #listeners = new Set<(isConnected: boolean) => void>();
  readonly #hooks: ConnectionHooks;
  /** The client has a way to end it, and does not say so in its types. */
  readonly #status: AsyncIterable<{ readonly type: string }> & { stop?(): void };
  #isConnected: boolean;
  #isOpen = true;

  constructor(nats: NatsConnection, hooks: ConnectionHooks) {
    this.nats = nats;
    this.#hooks = hooks;
    this.#isConnected = !nats.isClosed();
    this.#status = nats.status();
    void this.#follow();
    void nats.closed().then((error) => {
      if (!this.#isOpen) return;
      this.#set(false);
      this.#hooks.closed(error instanceof Error ? error : undefined);
    });
  }

  /** Whether it can be published to. */
  get isConnected(): boolean {
    return this.#isConnected && !this.nats.isClosed() && !this.nats.isDraining();
  }

  /** Most bytes of headers and payload that the server takes. */
  get maxPayload(): number {
    return this.nats.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** Publishes a message without contents, if there is a connection. */
  tell(subject: string): void {
    if (this.isConnected) this.nats.publish(subject);
  }

  /** What subjects of one's own begin with, as the program has told the client, which does not say so in its types. */
  get inboxPrefix(): string | undefined {
    return (this.nats as { readonly options?: { readonly inboxPrefix?: string } }).options?.inboxPrefix;
  }

  /**
   * Listens to the connection being lost and being there again.
   *
   * @returns what ends that.
   */
  onChange(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Settles when there is a connection; rejects with the signal's reason. */
  async whenConnected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isConnected) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        forget();
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      const forget = this.onChange((isConnected) => {
        if (isConnected) settle();
      });
      signal.addEventListener('abort', settle);
    });
  }

  /** Follows it no more. */
  release(): void {
    this.#isOpen = false;
    this.#listeners.clear();
    this.#status.stop?.();
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#status) {
      if (!this.#isOpen) return;
      if (type === 'disconnect') this.#set(false);
      else if (type === 'reconnect') this.#set(true);
    }
  }

  #set(isConnected: boolean): void {
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    this.#hooks.changed(isConnected);
    for (const listener of [...this.#listeners]) listener(isConnected);
  }
}
