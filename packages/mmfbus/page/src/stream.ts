import { useEffect, useRef, useState } from 'preact/hooks';
import type { Hello } from '../../src/ui/protocol.js';
import { askServer } from './session.js';

/** How it stands with the server. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live'; readonly hello: Hello }
  /** The server is gone, or stands still: since then, milliseconds since 1970. */
  | { readonly state: 'lost'; readonly since: number }
  /** The server does not know this browser. */
  | { readonly state: 'refused' };

/** What is done with each event of a stream, by its name. */
export type Handlers = Readonly<Record<string, (data: never) => void>>;

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 3000;
/** Milliseconds without a word after which the server stands still; it gives a sign of life each three seconds. */
const SILENCE = 9000;
/** Milliseconds for which a page that is not seen goes on. */
const HIDDEN = 20_000;

/** Reads the events of the server for as long as it is open, and comes back whenever the server does. */
class Stream {
  readonly #address: string;
  readonly #handlers: () => Handlers;
  readonly #tell: (link: Link) => void;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #pause = FIRST_PAUSE;
  #lostSince: number | undefined;
  #isClosed = false;

  constructor(address: string, handlers: () => Handlers, tell: (link: Link) => void) {
    this.#address = address;
    this.#handlers = handlers;
    this.#tell = tell;
    document.addEventListener('visibilitychange', this.#onVisibility);
    window.addEventListener('focus', this.#hurry);
    this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    clearTimeout(this.#hidden);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    window.removeEventListener('focus', this.#hurry);
  }

  #stop(): void {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#timer = undefined;
  }

  #open(): void {
    this.#stop();
    const source = new EventSource(this.#address);
    this.#source = source;
    this.#listen();
    source.onerror = () => void this.#lose();
    source.addEventListener('hello', (event) => {
      this.#lostSince = undefined;
      this.#pause = FIRST_PAUSE;
      this.#tell({ state: 'live', hello: JSON.parse(event.data) as Hello });
    });
    source.addEventListener('alive', () => {});
    for (const name of [...Object.keys(this.#handlers()), 'hello', 'alive']) {
      source.addEventListener(name, (event) => {
        this.#listen();
        this.#handlers()[name]?.(JSON.parse(event.data) as never);
      });
    }
  }

  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#lose(), SILENCE);
  }

  async #lose(): Promise<void> {
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#stop();
    this.#lostSince ??= Date.now();
    const since = this.#lostSince;
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#open(), pause);
    const answer = await askServer();
    if (this.#isClosed || this.#lostSince !== since) return;
    if (answer === 'refused') this.#tell({ state: 'refused' });
    else if (answer === 'lost') this.#tell({ state: 'lost', since });
  }

  readonly #hurry = (): void => {
    if (this.#timer === undefined) return;
    this.#pause = FIRST_PAUSE;
    this.#open();
  };

  readonly #onVisibility = (): void => {
    clearTimeout(this.#hidden);
    // What is not seen is not looked at.
    if (document.hidden) this.#hidden = setTimeout(() => this.#stop(), HIDDEN);
    else if (this.#source === undefined) this.#open();
  };
}

/** The events at an address of the server, for as long as the view is shown. */
export function useStream(address: string, handlers: Handlers): Link {
  const [link, setLink] = useState<Link>({ state: 'connecting' });
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const stream = new Stream(address, () => latest.current, setLink);
    return () => stream.close();
  }, [address]);
  return link;
}
