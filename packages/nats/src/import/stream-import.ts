import { timers } from '@mmfbus/core/internal';
import type {
  ConsumerConfig,
  ConsumerMessages,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
} from '@nats-io/jetstream';
import { retrying } from '../foundation/retry.js';
import type { Connection } from '../wire/connection.js';
import { HEADER } from '../wire/header.js';
import type { NameMap } from '../wire/names.js';
import { rawOf } from '../wire/raw-message.js';
import type { Checkpoint, Progress } from './checkpoint.js';
import type { Importer, Incoming } from './importer.js';

/** Messages that the server may send ahead. */
const AHEAD = 512;
/** How long a request for messages stands, milliseconds; a heart beats twice in that time. */
const EXPIRES = 4000;
/** How long the server keeps a consumer that is not asked for messages, nanoseconds. */
const INACTIVE: number = 60 * 1e9;

/** Clocks of the servers of a cluster differ by at most that, milliseconds. What is read again is known by its number. */
const CLOCKS_DIFFER = 10_000;

type StartPoint = Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq' | 'opt_start_time'>;

/** What JetStream offers, loaded where a route has a stream. */
export interface JetStream {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** Parts of it. */
export interface StreamImportParts {
  readonly connection: Connection;
  readonly jetStream: JetStream;
  readonly stream: string;
  readonly names: NameMap;
  readonly importer: Importer;
  readonly checkpoint: Checkpoint;
  /** Settles when there are listeners: nothing is read before. */
  readonly whenHeard: Promise<void>;
  trouble(error: Error): void;
  /** Messages come, after there was trouble. */
  recovered(): void;
}

/**
 * Takes the messages of a stream in order, each once, from where the checkpoint says. Its consumer belongs to this one reading: where
 * anything about it is in doubt, another one is made, which begins after the last message that was taken.
 */
export class StreamImport {
  readonly #parts: StreamImportParts;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #progress: Progress = { created: '', sequence: 0 };
  #messages: ConsumerMessages | undefined;
  /** The last one that was gathered. */
  #gathered: JsMsg | undefined;
  /** Publishes what was gathered. */
  #due: NodeJS.Immediate | undefined;
  /** Settles when that is published. */
  #publishing: Promise<void> | undefined;
  #lag = 0;

  constructor(parts: StreamImportParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Messages of the stream that are not taken yet, as far as the server has said. */
  get lag(): number {
    return this.#lag;
  }

  /** Takes no more; settles when what was taken is written down. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    this.#messages?.stop();
    await this.#running;
    await this.#parts.checkpoint.settled();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { checkpoint, importer, trouble, whenHeard } = this.#parts;
    try {
      await whenHeard;
      const progress = await retrying(() => checkpoint.read(importer.lanes), trouble, signal);
      if (progress !== undefined) {
        this.#progress = progress;
        importer.owesAll = true;
      }
      // Each reading ends by a failure, or by closing.
      await retrying(() => this.#read(signal), trouble, signal);
    } catch {
      // It was closed.
    }
  }

  async #read(signal: AbortSignal): Promise<never> {
    const { connection, jetStream, stream, names, importer } = this.#parts;
    await connection.whenConnected(signal);
    // What the reading before this one has left.
    importer.forgetGathered();
    const { created, state } = await jetStream.manager.streams.info(stream);
    if (created !== this.#progress.created) {
      // Of another stream of that name everything is new; what repeats is known by its number.
      if (this.#progress.created !== '') {
        this.#parts.trouble(new Error(`the stream ${stream} is a new one: it is read from its beginning`));
      }
      this.#progress = { created, sequence: 0 };
    }
    const { AckPolicy } = await import('@nats-io/jetstream');
    const start = await this.#startPoint(state.last_seq);
    const info = await jetStream.manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      ...start,
      filter_subject: names.filter,
      mem_storage: true,
      inactive_threshold: INACTIVE,
      num_replicas: 1,
    });
    // The consumer may live on the server whose connection is lost. After the client has reconnected, it asks for that consumer until an
    // answer comes, and checks no heartbeats meanwhile. So a reading ends with its connection.
    const forget = connection.onChange((isConnected) => {
      if (!isConnected) this.#end(new Error('the connection is lost'));
    });
    try {
      const consumer = jetStream.client.consumers.getConsumerFromInfo(info);
      const messages = await consumer.consume({
        max_messages: AHEAD,
        expires: EXPIRES,
        abort_on_missing_resource: true,
      });
      this.#messages = messages;
      if (signal.aborted || this.#doubt !== undefined) messages.stop();
      void this.#watch(messages);
      let due = 1;
      for await (const message of messages) {
        signal.throwIfAborted();
        if (due === 1) this.#parts.recovered();
        if (message.info.deliverySequence !== due++)
          throw new Error(`the consumer skipped message ${due - 1}`);
        if (this.#publishing !== undefined) await this.#publishing;
        if (this.#gather(message)) continue;
        await this.#publishGathered();
        // There may have been no room for more.
        if (!this.#gather(message)) await this.#take(message);
      }
      signal.throwIfAborted();
      throw this.#doubt ?? new Error(`the consumer of the stream ${stream} has ended`);
    } finally {
      forget();
      timers.clearImmediate(this.#due);
      this.#due = undefined;
      // What it notes belongs to this reading.
      await this.#publishing;
      this.#publishing = undefined;
      this.#messages?.stop();
      this.#messages = undefined;
      this.#doubt = undefined;
      // The server removes it by itself where this does not reach it.
      if (!connection.nats.isClosed() && connection.isConnected) {
        void jetStream.manager.consumers.delete(stream, info.name).catch(() => {});
      }
    }
  }

  /**
   * Where the reading begins in a stream that ends at that number: after the last message that was taken. A stream that does not have it lost
   * its end, or is a replica that is not up to date yet. New messages may have numbers there that were taken before, so it is read again from
   * the time of that message on.
   */
  async #startPoint(end: number): Promise<StartPoint> {
    const { DeliverPolicy } = await import('@nats-io/jetstream');
    const { sequence, time } = this.#progress;
    const isShorter = end < sequence;
    if (time !== undefined && (isShorter || !(await this.#has(sequence, time)))) {
      const from = new Date(time - CLOCKS_DIFFER).toISOString();
      this.#tellLostEnd(`from ${from} on`);
      return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from };
    }
    if (isShorter) this.#tellLostEnd(`from ${end + 1} on`);
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.min(sequence, end) + 1 };
  }

