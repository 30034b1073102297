import { headers, type Match, type MsgHdrs } from '@nats-io/nats-core';

const VERSION_LINE = 'NATS/1.0';

/**
 * The header of a message, put together as text. The client's own header checks and copies each key and each value, and then makes the same
 * text of them. The client asks for the bytes, which its types do not say. Everything else is left to a header of the client's, so that
 * what stands between, such as a tracer, can read and change it.
 */
export class WrittenHeader implements MsgHdrs {
  readonly #text: string;
  readonly #encoding: 'latin1' | 'utf8';
  #fields: (MsgHdrs & { encode?(): Uint8Array }) | undefined;

  /**
   * @param text `key: value` of each field, `\r\n` between them.
   * @param isAscii whether it has no characters beyond ASCII, for sure.
   */
  constructor(text: string, isAscii: boolean) {
    this.#text = text;
    this.#encoding = isAscii ? 'latin1' : 'utf8';
  }

  /** What is sent. */
  encode(): Uint8Array {
    const bytes = this.#fields?.encode?.();
    return bytes ?? Buffer.from(`${VERSION_LINE}\r\n${this.#text}\r\n\r\n`, this.#encoding);
  }

  get #own(): MsgHdrs {
    if (this.#fields === undefined) {
      this.#fields = headers();
      for (const line of this.#text.split('\r\n')) {
        const colon = line.indexOf(': ');
        this.#fields.append(line.slice(0, colon), line.slice(colon + 2));
      }
    }
    return this.#fields;
  }

  get hasError(): boolean {
    return this.#own.hasError;
  }

  get status(): string {
    return this.#own.status;
  }

  get code(): number {
    return this.#own.code;
  }

  get description(): string {
    return this.#own.description;
  }

  get(key: string, match?: Match): string {
    return this.#own.get(key, match);
  }

  set(key: string, value: string, match?: Match): void {
    this.#own.set(key, value, match);
  }

  append(key: string, value: string, match?: Match): void {
    this.#own.append(key, value, match);
  }

  has(key: string, match?: Match): boolean {
    return this.#own.has(key, match);
  }

  keys(): string[] {
    return this.#own.keys();
  }

  values(key: string, match?: Match): string[] {
    return this.#own.values(key, match);
  }

  delete(key: string, match?: Match): void {
    this.#own.delete(key, match);
  }

  last(key: string, match?: Match): string {
    return this.#own.last(key, match);
  }

  [Symbol.iterator](): Iterator<[string, string[]]> {
    return this.#own[Symbol.iterator]();
  }
}
