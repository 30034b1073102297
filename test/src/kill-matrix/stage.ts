import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelOptions } from '@mmfbus/channel';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { type ActorProcess, dismiss, hire } from './cast.js';
import { Died } from './performer.js';

/** The other participants. */
export type Company = 'all' | 'subscribers' | 'none';

/** A subscriber of the play: whose process it is in, and its name there. */
interface Seat {
  readonly actor: ActorProcess;
  readonly name: string;
}

let plays = 0;

/** Where the plays of a file have their directories. To be called outside tests. */
export function folderForPlays(): string {
  // Where segments live by default, so that the same kind of file system is tested.
  return temporaryFolder('matrix', process.platform === 'linux' ? '/dev/shm' : undefined);
}

/**
 * One play: a channel in a directory of its own, with the processes that join it. Each sleeper has a process for
 * itself, so that no other bell wakes it: a reliable subscriber and a lossy one. Two more of them share a process
 * that is awake, and takes messages when it is told to. The publisher has one of its own as well.
 */
export class Stage {
  #victim: ActorProcess | undefined;
  readonly #directory: string;
  readonly #channel: ChannelOptions<string>;
  readonly #actors: ActorProcess[] = [];
  /** Everything that was published, in order. */
  readonly published: string[] = [];
  /** Names of those in the process that is awake that were given up. */
  #gone: readonly string[] = [];
  #ignored: string | undefined;
  /** Whether the process that is awake takes nothing. */
  isLate = false;
  /** A call that waits. */
  waiting: Promise<unknown> = Promise.resolve();
  /** Lets the stopped processes go on. */
  release: () => Promise<void> = async () => {};
  publisher: ActorProcess | undefined;
  reliable: ActorProcess | undefined;
  lossy: ActorProcess | undefined;
  awake: ActorProcess | undefined;

