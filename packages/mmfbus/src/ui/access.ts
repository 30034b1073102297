import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Sessions that are remembered; the oldest is forgotten first. */
const MOST_SESSIONS = 32;
/** Tokens not used yet that are remembered. */
const MOST_TOKENS = 8;

/**
 * Who may talk to the server: a browser that has opened an address with a one-time token, and the page in it, but no other page
 * that is open there.
 */
export class Access {
  readonly #tokens: string[] = [];
  readonly #sessions: string[] = [];
  readonly #cookie: string;
  readonly #hosts: readonly string[];

  /** @param port of the server: cookies do not tell ports apart, so it is a part of the cookie's name. */
  constructor(port: number) {
    this.#cookie = `mmfbus-${port}`;
    this.#hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  }

  /** A token that opens one session, once. */
  newToken(): string {
    const token = randomBytes(24).toString('base64url');
    this.#tokens.push(token);
    if (this.#tokens.length > MOST_TOKENS) this.#tokens.shift();
    return token;
  }

  /** The value of `Set-Cookie` for a token; undefined where it is not valid, or no longer. */
  exchange(token: string): string | undefined {
    const index = this.#tokens.findIndex((known) => isEqual(known, token));
    if (index < 0) return undefined;
    this.#tokens.splice(index, 1);
    const session = randomBytes(24).toString('base64url');
    this.#sessions.push(session);
    if (this.#sessions.length > MOST_SESSIONS) this.#sessions.shift();
    return `${this.#cookie}=${session}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Whether the request is of a browser with a session. */
  hasSession({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? '').split(';').map((one) => one.trim());
    const prefix = `${this.#cookie}=`;
    const given = cookies.find((one) => one.startsWith(prefix))?.slice(prefix.length);
    return given !== undefined && this.#sessions.some((known) => isEqual(known, given));
  }

  /**
   * What is wrong with where the request is sent to, or comes from; undefined where it is as our own page sends it. A foreign name
   * that leads to this machine (DNS rebinding) is refused by `Host`, a foreign page by `Origin` and `Sec-Fetch-Site`.
   */
  problemOf({ headers, method }: IncomingMessage): string | undefined {
    const { host = '', origin } = headers;
    if (!this.#hosts.includes(host)) return 'this server is not asked for by that name';
    if (origin !== undefined && origin !== `http://${host}`) return 'the request comes from another page';
    if (method !== 'GET' && origin === undefined) return 'the request does not say which page it comes from';
    const site = headers['sec-fetch-site'];
    // A link or a bookmark may lead here: what it gets is the empty page.
    if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
    return headers['sec-fetch-mode'] === 'navigate' ? undefined : 'the request comes from another site';
  }
}

function isEqual(known: string, given: string): boolean {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
