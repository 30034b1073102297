import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** Packages that no other registry is asked for: a published version must not stand in for the one under test. */
const OURS = /^(?:mmfbus$|@mmfbus\/)/;

/** What `npm publish` sends. */
interface Publication {
  readonly name: string;
  readonly versions: Record<string, { readonly dist: { readonly tarball: string } }>;
  readonly _attachments: Record<string, { readonly data: string }>;
}

/**
 * A registry of npm packages on this machine. It keeps what is published to it, and redirects to another registry for
 * every other package. Nothing is written to disk.
 */
export class LocalRegistry {
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  readonly #others: string;
  readonly #packages = new Map<string, Publication>();
  readonly #tarballs = new Map<string, Buffer>();

  /** @param others the address of the registry that has all other packages, with a slash at its end. */
  constructor(others: string) {
    this.#others = others;
  }

  /** The names of the packages that were published to it. */
  get names(): string[] {
    return [...this.#packages.keys()];
  }

  /**
   * Listens on a free port of this machine.
   *
   * @returns its address, with a slash at its end.
   */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Stops, and closes every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(1);
    const name = decodeURIComponent(path);
    if (request.method === 'PUT') {
      this.#publish((await json(request)) as Publication);
      response.writeHead(201).end('{}');
      return;
    }
    const tarball = this.#tarballs.get(name);
    const found = this.#packages.get(name);
    if (tarball !== undefined) response.end(tarball);
    else if (found !== undefined)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(found));
    else if (OURS.test(name)) response.writeHead(404).end('{}');
    else response.writeHead(302, { location: this.#others + path }).end();
  }

  #publish({ _attachments, ...rest }: Publication): void {
    const [{ dist } = { dist: undefined }] = Object.values(rest.versions);
    const [{ data } = { data: undefined }] = Object.values(_attachments);
    if (dist === undefined || data === undefined) throw new Error(`${rest.name} came without a tarball`);
    this.#packages.set(rest.name, { ...rest, _attachments: {} });
    this.#tarballs.set(new URL(dist.tarball).pathname.slice(1), Buffer.from(data, 'base64'));
  }
}
