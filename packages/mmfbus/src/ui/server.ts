import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bus } from '@mmfbus/channel';
import { checkScope } from '../command/services/service-looks.js';
import { Access } from './access.js';
import { type Asset, readAssets } from './assets.js';
import { callOnce } from './call.js';
import { showChannel } from './channel-view.js';
import { EventStream } from './event-stream.js';
import { filterOf } from './filter.js';
import { Overview } from './overview.js';
import type { CallRequest, Hello, PublishRequest } from './protocol.js';
import { publishOne } from './publish.js';
import { Programs } from './rows.js';
import { showService } from './service-view.js';
import type { Filter } from './tail.js';

/** Only this machine reaches it. */
const ADDRESS = '127.0.0.1';
/** Bytes of the body of a request. */
const MOST_BODY: number = 2 ** 20;
/** Pages that are told of something at once. */
const MOST_STREAMS = 64;
/** Every page that is shown, and each of these answers with it. */
const PAGES: ReadonlySet<string> = new Set(['/', '/channels', '/channel', '/services', '/service']);

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** What the server needs to know. */
export interface UiOptions {
  /** Opens the bus that is shown, once. */
  readonly openBus: () => Promise<Bus>;
  readonly scope: 'user' | 'machine';
  readonly version: string;
  /** Whether pages may publish and call. */
  readonly write: boolean;
  /** 0 for any that is free. */
  readonly port: number;
}

/** What a request is answered with that gets nothing. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The server of the live page. It looks at nothing while no page is open. */
export class UiServer {
  readonly #options: UiOptions;
  readonly #server: Server;
  readonly #assets: ReadonlyMap<string, Asset>;
  readonly #overview: Overview;
  readonly #programs = new Programs();
  readonly #streams = new Set<EventStream>();
  readonly #hello: Hello;
  #access = new Access(0);

  /** @throws the error of `node:net` where the port is not free. */
  static async start(options: UiOptions): Promise<UiServer> {
    const server = new UiServer(options);
    await server.#listen();
    return server;
  }

  private constructor(options: UiOptions) {
    this.#options = options;
    this.#assets = readAssets();
    this.#overview = new Overview(options.openBus, this.#programs);
    const { version, scope, write } = options;
    this.#hello = { server: randomBytes(8).toString('hex'), version, pid: process.pid, scope, write };
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else refuse(response, error);
      });
    });
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * An address that opens the page in one browser, once. The token stands behind the `#`, so that no request carries it before the
   * page hands it in.
   */
  newAddress(): string {
    return `http://${ADDRESS}:${this.port}/#token=${this.#access.newToken()}`;
  }

  /** Ends all streams, and listens no more. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, ADDRESS, resolve);
    });
    this.#access = new Access(this.port);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const problem = this.#access.problemOf(request);
    if (problem !== undefined) throw new Refusal(403, problem);
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${ADDRESS}`);
    const call = `${request.method} ${pathname}`;
    if (call === 'POST /api/session') return this.#openSession(request, response);
    if (pathname.startsWith('/api/') && !this.#access.hasSession(request)) {
      throw new Refusal(401, 'open the address that mmfbus ui prints');
    }
    switch (call) {
      case 'GET /api/hello':
        return answerJson(response, this.#hello);
      case 'GET /api/events':
        return this.#stream(searchParams, response);
      case 'POST /api/publish':
        return this.#publish(request, response);
      case 'POST /api/call':
        return this.#call(request, response);
      default:
        return this.#file(pathname, request, response);
    }
  }

  async #openSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token } = (await readJson(request)) as { readonly token?: unknown };
    const cookie = typeof token === 'string' ? this.#access.exchange(token) : undefined;
    if (cookie === undefined) throw new Refusal(403, 'that address was opened before, or is not valid');
    response.setHeader('set-cookie', cookie);
    answerJson(response, this.#hello);
  }

  #stream(parameters: URLSearchParams, response: ServerResponse): void {
    if (this.#streams.size >= MOST_STREAMS) throw new Refusal(503, 'too many pages are open');
    const channel = parameters.get('channel');
    const service = parameters.get('service');
    const stream = new EventStream(response);
    this.#streams.add(stream);
    stream.closed.addEventListener('abort', () => this.#streams.delete(stream));
    stream.send('hello', this.#hello);
    if (service !== null) void showService(service, this.#options.scope, stream, this.#programs);
    else if (channel === null) this.#overview.add(stream);
    else void this.#showChannel(channel, parameters.get('where') ?? '', stream);
  }

  async #showChannel(channel: string, where: string, stream: EventStream): Promise<void> {
    try {
      const filter = readFilter(where, stream);
      const bus = await this.#options.openBus();
      await showChannel(bus, channel, filter, stream, this.#programs);
    } catch (error) {
      stream.send('trouble', { text: error instanceof Error ? error.message : String(error) });
      stream.close();
    }
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#checkWrite();
    const { service, method, input } = (await readJson(request)) as Partial<CallRequest>;
    if (typeof service !== 'string' || typeof method !== 'string') {
      throw new Refusal(400, 'the service or the method is missing');
    }
    try {
      checkScope(this.#options.scope);
      answerJson(response, await callOnce({ service, method, input }));
    } catch (error) {
      throw new Refusal(422, messageOf(error), { cause: error });
    }
  }

  #checkWrite(): void {
    if (!this.#options.write) throw new Refusal(403, 'mmfbus ui runs without --write');
  }

  async #publish(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#checkWrite();
    const body = (await readJson(request)) as Partial<PublishRequest>;
    if (typeof body.channel !== 'string') throw new Refusal(400, 'the channel is missing');
    try {
      const bus = await this.#options.openBus();
      const text = await publishOne(bus, { channel: body.channel, value: body.value });
      answerJson(response, { text });
    } catch (error) {
      throw new Refusal(422, messageOf(error), { cause: error });
    }
  }

  #file(pathname: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Refusal(405, 'there is nothing to be sent to');
    }
    const isPage = PAGES.has(pathname);
    const asset = this.#assets.get(isPage ? '/index.html' : pathname);
    if (asset === undefined) throw new Refusal(404, 'there is no such page');
    // The names of the others are made of their content.
    response.setHeader('cache-control', isPage ? 'no-store' : 'max-age=31536000, immutable');
    response.setHeader('content-type', asset.type);
    response.end(request.method === 'HEAD' ? undefined : asset.content);
  }
}

/** With a filter that makes no sense the page learns why, and gets no messages. */
function readFilter(where: string, stream: EventStream): Filter | undefined {
  try {
    return filterOf(where);
  } catch (error) {
    stream.send('trouble', { text: `The filter: ${messageOf(error)}` });
    return () => false;
  }
}

async function readJson(request: IncomingMessage): Promise<object> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MOST_BODY) throw new Error(`a request has at most ${MOST_BODY} bytes`);
    parts.push(part);
  }
  const body: unknown = JSON.parse(Buffer.concat(parts).toString());
  if (typeof body !== 'object' || body === null) throw new Error('the request makes no sense');
  return body;
}

function answerJson(response: ServerResponse, value: object): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, error: unknown): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.writeHead(error instanceof Refusal ? error.status : 500).end(messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
