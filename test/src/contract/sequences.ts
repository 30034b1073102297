import { ChannelError, type Gap, type Message, type Publisher, type Subscriber } from '@mmfbus/channel';
import { type Codec, CodecError, json } from '@mmfbus/codec';
import { describeError, THROWN } from './contract.js';
import type { Kit } from './kit.js';

/** How messages are taken. */
export const ways = ['events', 'poll', 'iterator'] as const;
export type Way = (typeof ways)[number];

/** A lossy subscriber begins when the first messages are gone, a reliable one when all are there. */
export const deliveries = ['reliable', 'lossy'] as const;
export type Delivery = (typeof deliveries)[number];

/** What happens while one message is handled, one after the other; `flood` overwrites all that come after it. */
export const actions = [
  'await',
  'publish',
  'flood',
  'iterate',
  'remove',
  'drain',
  'close',
  'throw',
  'break',
] as const;
export type Action = (typeof actions)[number];

/** Messages that no ring of 4096 bytes has room for. */
const FLOOD = 150;
/** How many come before the following ones. */
const BEFORE: Readonly<Record<Delivery, number>> = { reliable: 0, lossy: FLOOD };
/** The last messages that are there from the start; one of them cannot be decoded. */
const LAST = 6;
const BAD = 4;
/** The one in whose handling the actions happen. */
const ACTIVE = 2;
/** So many turns of the event loop are more than delivering everything takes. */
const MANY_TURNS = 2_000;
const LONGEST = 3;
/** Numbers that a failure shows. */
const MOST_SHOWN = 20;

/** What ends the handling comes last, and not every way has everything. */
function isPossible(way: Way, delivery: Delivery, sequence: readonly Action[]): boolean {
  if (sequence.includes('flood') && delivery !== 'lossy') return false;
  if (sequence.includes('remove') && way !== 'events') return false;
  if (sequence.includes('break') && way !== 'iterator') return false;
  // After a pause the handler has returned, so that what it throws is only its own.
  const paused = sequence.indexOf('await');
  // Between two polls anything may take messages.
  if (way === 'poll' && paused >= 0 && sequence.indexOf('iterate') > paused) return false;
  const thrown = sequence.indexOf('throw');
  if (thrown >= 0 && way !== 'iterator' && sequence.slice(0, thrown).includes('await')) return false;
  return sequence.slice(0, -1).every((action) => action !== 'throw' && action !== 'break');
}

/** All sequences that begin with that action. */
export function sequencesOf(way: Way, delivery: Delivery, first: Action): Action[][] {
  const all: Action[][] = [[first]];
  for (const sequence of all) {
    if (sequence.length === LONGEST) continue;
    for (const action of actions) if (!sequence.includes(action)) all.push([...sequence, action]);
  }
  return all.filter((sequence) => isPossible(way, delivery, sequence));
}

const plain = json();
const codec: Codec<unknown> = {
  id: 'contract',
  encode: (value, target, offset) => plain.encode(value, target, offset),
  decode(source, start, end) {
    const value = plain.decode(source, start, end);
    if (Number(value) < 0) throw new CodecError('UNDECODABLE', 'it is bad');
    return value;
  },
};

/** What is to be played. */
export interface Play {
  readonly way: Way;
  readonly delivery: Delivery;
  readonly sequence: readonly Action[];
  readonly listensToErrors: boolean;
}

interface Ends {
  readonly publisher: Publisher<unknown>;
  readonly subscriber: Subscriber<unknown>;
}

/** One subscriber that handles messages, and what it has seen. */
class Handling {
  /** Numbers of messages, lost ones included, and those of errors as negative ones, in the order in which they came. */
  readonly seen: number[] = [];
  readonly #lost = new Set<number>();
  readonly wrong: string[] = [];
  readonly #kit: Kit;
  readonly #way: Way;
  readonly #before: number;
  readonly #listensToErrors: boolean;
  readonly #publisher: Publisher<unknown>;
  readonly #subscriber: Subscriber<unknown>;
  readonly #unsettled: Promise<unknown>[] = [];
  #published = 0;
  /** Number of the last message before the call of drain. */
  #drained: number | undefined;
  #isClosed = false;
  /** Iterations that try to take a message. */
  #iterations = 0;
  #isTaking = true;
  /** Whether anything happened that a loop ends by. */
  #mayEnd = false;
  #thrown = 0;
  #expectedThrows = 0;
  #listener: (message: Message<unknown>) => void = () => {};

  constructor(kit: Kit, { way, delivery, listensToErrors }: Play, ends: Ends) {
    this.#kit = kit;
    this.#way = way;
    this.#before = BEFORE[delivery];
    this.#listensToErrors = listensToErrors;
    this.#publisher = ends.publisher;
    this.#subscriber = ends.subscriber;
  }

