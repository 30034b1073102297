import type { Bus, Message, Observed, Observer } from '@mmfbus/channel';
import { ChannelError, monotonicNow } from '@mmfbus/channel';
import { type Codec, codecOfText, raw } from '@mmfbus/codec';
import type { TailEvent, TailGap, TailMessage } from './protocol.js';
import { shownValue } from './shown-value.js';

/** Messages that a page is told of at most at each look. */
const MOST_MESSAGES = 15;
/** Of the messages before it looked first. */
const FIRST_MESSAGES = 100;
const MOST_GAPS = 20;
/** Between two tries to look at a channel that cannot be read. */
const RETRY_MS = 1000;

/** What the channel says of its values. */
export interface Encoding {
  readonly incarnation: string;
  readonly codec: string;
  readonly schema: string | undefined;
}

/** Whether a message is wanted. */
export type Filter = (message: Message<unknown>) => boolean;

/**
 * The end of a channel, as one page sees it: the first messages of each look, and how many more there were. With a filter the
 * first ones that match, of those that one look reads.
 */
export class Tail {
  readonly #bus: Bus;
  readonly #channel: string;
  readonly #filter: Filter | undefined;
  #observer: Observer | undefined;
  #retryAt = 0;
  #trouble: string | undefined;
  #isRaw = false;

  constructor(bus: Bus, channel: string, filter: Filter | undefined) {
    this.#bus = bus;
    this.#channel = channel;
    this.#filter = filter;
  }

  /** Why it cannot be read, or only as bytes; undefined where all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** What was published since the last look, undefined where that is nothing. */
  look(encoding: Encoding | undefined): TailEvent | undefined {
    if (this.#observer === undefined && performance.now() < this.#retryAt) return undefined;
    const found = new Findings();
    try {
      if (this.#observer === undefined) {
        if (encoding === undefined) return undefined;
        this.#open(encoding, found);
      }
      const limit = this.#filter === undefined ? MOST_MESSAGES : undefined;
      const seen = this.#observer?.poll(limit) ?? [];
      this.#take(seen, found, MOST_MESSAGES);
      // Fewer may be the end of what there is, or a part of a large message, which is not to be lost.
      if (seen.length >= MOST_MESSAGES) found.left += this.#observer?.skip() ?? 0;
    } catch (error) {
      this.#fail(error);
    }
    return found.event();
  }

  close(): void {
    this.#observer?.close();
    this.#observer = undefined;
  }

  /** Begins a little before the end. */
  #open(encoding: Encoding, found: Findings): void {
    const codec = this.#codecOf(encoding);
    const latest = this.#bus.observe(this.#channel, { codec });
    const { position } = latest;
    if (position === undefined || position.sequence === 0) {
      this.#observer = latest;
      return;
    }
    latest.close();
    const sequence = Math.max(0, position.sequence - FIRST_MESSAGES);
    const start = { after: { incarnation: position.incarnation, sequence }, otherwise: 'latest' } as const;
    this.#observer = this.#bus.observe(this.#channel, { codec, start });
    let seen = this.#observer.poll(FIRST_MESSAGES);
    for (let looks = 0; looks < 256 && seen.length === 0; looks++) seen = this.#observer.poll(FIRST_MESSAGES);
    // What was overwritten before the page came is no gap of it.
    this.#take(
      seen.filter(({ kind }) => kind !== 'gap'),
      found,
      FIRST_MESSAGES,
    );
  }

  /** Decodes what is wanted; where that cannot be done by what the channel says, its bytes are shown. */
  #codecOf({ codec: id, schema }: Encoding): Codec<unknown> {
    this.#trouble = undefined;
    this.#isRaw = false;
    try {
      return codecOfText(id, schema);
    } catch (error) {
      this.#isRaw = true;
      this.#trouble = `Its values are shown as bytes: ${messageOf(error)}`;
      return raw() as Codec<unknown>;
    }
  }

  #take(seen: readonly Observed<unknown>[], found: Findings, most: number): void {
    for (const one of seen) {
      switch (one.kind) {
        case 'message':
          if (this.#filter?.(one) === false) found.unmatched++;
          else if (found.messages.length >= most) found.left++;
          else found.messages.push(shown(one));
          break;
        case 'gap':
          found.gap('gap', one.from, one.to, 'not read in time by the page');
          break;
        case 'omitted':
          found.gap('omitted', one.sequence, one.sequence, `${one.length} bytes, more than the page takes`);
          break;
        case 'undecodable':
          found.gap('undecodable', one.sequence, one.sequence, one.error.message);
          break;
        case 'corrupted':
          found.gap('corrupted', 0, 0, one.error.message);
          break;
        case 'ended':
          found.gap('ended', 0, 0, 'the channel ended: its last participant is gone');
          this.close();
          break;
        case 'reborn':
          break;
      }
    }
  }

  #fail(error: unknown): void {
    this.close();
    this.#retryAt = performance.now() + RETRY_MS;
    if (error instanceof ChannelError && error.code === 'NOT_FOUND') return;
    if (!this.#isRaw) this.#trouble = messageOf(error);
  }
}

/** What one look has brought. */
class Findings {
  readonly messages: TailMessage[] = [];
  readonly gaps: TailGap[] = [];
  left = 0;
  unmatched = 0;

  gap(kind: TailGap['kind'], from: number, to: number, text: string): void {
    const last = this.gaps.at(-1);
    if (last?.kind === kind && from > 0 && last.to === from - 1) {
      this.gaps[this.gaps.length - 1] = { ...last, to };
    } else if (this.gaps.length < MOST_GAPS) {
      this.gaps.push({ kind, from, to, text: text.slice(0, 500) });
    }
  }

  event(): TailEvent | undefined {
    const { messages, gaps, left, unmatched } = this;
    if (messages.length + gaps.length + left + unmatched === 0) return undefined;
    return { at: Date.now(), messages, gaps, left, unmatched };
  }
}

function shown({
  sequence,
  timestamp,
  publisher,
  value,
}: Observed<unknown> & { readonly kind: 'message' }): TailMessage {
  const time = timestamp === 0 ? 0 : Date.now() - (monotonicNow() - timestamp) / 1e6;
  return { sequence, time, publisher, value: shownValue(value) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