  constructor(folder: string, channel: Partial<ChannelOptions<string>> = {}) {
    this.#directory = join(folder, `${++plays}`);
    mkdirSync(this.#directory);
    this.#channel = { name: uniqueName('matrix'), capacity: 4096, ...channel };
  }

  /** Brings every process on stage; the publisher, if there is one, has published `first`, and the sleepers sleep. */
  async set(company: Company): Promise<void> {
    this.#victim = await this.enter('victim');
    if (company === 'none') return;
    this.reliable = await this.enter('reliable');
    this.lossy = await this.enter('lossy');
    this.awake = await this.enter('awake');
    await this.reliable.ask('openSubscriber', 'reliable', { delivery: 'reliable' }, true);
    await this.lossy.ask('openSubscriber', 'lossy', { delivery: 'lossy' }, true);
    await this.awake.ask('openSubscriber', 'reliable', { delivery: 'reliable' });
    await this.awake.ask('openSubscriber', 'lossy', { delivery: 'lossy' });
    if (company === 'all') {
      this.publisher = await this.enter('publisher');
      await this.publisher.ask('openPublisher');
      await this.publish(this.publisher, 'first');
    }
    await this.settle();
  }

  /** Whom it is about. */
  get victim(): ActorProcess {
    return this.#victim!;
  }

  /** Another process for this play. */
  async enter(role: string): Promise<ActorProcess> {
    const actor = await hire();
    this.#actors.push(actor);
    await actor.begin(role, this.#directory, this.#channel);
    return actor;
  }

  /** All subscribers but the victim. */
  get seats(): readonly Seat[] {
    const { reliable, lossy, awake } = this;
    if (reliable === undefined || lossy === undefined || awake === undefined) return [];
    const seats = [
      { actor: reliable, name: 'reliable' },
      { actor: lossy, name: 'lossy' },
      { actor: awake, name: 'reliable' },
      { actor: awake, name: 'lossy' },
    ];
    const isGone = ({ actor, name }: Seat) => actor === awake && this.#gone.includes(name);
    return seats.filter((seat) => seat.name !== this.#ignored && !isGone(seat));
  }

  /** Expects nothing of those of that name any more. */
  ignore(name: string): void {
    this.#ignored = name;
  }

  /** Those of the process that is awake are given up. */
  giveUp(names: readonly string[]): void {
    this.#gone = names;
  }

  /** All processes but the victim. */
  get survivors(): readonly ActorProcess[] {
    return this.#actors.filter((actor) => actor !== this.victim && actor.isAlive);
  }

  /** What is not answered yet, for people. */
  get pending(): string {
    return this.#actors
      .map(({ pending }) => pending)
      .filter((text) => text !== '')
      .join('; ');
  }

  /** Publishes without waiting for room, which must succeed; not while a living process has the lock. */
  async publish(actor: ActorProcess, value: string): Promise<void> {
    let outcome = await actor.ask('tryPublish', value);
    while (outcome === 'busy') outcome = await actor.ask('tryPublish', value);
    if (outcome !== 'published') throw new Error(`${actor.role} publishing ${value}: ${outcome}`);
    this.published.push(value);
  }

  /** Returns when all subscribers have heard everything that was published; all but those that are late by intention. */
  async heard(): Promise<void> {
    const last = this.published.at(-1);
    if (last === undefined) return;
    await this.hear(`message ${this.published.length} ${last}`);
  }

  /** Returns when they have that in their logs, so often. */
  async hear(entry: string, times = 1): Promise<void> {
    const seats = this.seats.filter(({ actor }) => !this.isLate || actor !== this.awake);
    await Promise.all(seats.map(({ actor, name }) => actor.ask('hears', name, entry, times)));
  }

  /** Returns when they have been told so that there is no publisher. */
  async hearClosed(reasons: readonly ('left' | 'died')[]): Promise<void> {
    for (const reason of new Set(reasons)) {
      await this.hear(`gone ${reason}`, reasons.filter((other) => other === reason).length);
    }
  }

  /** Returns when those that were given up know it. */
  async hearDisconnected(): Promise<void> {
    for (const name of this.#gone) await this.awake?.ask('hears', name, 'close disconnected');
  }

  /** Publishes that value until there is no room, while the process that is awake sleeps in. */
  async fill(actor: ActorProcess, value: string): Promise<void> {
    this.isLate = true;
    const count = await actor.ask('fill', value);
    for (let index = 0; index < count; index++) this.published.push(value);
    await this.heard();
  }

  /** Has the process that is awake take everything. */
  async catchUp(): Promise<void> {
    this.isLate = false;
    // The lossy one first: when the reliable one has taken something there is room for what laps it.
    await this.awake!.ask('poll', 'lossy');
    await this.awake!.ask('poll', 'reliable');
  }

  /** Returns when that was answered, or the victim has stopped or died. */
  async unlessStopped(asked: Promise<unknown>): Promise<void> {
    await unlessDied(Promise.race([asked, this.victim.announces('stops')]));
  }

  /** Returns when everything was heard and the sleepers sleep again. */
  async settle(): Promise<void> {
    await this.heard();
    await Promise.all([this.reliable?.ask('asleep'), this.lossy?.ask('asleep')]);
  }

  /** Has all survivors but that one stand still, until the victim is dead or stalls. */
  async hold(but: ActorProcess): Promise<void> {
    const file = join(this.#directory, 'go-on');
    const actors = this.survivors.filter((actor) => actor !== but);
    const held = await Promise.all(actors.map((actor) => actor.hold(file)));
    this.release = async () => {
      writeFileSync(file, '');
      await Promise.all(held.map(({ released }) => released));
    };
  }

  /** What the survivors have recovered, all together. */
  async recovered(): Promise<string[]> {
    const lists = await Promise.all(this.survivors.map((actor) => actor.ask('recovered')));
    return lists.flat().sort();
  }

  /** Every process leaves in good order; what is left in the directory. */
  async clear(): Promise<string[]> {
    for (const actor of this.survivors) {
      await actor.ask('leaveAll');
      dismiss(actor);
    }
    const left = readdirSync(this.#directory).filter((name) => name !== 'go-on');
    return left;
  }

  /** After a play that failed: no process can tell what state they are in. */
  async abandon(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.kill()));
  }
}

/** What comes of it, also where it ends with a death. */
export async function unlessDied(asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    if (!(error instanceof Died)) throw error;
  }
}
