import { timers } from '@mmfbus/core/internal';
import type { JetStreamManager } from '@nats-io/jetstream';
import { createInbox, type Msg, type Subscription } from '@nats-io/nats-core';
import { retrying } from '../foundation/retry.js';
import type { Connection } from '../wire/connection.js';
import { HEADER, readHeader } from '../wire/header.js';
import { fitsSurely, headersOf, sendableOf } from './core-sink.js';
import type { Outgoing, Sink, SinkHooks } from './sink.js';

/** Messages that are not acknowledged yet, at most. */
const WINDOW = 256;
/** How long the stream may take to acknowledge one, milliseconds. */
const ACK_TIMEOUT = 5000;
/** What JetStream says of a message that it will never take: "message size exceeds maximum allowed". */
const MESSAGE_TOO_LARGE = 10054;

/** A message that is not known to be stored. */
interface Entry {
  readonly message: Outgoing;
  /** When it was sent last, milliseconds. */
  sentAt: number;
  isStored: boolean;
  /** What the stream said when it did not take it. */
  refusal: Refused | undefined;
}

/** What JetStream answers. */
interface Acknowledgement {
  /** Its place in the stream. */
  readonly seq?: number;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description: string };
}

/** A publication that JetStream did not take. */
class Refused extends Error {
  readonly errCode: number;

  constructor(errCode: number, description: string) {
    super(description);
    this.errCode = errCode;
  }
}

/**
 * What is stored in a stream, in order. Many messages are under way at once. Where one is not acknowledged, it sends no more, waits until
 * all others are settled, and asks the leader what it has: a later message may be stored where an earlier one was refused.
 */
export class StreamSink implements Sink {
  readonly #connection: Connection;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #hooks: SinkHooks;
  readonly #splits: boolean;
  readonly #inbox: string;
  readonly #acks: Subscription;
  readonly #forget: () => void;
  readonly #closing = new AbortController();
  /** In order: the first one is not stored, as far as is known. */
  readonly #window: Entry[] = [];
  /** Those that were sent and are not settled, by the last token of the subject where the answer comes. */
  readonly #underWay = new Map<string, Entry>();
  readonly #flushes = new Set<() => void>();
  #token = 0;
  /** `unknown`: what the stream has is to be found out first. */
  #state: 'flowing' | 'unknown' | 'resuming' = 'unknown';
  /** Settles the first message after that. */
  #first: { readonly entry: Entry; resolve(): void; reject(error: Error): void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;

