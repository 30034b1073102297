import { type PortLease, timers, yieldThread } from '@mmfbus/core/internal';
import type { Participant } from '../membership/participant.js';
import { LookWindow } from './look-window.js';
import { FLOOD } from './receiver.js';

/** Milliseconds of the window in which it gives way to no other work, not even to its own event loop for some looks. */
const WINDOW_TO_ITSELF = 0.01;
/**
 * Giving way took this many times as long as it does where no other program wants the core, within these limits in milliseconds:
 * another program had the core meanwhile.
 */
const GAVE_WAY_PART = 2.5;
const [LEAST_GIVEN, MOST_GIVEN] = [0.002, 0.005];
/** So many looks take about as long as a turn of the event loop. */
const LOOKS_A_TURN = 200;
/** Turns with few messages that follow one another at most before the event loop has its own. */
const TURNS_AT_ONCE = 16;
/** So many messages are few: the sender may wait for an answer. */
const FEW = 4;
/**
 * Milliseconds that messages of a flood may gather: as long as no subscriber reads next to where they are written, publishing
 * them takes less.
 */
const GATHERING = 0.05;
/** Messages that are taken at once. */
export const MESSAGES_AT_A_TIME = 256;
/** Milliseconds that messages are delivered for in one turn of the event loop, which itself takes some microseconds. */
const TURN = 0.1;
const LONGEST_PAUSE_MS = 32;
/** Taken when this module is loaded, as `timers` are. */
const { queueMicrotask } = globalThis;

/** What giving way took at least, milliseconds: by machine a fifth of a microsecond to two. */
let shortestYield = MOST_GIVEN;

/** What a pump drives. */
export interface Pumped {
  /** Whether it waits for the bell. */
  readonly isAsleep: boolean;
  /** Ends the sleep, if it sleeps. */
  wakeUp(): void;
  /** `asleep` when the bell will ring for the next message, `locked` when a publisher is at work, `news` otherwise. */
  fallAsleep(): 'asleep' | 'locked' | 'news';
  /** Frees the publisher lock when its holder is proved dead. */
  recover(): void;
  /** Whether something is there to take at one of so many looks. */
  lookFor(times: number): boolean;
  /** Whether the last turn found so little of the ring in use that more may gather. */
  readonly hasRoom: boolean;
}

/** Decides when a subscriber looks for messages: at once, in a turn of the event loop, or when the bell wakes it. */
export class Pump {
  readonly #port: PortLease;
  readonly #receiver: Pumped;
  readonly #take: () => number | undefined;
  readonly #window: LookWindow;
  /** Whether the last message came while another program had this core: its publisher needs the core, so it is given way to at once. */
  #sharesCore = false;
  #idleSince = 0;
  #turnsAtOnce = 0;
  /** When the event loop is to have its own turn, however many messages are there. */
  #turnEnds = 0;
  #gathersUntil = 0;
  #pause = 0;
  #keepsAlive = true;
  #scheduled: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #open = true;

