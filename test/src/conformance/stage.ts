import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openSegment, type Segment } from '@mmfbus/core/internal';
import { rawMemory } from '../support/raw-memory.js';
import { Agent } from './agent.js';
import type { Language } from './agents.js';
import { contentOf, digestOf } from './content.js';

/** Where the numbers stand in a segment of the sleepers that want frames, and that want to know of joins and leaves. */
const SLEEPERS = 388;
const MEMBER_WAITERS = 408;
/** And the number of the sleep of the owner of the first slot. */
const FIRST_ASLEEP: number = 512 + 76;

let stages = 0;

/** Where a scenario takes place: two languages, a channel, and a directory of its own. */
export class Stage {
  /** Name of the channel. */
  readonly channel: string = `conformance-${process.pid}-${++stages}`;
  readonly #publishing: Language;
  readonly #subscribing: Language;
  readonly #directory: string;
  readonly #agents: Agent[] = [];
  #held: Segment | undefined;

  constructor(publishing: Language, subscribing: Language) {
    this.#publishing = publishing;
    this.#subscribing = subscribing;
    const parent = process.platform === 'linux' ? '/dev/shm' : tmpdir();
    this.#directory = mkdtempSync(join(parent, `mmfbus-test-${process.pid}-conformance-`));
  }

  /** An agent in the language that publishes, which has joined as a publisher. */
  publisher(options = 'capacity=4096'): Promise<Agent> {
    return this.#join(this.#publishing, 'publisher', options);
  }

  /** An agent in the language that subscribes, which has joined as a subscriber. */
  subscriber(options = 'capacity=4096'): Promise<Agent> {
    return this.#join(this.#subscribing, 'subscriber', options);
  }

  /** An agent in the language that subscribes, which has joined as a publisher. */
  otherPublisher(options = 'capacity=4096'): Promise<Agent> {
    return this.#join(this.#subscribing, 'publisher', options);
  }

  /** An agent in the language that publishes, which has joined as a subscriber. */
  otherSubscriber(options = 'capacity=4096'): Promise<Agent> {
    return this.#join(this.#publishing, 'subscriber', options);
  }

  /** An agent in the language that publishes, which has joined nothing. */
  idlePublisher(): Agent {
    return this.#start(this.#publishing);
  }

  /** An agent in the language that subscribes, which has joined nothing. */
  idleSubscriber(): Agent {
    return this.#start(this.#subscribing);
  }

  /** Makes these bytes the memory of the channel, which is there until the end; returns it as it is. */
  hold(bytes: Uint8Array): Uint8Array {
    const before = process.env['MMFBUS_DIRECTORY'];
    process.env['MMFBUS_DIRECTORY'] = this.#directory;
    try {
      this.#held = openSegment({
        name: this.channel,
        disposition: 'create',
        size: bytes.length,
        initialise: (memory) => memory.set(bytes),
      });
    } finally {
      if (before === undefined) delete process.env['MMFBUS_DIRECTORY'];
      else process.env['MMFBUS_DIRECTORY'] = before;
    }
    return new Uint8Array(rawMemory(this.#held.memory), 0, this.#held.size);
  }

  #letGo(): void {
    this.#held?.close();
    this.#held = undefined;
  }

  /** Ends the life lines of all ports for processes that begin to watch over them from here on. The bells stay. */
  endLifeLines(): void {
    for (const file of readdirSync(this.#directory).filter((name) => name.endsWith('.life'))) {
      const path = join(this.#directory, file);
      rmSync(path);
      strictEqual(spawnSync('mkfifo', [path]).status, 0);
    }
  }

  /** Resolves when so many subscribers of the channel say that they sleep. */
  sleepers(count: number): Promise<void> {
    return this.#word(SLEEPERS, count);
  }

  /** Resolves when so many participants of the channel sleep until a participant joins or leaves. */
  memberWaiters(count: number): Promise<void> {
    return this.#word(MEMBER_WAITERS, count);
  }

  /** Resolves when the first participant sleeps, in another sleep than that one; the number of the sleep. */
  async firstAsleep(before = 0): Promise<number> {
    for (;;) {
      const sleep = this.#read(FIRST_ASLEEP);
      if (sleep !== 0 && sleep !== before) return sleep;
      await nextTurn();
    }
  }

  async #word(offset: number, value: number): Promise<void> {
    while (this.#read(offset) !== value) await nextTurn();
  }

  /** Looks into the memory; on POSIX without counting as a process that has it open. */
  #read(offset: number): number {
    if (process.platform === 'win32') {
      const segment = openSegment({ name: this.channel, disposition: 'open', size: 0 });
      const word = new DataView(rawMemory(segment.memory)).getUint32(offset, true);
      segment.close();
      return word;
    }
    const file = openSync(join(this.#directory, `mmfbus.${process.geteuid?.()}.${this.channel}`), 'r');
    const word = new Uint32Array(1);
    readSync(file, word, 0, word.byteLength, offset);
    closeSync(file);
    return word[0] as number;
  }

  /**
   * Ends all agents, and looks for what they have left. What the killed ones have left may be there until another process comes
   * by: so another one does, in each language.
   */
  async end(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.exit()));
    this.#letGo();
    for (const language of new Set([this.#publishing, this.#subscribing])) {
      const janitor = this.#start(language);
      await janitor.ask(`publisher ${this.channel} capacity=4096`);
      await janitor.exit();
    }
    deepStrictEqual(readdirSync(this.#directory), [], 'files left behind');
  }

  /** Ends what is left of a scenario that has failed. */
  async clear(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()));
    this.#letGo();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #start(language: Language): Agent {
    const agent = new Agent(language, this.#directory);
    this.#agents.push(agent);
    return agent;
  }

  async #join(language: Language, role: string, options: string): Promise<Agent> {
    const agent = this.#start(language);
    await agent.ask(`${role} ${this.channel} ${options}`);
    return agent;
  }
}

/** Messages as they are expected: a run of seeds, all of one length. */
export interface Run {
  /** Number in the channel of the first one. */
  readonly sequence: number;
  /** Seed of the first one. */
  readonly seed: number;
  readonly length: number;
  readonly count: number;
}

/** The events that those messages are. */
export function eventsOf(...runs: readonly Run[]): string[] {
  return runs.flatMap(({ sequence, seed, length, count }) =>
    Array.from({ length: count }, (_, index) => {
      const digest = digestOf(contentOf(seed + index, length));
      return `message ${sequence + index} ${length} ${digest}`;
    }),
  );
}

/** Requires exactly these events. */
export function expectEvents(events: readonly string[], expected: readonly string[]): void {
  deepStrictEqual(events, expected);
}