  /** @param splits whether messages that are too large for the server go in pieces. */
  constructor(
    connection: Connection,
    manager: JetStreamManager,
    stream: string,
    hooks: SinkHooks,
    splits: boolean,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = stream;
    this.#hooks = hooks;
    this.#splits = splits;
    this.#inbox = createInbox(connection.inboxPrefix);
    this.#acks = connection.nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#onAnswer(message);
      },
    });
    this.#forget = connection.onChange((isConnected) => {
      if (!isConnected) this.#abandon(new Error('the connection is lost'));
    });
  }

  get room(): number {
    const room = this.#state === 'resuming' ? 0 : WINDOW - this.#window.length;
    if (room <= 0) this.#isHeld = true;
    return room;
  }

  send(message: Outgoing): void {
    const limit = this.#connection.maxPayload;
    if (fitsSurely(message, limit)) {
      this.#add(message);
      return;
    }
    // Any message may be the first one after a doubt.
    const sendable = sendableOf(
      message,
      limit,
      this.#splits,
      (one) => this.#fieldsOf(one, Number.MAX_SAFE_INTEGER),
      this.#hooks.substitute,
    );
    if (sendable.refusal !== undefined) this.#hooks.refused(message, 'TOO_LARGE', sendable.refusal);
    for (const one of sendable.messages) this.#add(one);
  }

  #add(message: Outgoing): void {
    const entry = entryOf(message);
    this.#window.push(entry);
    if (this.#state === 'flowing') this.#publish(entry);
    else if (this.#state === 'unknown') void this.#resume();
  }

  async lastOf(subject: string, signal: AbortSignal): Promise<number | undefined> {
    const look = async () => {
      const { sequence, prev, end } = await this.#lastStored(subject);
      // A message of which the end is missing goes on after what is stored of it.
      return end === Number.POSITIVE_INFINITY ? sequence : prev;
    };
    const last = await retrying(
      async () => {
        await this.#connection.whenConnected(signal);
        return look();
      },
      (error) => this.#hooks.trouble(error),
      signal,
    );
    return last === 0 ? undefined : last;
  }

  async flush(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#window.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        this.#flushes.delete(settle);
        signal.removeEventListener('abort', settle);
        if (this.#window.length === 0) resolve();
        else reject(signal.aborted ? signal.reason : new Error('it was closed'));
      };
      this.#flushes.add(settle);
      signal.addEventListener('abort', settle);
    });
  }

  close(): void {
    this.#closing.abort(new Error('it was closed'));
    this.#forget();
    timers.clearTimeout(this.#timer);
    if (!this.#connection.nats.isClosed()) this.#acks.unsubscribe();
    this.#underWay.clear();
    this.#first?.reject(this.#closing.signal.reason);
    for (const settle of [...this.#flushes]) settle();
  }

  /** @param expected stream sequence of the last message under its subject, where it is to be compared. */
  #fieldsOf(message: Outgoing, expected?: number) {
    const last = expected === undefined ? '' : `\r\nNats-Expected-Last-Subject-Sequence: ${expected}`;
    return headersOf(
      message,
      `\r\nNats-Msg-Id: ${idOf(message)}\r\nNats-Expected-Stream: ${this.#stream}${last}`,
    );
  }

  /** @param expected stream sequence of the last message under its subject, where it is to be compared. */
  #publish(entry: Entry, expected?: number): void {
    const fields = this.#fieldsOf(entry.message, expected);
    const token = (this.#token++).toString(36);
    entry.sentAt = timers.now();
    this.#underWay.set(token, entry);
    const { subject, payload } = entry.message;
    try {
      this.#connection.nats.publish(subject, payload, { headers: fields, reply: `${this.#inbox}.${token}` });
    } catch (error) {
      // The connection was closed just now.
      this.#abandon(error as Error);
      return;
    }
    this.#timer ??= timers.setTimeout(() => this.#look(), ACK_TIMEOUT);
  }

  #onAnswer(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const entry = this.#underWay.get(token);
    if (entry === undefined) return;
    this.#underWay.delete(token);
    const error = errorOf(message, this.#stream);
    if (this.#first?.entry === entry) {
      if (error === undefined) this.#first.resolve();
      else this.#first.reject(error);
      return;
    }
    if (error === undefined) this.#onStored(entry);
    else {
      if (error instanceof Refused) entry.refusal = error;
      this.#doubt(error);
    }
    if (this.#state === 'unknown' && this.#underWay.size === 0) void this.#resume();
  }

  #onStored(entry: Entry): void {
    entry.isStored = true;
    while (this.#window[0]?.isStored === true) this.#hooks.sent((this.#window.shift() as Entry).message);
    if (this.#window.length === 0) for (const settle of [...this.#flushes]) settle();
    if (this.#isHeld && this.#state === 'flowing' && this.#window.length <= WINDOW / 2) {
      this.#isHeld = false;
      this.#hooks.room();
    }
  }

  /** Looks whether the oldest message has waited for too long. */
  #look(): void {
    this.#timer = undefined;
    const [oldest] = this.#underWay.values();
    if (oldest === undefined) return;
    const left = oldest.sentAt + ACK_TIMEOUT - timers.now();
    if (left > 0) {
      this.#timer = timers.setTimeout(() => this.#look(), left);
      return;
    }
    this.#abandon(new Error(`the stream ${this.#stream} acknowledged nothing for ${ACK_TIMEOUT} ms`));
  }

  /** Nothing more is sent before it is found out what the stream has. */
  #doubt(error: Error): void {
    this.#hooks.trouble(error);
    if (this.#state === 'flowing') this.#state = 'unknown';
  }

  /** Waits for no answer any more: whether what was sent is stored is not known. */
  #abandon(error: Error): void {
    this.#underWay.clear();
    if (this.#first !== undefined) {
      this.#first.reject(error);
    } else if (this.#window.length > 0) {
      this.#doubt(error);
      if (this.#state === 'unknown') void this.#resume();
    } else if (this.#state === 'flowing') {
      this.#state = 'unknown';
    }
  }

  /** Finds out what the stream has, and goes on after that. */
  async #resume(): Promise<void> {
    this.#state = 'resuming';
    const { signal } = this.#closing;
    try {
      const isTold = { last: '' };
      await retrying(
        () => this.#tryResume(signal),
        (error) => {
          if (error.message !== isTold.last) this.#hooks.trouble(error);
          isTold.last = error.message;
        },
        signal,
      );
    } catch {
      return;
    }
    this.#state = 'flowing';
    for (const entry of this.#window) if (!entry.isStored) this.#publish(entry);
    this.#isHeld = false;
    this.#hooks.room();
  }

  async #tryResume(signal: AbortSignal): Promise<void> {
    await this.#connection.whenConnected(signal);
    const subjects = new Map<string, Stored>();
    for (const { message } of this.#window) {
      const { subject } = message;
      if (!subjects.has(subject)) subjects.set(subject, await this.#lastStored(subject));
    }
    signal.throwIfAborted();
    for (const entry of this.#window) {
      if (entry.isStored || !hasStored(subjects.get(entry.message.subject), entry.message)) continue;
      entry.isStored = true;
      // What was refused before one that is stored cannot be stored any more: who imports sees it by the numbers.
      if (entry.refusal !== undefined) this.#tellRefused(entry.message, entry.refusal);
    }
    for (;;) {
      const entry = this.#window.find(({ isStored }) => !isStored);
      if (entry === undefined) break;
      const expected = subjects.get(entry.message.subject)?.streamSequence ?? 0;
      if ((await this.#sendFirst(entry, expected)) === 'stored') {
        entry.isStored = true;
        break;
      }
      const { message } = entry;
      if (message.isGap) throw new Error('the stream refuses what tells of a gap');
      this.#window[this.#window.indexOf(entry)] = entryOf(this.#hooks.substitute(message));
      this.#forgetPieces(message);
    }
    while (this.#window[0]?.isStored === true) this.#hooks.sent((this.#window.shift() as Entry).message);
    if (this.#window.length === 0) for (const settle of [...this.#flushes]) settle();
  }

  /** Takes back the other pieces of a message that is not stored any more. */
  #forgetPieces({ piece, incarnation, sequence }: Outgoing): void {
    if (piece === undefined) return;
    const left = this.#window.filter(
      ({ message }) =>
        message.piece === undefined || message.incarnation !== incarnation || message.sequence !== sequence,
    );
    this.#window.splice(0, this.#window.length, ...left);
  }

  /** Sends the first message after a doubt, alone: it is stored only where the stream has what the leader said. */
  async #sendFirst(entry: Entry, expected: number): Promise<'stored' | 'never'> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#first = { entry, resolve, reject };
        this.#publish(entry, expected);
      });
      return 'stored';
    } catch (error) {
      if (!(error instanceof Refused) || error.errCode !== MESSAGE_TOO_LARGE) throw error;
      this.#tellRefused(entry.message, error);
      return 'never';
    } finally {
      this.#first = undefined;
    }
  }

  #tellRefused(message: Outgoing, { errCode, message: why }: Refused): void {
    const reason = errCode === MESSAGE_TOO_LARGE ? 'TOO_LARGE' : 'STREAM';
    this.#hooks.refused(message, reason, `the stream ${this.#stream} refuses it: ${why}`);
  }

  /** What the leader has last under a subject; zeros for nothing. */
  async #lastStored(subject: string): Promise<Stored> {
    const stored = await this.#manager.streams.getMessage(this.#stream, { last_by_subj: subject });
    if (stored === null) return NOTHING_STORED;
    const header = readHeader(stored.header?.get(HEADER) ?? '');
    if (header === undefined) {
      throw new Error(`message ${stored.seq} of the stream ${this.#stream}, ${subject}, is of no bridge`);
    }
    const { sequence, prev, encoding, part } = header;
    const end = part === undefined ? 0 : part.offset + stored.data.length;
    const isWhole = part === undefined || end === part.total;
    return {
      streamSequence: stored.seq,
      sequence,
      prev,
      end: isWhole ? Number.POSITIVE_INFINITY : end,
      total: part?.total ?? 0,
      encoding,
    };
  }
}