  async play(sequence: readonly Action[]): Promise<void> {
    const subscriber = this.#subscriber;
    if (this.#listensToErrors) subscriber.on('error', (error) => this.note(error, 'listener'));
    subscriber.on('gap', (gap) => this.#miss(gap));
    this.#publish(this.#before + LAST);
    if (this.#way === 'events') await this.#listen(sequence);
    else if (this.#way === 'poll') await this.#poll(sequence);
    else await this.#iterate(sequence);
    await this.#kit.until('everything to be delivered', this.#settle());
    await this.#kit.until('drain and close to settle', Promise.all(this.#unsettled));
    if (!this.#isClosed && this.#drained === undefined) await this.#takeRest();
    this.#mayEnd = true;
    await this.#kit.until('close to settle', subscriber.close());
    this.#judge();
  }

  async #listen(sequence: readonly Action[]): Promise<void> {
    this.#listener = ({ value }) => {
      this.#take(value);
      if (this.#isActive(value)) this.#act(sequence, 0);
    };
    this.#subscriber.on('message', this.#listener);
  }

  async #poll(sequence: readonly Action[]): Promise<void> {
    this.#isTaking = false;
    await this.#pollAll((value) => {
      if (this.#isActive(value)) this.#act(sequence, 0);
    });
  }

  async #iterate(sequence: readonly Action[]): Promise<void> {
    const loop = async (): Promise<void> => {
      for await (const { value } of this.#subscriber) {
        this.#take(value);
        if (!this.#isActive(value)) continue;
        for (const action of sequence) {
          if (action === 'break') {
            this.#mayEnd = true;
            return;
          }
          await this.#do(action);
        }
      }
    };
    const ended = loop()
      .then(() => {
        if (!this.#mayEnd) this.wrong.push('the loop ended');
      })
      .catch((error) => this.note(error, 'taker'))
      .finally(() => {
        this.#isTaking = false;
      });
    this.#kit.later(() => ended);
  }

  /** At once, up to a pause. */
  #act(sequence: readonly Action[], from: number): void {
    for (let index = from; index < sequence.length; index++) {
      const done = this.#do(sequence[index]!);
      if (sequence[index] !== 'await') continue;
      this.#unsettled.push(done!.then(() => this.#act(sequence, index + 1)));
      return;
    }
  }

  #do(action: Action): Promise<void> | undefined {
    switch (action) {
      case 'await':
        return this.#kit.turns(1);
      case 'publish':
        this.#publish(1);
        return undefined;
      case 'flood':
        this.#publish(FLOOD);
        return undefined;
      case 'iterate':
        this.#unsettled.push(this.#takeOne());
        return undefined;
      case 'remove':
        this.#isTaking = false;
        this.#subscriber.off('message', this.#listener);
        return undefined;
      case 'drain':
        this.#mayEnd = true;
        if (!this.#isClosed) this.#drained ??= this.#published;
        this.#unsettled.push(this.#subscriber.drain().catch((error: unknown) => this.#closing(error)));
        return undefined;
      case 'close':
        this.#isClosed = this.#mayEnd = true;
        this.#unsettled.push(this.#subscriber.close());
        return undefined;
      default:
        this.#expectedThrows++;
        throw THROWN;
    }
  }

  /** Another way of taking messages is refused while there is one. */
  async #takeOne(): Promise<void> {
    const isTaken = this.#isTaking || this.#way === 'poll';
    const iterator = this.#subscriber[Symbol.asyncIterator]();
    this.#iterations++;
    try {
      const next = iterator.next();
      next.catch(() => {});
      await this.#kit.turns();
      await iterator.return();
      const step = await next;
      if (step.done === true) return;
      if (isTaken && this.#subscriber.isOpen) this.wrong.push('a second iteration was not refused');
      this.#take(step.value.value);
    } catch (error) {
      if (!isTaken || describeError(error) !== 'IN_USE') this.note(error, 'taker');
    } finally {
      this.#iterations--;
    }
  }

  #isActive(value: unknown): boolean {
    return value === this.#before + ACTIVE;
  }

  /** Publishes the next numbers, and one of them so that it cannot be decoded. */
  #publish(count: number): void {
    for (let left = count; left > 0; left--) {
      const number = ++this.#published;
      const value = number === this.#before + BAD ? -number : number;
      if (this.#publisher.tryPublish(value) !== 'published') this.wrong.push('not published');
    }
  }

  #closing(error: unknown): void {
    if (!this.#isClosed || describeError(error) !== 'CLOSED') this.note(error, 'drain');
  }

  #take(value: unknown): void {
    if (this.#isClosed) this.wrong.push(`message ${value} came after close`);
    this.seen.push(Number(value));
  }

  /** What was overwritten counts as seen where its number is told. */
  #miss({ from, to, count }: Gap): void {
    if (this.#isClosed) this.wrong.push(`the gap from ${from} came after close`);
    if (count !== to - from + 1) this.wrong.push(`a gap from ${from} to ${to} of ${count}`);
    for (let number = from; number <= to; number++) {
      this.seen.push(number);
      this.#lost.add(number);
    }
  }

  /** Takes notice of an error, and of who was told of it. */
  note(error: unknown, told: 'listener' | 'taker' | 'drain' | 'none'): void {
    if (error === THROWN) {
      this.#thrown++;
      return;
    }
    const number = error instanceof ChannelError && /message (\d+)/.exec(error.message)?.[1];
    if (!number) this.wrong.push(`it threw ${describeError(error)}`);
    else if (this.#isClosed) this.wrong.push(`the error of message ${number} came after close`);
    else this.seen.push(-Number(number));
    // No code called where the subscriber calls listeners.
    const due = this.#listensToErrors
      ? 'listener'
      : this.#way === 'events' && this.#isTaking
        ? 'none'
        : 'taker';
    if (told !== due) this.wrong.push(`told ${told} of ${describeError(error)}, not ${due}`);
  }

  /** Lets the event loop turn until everything has come, or it is not taken. */
  async #settle(): Promise<void> {
    for (let turns = 0; turns < MANY_TURNS; turns++) {
      const isComplete = Math.abs(this.seen.at(-1) ?? 0) === this.#published;
      if (isComplete || !this.#isTaking || !this.#subscriber.isOpen) break;
      await this.#kit.turns(1);
    }
    await this.#kit.turns();
  }

  async #pollAll(handler: (value: unknown) => void): Promise<void> {
    for (let count = 1; count > 0 && this.#subscriber.isOpen; ) {
      try {
        count = this.#subscriber.poll(({ value }) => {
          this.#take(value);
          handler(value);
        });
      } catch (error) {
        // Another iteration has not ended yet.
        if (this.#iterations === 0 || describeError(error) !== 'IN_USE') this.note(error, 'taker');
      }
      await this.#kit.turns(1);
    }
  }