  #tellLostEnd(where: string): void {
    this.#parts.trouble(
      new Error(`the stream ${this.#parts.stream} lost its end: it is read again ${where}`),
    );
  }

  /** Whether the stream has a message of that time under that number, or had one that was deleted since. */
  async #has(sequence: number, time: number): Promise<boolean> {
    const { jetStream, stream } = this.#parts;
    const message = await jetStream.manager.streams.getMessage(stream, { seq: sequence });
    // Both times were rounded to milliseconds, one of them from a double.
    return message === null || Math.abs(message.time.getTime() - time) <= 1;
  }

  /** Why the reading was ended. */
  #doubt: Error | undefined;

  /** Ends the reading where messages may not come any more. */
  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      const isGone =
        type === 'heartbeats_missed' ||
        type === 'consumer_deleted' ||
        type === 'consumer_not_found' ||
        type === 'stream_not_found' ||
        type === 'no_responders';
      if (!isGone || this.#messages !== messages) continue;
      this.#end(new Error(`the consumer of the stream ${this.#parts.stream}: ${type.replaceAll('_', ' ')}`));
      return;
    }
  }

  #end(doubt: Error): void {
    this.#doubt ??= doubt;
    this.#messages?.stop();
  }

  /** Takes a message that is like the one before it, together with those that come with it. */
  #gather(message: JsMsg): boolean {
    const raw = rawOf((message as { readonly msg?: object }).msg ?? {});
    if (raw === undefined || !this.#parts.importer.gather(raw)) return false;
    this.#gathered = message;
    if (this.#due !== undefined) return true;
    // One that comes alone does not wait. The loop gets what comes with it before the event loop goes on; the client cannot say how much that is.
    this.#due = timers.setImmediate(() => {
      this.#due = undefined;
      this.#publishSoon();
    });
    this.#publishSoon();
    return true;
  }

  #publishSoon(): void {
    this.#publishing = this.#publishGathered().catch((error) => {
      this.#end(error);
    });
  }

  async #publishGathered(): Promise<void> {
    const { importer } = this.#parts;
    if (!importer.hasGathered) return;
    const last = this.#gathered as JsMsg;
    const waits = importer.publishGathered();
    if (waits !== undefined) await waits;
    this.#note(last);
  }

  async #take(message: JsMsg): Promise<void> {
    const { importer } = this.#parts;
    const header = message.headers?.get(HEADER) ?? '';
    const { subject, data: payload, seq: position } = message;
    const incoming: Incoming = { subject, header, payload, position };
    const waits = importer.take(incoming);
    if (waits !== undefined) await waits;
    importer.follow(incoming);
    this.#note(message);
  }

  /** Everything up to that message was taken. */
  #note({ seq, info }: JsMsg): void {
    const { importer, checkpoint } = this.#parts;
    // A message that has come in part has to come again.
    const sequence = Math.min(seq, (importer.heldPosition ?? Number.POSITIVE_INFINITY) - 1);
    const time = sequence === seq ? Math.floor(info.timestampNanos / 1e6) : undefined;
    this.#progress = { created: this.#progress.created, sequence, time };
    this.#lag = info.pending;
    checkpoint.note(() => this.#progress, importer.lanes);
  }
}
