import type { Bus, ChannelInfo } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';
import type { EventStream } from './event-stream.js';
import type { ChannelDetails, ChannelEvent, SchemaEvent } from './protocol.js';
import { type Programs, rowOf, type Sample } from './rows.js';
import { schemaOf } from './schema.js';
import { type Filter, Tail } from './tail.js';

/** Milliseconds between two looks at the messages, and at the participants. */
const TAIL_MS = 50;
const PARTICIPANTS_MS = 500;

/** Tells a page of one channel until it closes. */
export async function showChannel(
  bus: Bus,
  channel: string,
  filter: Filter | undefined,
  stream: EventStream,
  programs: Programs,
): Promise<void> {
  const view = new ChannelView(bus, channel, filter, stream, programs);
  try {
    await view.run();
  } catch (error) {
    if (stream.closed.aborted) return;
    stream.send('trouble', { text: error instanceof Error ? error.message : String(error) });
    stream.close();
  } finally {
    view.close();
  }
}

class ChannelView {
  readonly #bus: Bus;
  readonly #channel: string;
  readonly #stream: EventStream;
  readonly #programs: Programs;
  readonly #tail: Tail;
  #sample: Sample | undefined;
  /** Of the life whose schema was told. */
  #told: string | undefined;
  #trouble: string | undefined;

  constructor(
    bus: Bus,
    channel: string,
    filter: Filter | undefined,
    stream: EventStream,
    programs: Programs,
  ) {
    this.#bus = bus;
    this.#channel = channel;
    this.#stream = stream;
    this.#programs = programs;
    this.#tail = new Tail(bus, channel, filter);
  }

  async run(): Promise<void> {
    const { closed } = this.#stream;
    let nextLook = 0;
    while (!closed.aborted) {
      if (performance.now() >= nextLook) {
        nextLook = performance.now() + PARTICIPANTS_MS;
        await this.#lookAtParticipants(closed);
      }
      this.#lookAtTail();
      await timers.sleep(TAIL_MS, { signal: closed });
    }
  }

  close(): void {
    this.#tail.close();
  }

  async #lookAtParticipants(signal: AbortSignal): Promise<void> {
    const stream = this.#stream;
    const info = await this.#bus.inspect(this.#channel, { signal });
    const sample = info && { at: performance.now(), info };
    if (!stream.isSlow) {
      const row = sample && rowOf(sample, this.#sample, this.#programs);
      const event: ChannelEvent = { at: Date.now(), row, details: info && detailsOf(info) };
      if (row !== undefined || this.#sample !== undefined || this.#told === undefined)
        stream.send('channel', event);
      if (info !== undefined && info.incarnation !== this.#told) {
        stream.send('schema', schemaOf(info) satisfies SchemaEvent);
      }
      this.#told = info?.incarnation ?? '';
    }
    this.#sample = sample;
  }

  #lookAtTail(): void {
    // What a page does not take is left out.
    if (this.#stream.isSlow) return;
    const event = this.#tail.look(this.#sample?.info);
    if (event !== undefined) this.#stream.send('tail', event);
    const { trouble } = this.#tail;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#stream.send('trouble', { text: trouble ?? '' });
  }
}

function detailsOf(info: ChannelInfo): ChannelDetails {
  const { history, maxMessage, maxParticipants, createdAt } = info;
  const counters = info.participants.map(({ slot, joinedAt, counters }) => ({ slot, joinedAt, ...counters }));
  return { history, maxMessage, maxParticipants, createdAt, counters };
}