  /** What was not taken is there still. */
  async #takeRest(): Promise<void> {
    if (this.#isTaking) return;
    await this.#pollAll(() => {});
  }

  #judge(): void {
    const numbers = this.seen.map(Math.abs);
    if (numbers.some((number, index) => number !== index + 1)) this.wrong.push('lost, twice or out of order');
    const bad = this.#before + BAD;
    if (numbers.length >= bad && !this.#lost.has(bad) && this.seen[bad - 1] !== -bad) {
      this.wrong.push('no error of its number');
    }
    // The first message is gone where others came before; none is where nothing was overwritten.
    if (this.#lost.has(1) !== this.#before > 0) this.wrong.push('no gap, or one too many');
    const isFlooded = this.#published >= this.#before + LAST + FLOOD;
    if (isFlooded && numbers.length === this.#published && Math.max(...this.#lost) <= this.#before) {
      this.wrong.push('no gap after the flood');
    }
    const isTakenToTheEnd = this.#way !== 'poll' && this.#isTaking;
    const owed = this.#isClosed
      ? 0
      : this.#drained === undefined
        ? this.#published
        : isTakenToTheEnd
          ? this.#drained
          : 0;
    if (numbers.length < owed) this.wrong.push(`${owed} were to come`);
    if (this.#thrown !== this.#expectedThrows) this.wrong.push(`thrown ${this.#thrown} times`);
  }
}

/** Plays the sequence; what was wrong, or undefined. */
export async function playSequence(kit: Kit, play: Play): Promise<string | undefined> {
  const { delivery, sequence, listensToErrors } = play;
  const channel = kit.define<unknown>({ codec });
  const subscriber = await channel.subscriber({ delivery });
  const publisher = await channel.publisher();
  const handling = new Handling(kit, play, { publisher, subscriber });
  kit.onUncaught = (error) => handling.note(error, 'none');
  const name = `${sequence.join(', ')}${listensToErrors ? '' : ' (without a listener of errors)'}`;
  await kit.until(name, handling.play(sequence));
  await publisher.close();
  kit.onUncaught = undefined;
  if (handling.wrong.length === 0) return undefined;
  return `${name}: ${[...new Set(handling.wrong)].join('; ')}; seen ${handling.seen.slice(-MOST_SHOWN).join(' ')}`;
}
