import type { ServerResponse } from 'node:http';

/** Bytes that wait in this process before a stream counts as slow. */
const MOST_WAITING: number = 2 ** 20;
/** Milliseconds between two signs of life, by which a page notices a server that stands still. */
const SIGN_MS = 3000;

/** Server-sent events to one page. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #signs: NodeJS.Timeout;
  readonly #closing = new AbortController();

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A page opens another one soon.
      connection: 'close',
    });
    this.#signs = setInterval(() => this.send('alive', {}), SIGN_MS);
    response.on('close', () => this.close());
    response.on('error', () => this.close());
  }

  /** Aborts when the page has gone, or the server ends. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether the page is not to be told anything now, because it has not taken what it was told. */
  get isSlow(): boolean {
    return this.#response.writableLength > MOST_WAITING;
  }

  send(event: string, data: object): void {
    if (this.closed.aborted) return;
    // JSON has no line break in it.
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    if (this.closed.aborted) return;
    clearInterval(this.#signs);
    this.#closing.abort();
    this.#response.end();
  }
}