/** What a stream has last under a subject. */
interface Stored {
  readonly streamSequence: number;
  readonly sequence: number;
  /** Number of the message before that. */
  readonly prev: number;
  /** How many of its bytes are stored; `Infinity` for all. */
  readonly end: number;
  /** How many it has, where it is in pieces, and how it is encoded. */
  readonly total: number;
  readonly encoding: string;
}

const NOTHING_STORED: Stored = {
  streamSequence: 0,
  sequence: 0,
  prev: 0,
  end: Number.POSITIVE_INFINITY,
  total: 0,
  encoding: '',
};

/** Whether a stream has a message, or a piece: the bytes of a message are the same, whichever bridge has read them. */
function hasStored(
  { sequence, end, total, encoding }: Stored = NOTHING_STORED,
  { sequence: wanted, piece, payload, header }: Outgoing,
): boolean {
  if (wanted !== sequence || end === Number.POSITIVE_INFINITY) return wanted <= sequence;
  const isSame = piece?.total === total && readHeader(header)?.encoding === encoding;
  return isSame && piece.offset + payload.length <= end;
}

/**
 * By which the stream knows it again, for a while. It compares the ids of all its subjects, and the same message may go to several, as in
 * a ring.
 */
function idOf({ subject, sequence, piece, payload }: Outgoing): string {
  const id = `${subject}-${sequence}`;
  return piece === undefined ? id : `${id}-${piece.offset}-${payload.length}-${piece.total}`;
}

function entryOf(message: Outgoing): Entry {
  return { message, sentAt: 0, isStored: false, refusal: undefined };
}

function errorOf(message: Msg, stream: string): Refused | Error | undefined {
  if (message.data.length === 0) {
    return new Error(
      `no stream answers: ${message.headers?.code ?? 0} ${message.headers?.description ?? ''}`.trim(),
    );
  }
  const { error, seq } = message.json<Acknowledgement>();
  if (error !== undefined) return new Refused(error.err_code ?? error.code, error.description);
  // The other one comes to nothing where its leader dies. Some servers acknowledge then what is in no stream, and others refuse.
  return seq === 0
    ? new Error(`the stream ${stream} has a message of the same id under way: it is not stored yet`)
    : undefined;
}