  /**
   * @param longestWindow milliseconds for which it looks again and again before it sleeps.
   * @param take takes messages and returns how many; undefined when no more are wanted now.
   */
  constructor(
    participant: Participant,
    receiver: Pumped,
    longestWindow: number,
    take: () => number | undefined,
  ) {
    this.#port = participant.port;
    this.#receiver = receiver;
    this.#window = new LookWindow(longestWindow);
    this.#take = take;
    this.#port.ref();
    participant.rung.add(() => this.#onRing());
  }

  /** Looks in the next turn of the event loop. */
  schedule(): void {
    if (!this.#open || this.#scheduled !== undefined) return;
    this.#scheduled = timers.setImmediate(() => {
      this.#scheduled = undefined;
      this.#turnEnds = timers.now() + TURN;
      this.#turn();
    });
    if (!this.#keepsAlive) this.#scheduled.unref();
  }

  /** The bell was rung, for this subscriber or another one of this thread. */
  #onRing(): void {
    if (this.#open && this.#receiver.isAsleep) this.#turn();
  }

  unref(): void {
    this.#keepsAlive = false;
    if (this.#open) this.#port.unref();
    this.#scheduled?.unref();
    this.#timer?.unref();
  }

  ref(): void {
    this.#keepsAlive = true;
    if (this.#open) this.#port.ref();
    this.#scheduled?.ref();
    this.#timer?.ref();
  }

  /** Looks no more. */
  stop(): void {
    this.#open = false;
    timers.clearImmediate(this.#scheduled);
    timers.clearTimeout(this.#timer);
  }

  /** One turn: take some, and see what to do next. */
  #turn(): void {
    if (!this.#open) return;
    if (this.#gathersUntil !== 0) {
      if (timers.now() < this.#gathersUntil) {
        this.schedule();
        return;
      }
      this.#gathersUntil = 0;
    }
    if (this.#receiver.isAsleep) {
      this.#receiver.wakeUp();
      this.#window.wakeUp(timers.now());
    }
    let taken: number | undefined = 1;
    try {
      taken = this.#take();
    } finally {
      if (this.#open && taken !== undefined) this.#goOn(taken);
    }
  }

  #goOn(taken: number): void {
    if (taken === 0) {
      this.#rest();
      return;
    }
    this.#idleSince = 0;
    this.#pause = 0;
    // Behind what the program does at once with what it got: the next message may be the answer to its own.
    if (taken <= FEW ? this.#turnsAtOnce++ < TURNS_AT_ONCE : this.#goesOnAtOnce(taken)) {
      queueMicrotask(() => this.#turn());
      return;
    }
    this.#turnsAtOnce = 0;
    const took = taken >= FLOOD && taken < MESSAGES_AT_A_TIME;
    if (took && this.#receiver.hasRoom) this.#gathersUntil = timers.now() + GATHERING;
    this.schedule();
  }

  /** Whether so many messages were taken that there are more, and the event loop can wait. */
  #goesOnAtOnce(taken: number): boolean {
    return taken >= MESSAGES_AT_A_TIME && timers.now() < this.#turnEnds;
  }

  /** Nothing is there: look again for a while, then sleep until the bell rings. */
  #rest(): void {
    const now = timers.now();
    if (this.#idleSince === 0) this.#idleSince = now;
    const idle = now - this.#idleSince;
    if (idle < this.#window.length) {
      if (this.#hasNews(now, idle)) this.#turn();
      else this.schedule();
      return;
    }
    const rest = this.#receiver.fallAsleep();
    if (rest === 'asleep') {
      this.#window.fallAsleep(now);
      this.#idleSince = 0;
      this.#pause = 0;
    } else if (rest === 'locked') {
      this.#lookAgainLater();
    } else {
      this.#window.open();
      this.schedule();
    }
  }

  /** Whether a message is there, or comes while it looks for some microseconds or gives way. */
  #hasNews(now: number, idle: number): boolean {
    if (!this.#sharesCore && idle <= WINDOW_TO_ITSELF) return this.#receiver.lookFor(LOOKS_A_TURN);
    const gaveWay = giveWay(now);
    const hasNews = this.#receiver.lookFor(1);
    // Where a message comes by itself as fast, it is better looked for.
    this.#sharesCore = hasNews ? gaveWay : this.#sharesCore && idle <= WINDOW_TO_ITSELF;
    return hasNews;
  }

  /** A publisher holds the lock: it is about to publish, was stopped, or died. */
  #lookAgainLater(): void {
    if (this.#pause === 0) {
      this.#pause = 1;
      // It may wait for this very core.
      yieldThread();
      this.schedule();
      return;
    }
    this.#receiver.recover();
    this.#timer = timers.setTimeout(() => this.#turn(), this.#pause);
    if (!this.#keepsAlive) this.#timer.unref();
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }
}

/** Gives way to other programs, at that time; whether one had this core meanwhile. */
function giveWay(now: number): boolean {
  yieldThread();
  const took = timers.now() - now;
  if (took < shortestYield) shortestYield = took;
  return took > Math.max(LEAST_GIVEN, Math.min(GAVE_WAY_PART * shortestYield, MOST_GIVEN));
}
