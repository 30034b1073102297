import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ServeOptions } from '@mmfbus/service';
import { uniqueName } from '../../support/unique-name.js';
import type { Point } from '../orders.js';
import { Performer } from '../performer.js';
import { unlessDied } from '../stage.js';
import { type Entry, readJournal } from './journal.js';
import type { CallOrders, CallSettings, MethodName } from './orders.js';

/** So many descriptors a process may have, so that they can be used up. */
const DESCRIPTORS = 512;
/** Milliseconds that calls wait for a server: longer than any play. */
export const FOR_EVER = 600_000;

/** A process of the matrix for calls, seen from the test. */
export class Party extends Performer<CallOrders> {
  constructor() {
    const within = ['sh', '-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, 'sh'];
    super('kill-matrix/calls/actor', process.platform === 'win32' ? {} : { within });
  }
}

const spare: Party[] = [];
let plays = 0;

/**
 * One play: a service in a directory of its own, and processes that serve and call it. `victim` is the one that is killed. The
 * others are named after what they do.
 */
export class Stage {
  readonly #directory: string;
  readonly #journal: string;
  readonly #service: string = uniqueName('matrix-calls');
  readonly #parties: Party[] = [];
  victim!: Party;

  constructor(folder: string) {
    const play = join(folder, `${++plays}`);
    this.#directory = join(play, 'memory');
    this.#journal = join(play, 'journal');
    for (const folder of [this.#directory, this.#journal]) mkdirSync(folder, { recursive: true });
  }

  /** Another process for this play. */
  async enter(role: string): Promise<Party> {
    let party = spare.pop();
    while (party !== undefined && !party.isAlive) party = spare.pop();
    if (party === undefined) {
      party = new Party();
      this.#parties.push(party);
      await party.announces('ready');
    } else this.#parties.push(party);
    party.role = role;
    party.seen = undefined;
    await party.ask('begin', this.#directory, this.#service, this.#journal);
    return party;
  }

  /** A process with a server. */
  async enterServer(role: string, options: ServeOptions = {}): Promise<Party> {
    const party = await this.enter(role);
    await party.ask('serve', role, options);
    return party;
  }

  /** A process with a client, whose calls wait for servers. */
  async enterClient(role: string): Promise<Party> {
    const party = await this.enter(role);
    await party.ask('openClient', role, FOR_EVER);
    return party;
  }

  /** The one that is killed; it does nothing yet. */
  async enterVictim(): Promise<void> {
    this.victim = await this.enter('victim');
  }

  async enterVictimServer(options: ServeOptions = {}): Promise<void> {
    this.victim = await this.enterServer('victim', options);
  }

  async enterVictimClient(): Promise<void> {
    this.victim = await this.enterClient('victim');
  }

  /** The process with that role; there must be one. */
  party(role: string): Party {
    const party = this.#parties.find((one) => one.role === role);
    if (party === undefined) throw new Error(`there is no ${role}`);
    return party;
  }

  has(role: string): boolean {
    return this.#parties.some((one) => one.role === role);
  }

  /** Has the victim make a call, unless it has stopped. */
  victimCalls(method: MethodName, key: string, settings: CallSettings = {}): Promise<void> {
    return this.unlessStopped(this.victim.ask('call', method, key, settings));
  }

  /** Returns when those calls of the victim have their outcomes, or it has stopped. */
  async settleVictim(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.unlessStopped(this.victim.ask('settled', key));
  }

  /** Returns when those calls have their outcomes, or the victim has stopped. */
  async settle(role: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.unlessStopped(this.party(role).ask('settled', key));
  }

  /** Returns when that was answered, or the victim has stopped or died. */
  async unlessStopped(asked: Promise<unknown>): Promise<void> {
    await unlessDied(Promise.race([asked, this.victim.announces('stops')]));
  }

  /** Makes a call; see `CallOrders.call`. */
  async call(party: Party, method: MethodName, key: string, settings: CallSettings = {}): Promise<void> {
    await party.ask('call', method, key, settings);
  }

  /** The victim stops at that point from now on. */
  arm(point: Point | undefined): Promise<number> {
    return this.victim.arm(point);
  }

  get survivors(): readonly Party[] {
    return this.#parties.filter((party) => party !== this.victim && party.isAlive);
  }

  /** What was written down. */
  get journal(): Entry[] {
    return readJournal(this.#journal);
  }

  /** What is not answered yet, for people. */
  get pending(): string {
    const texts = this.#parties.map(({ pending }) => pending).filter((text) => text !== '');
    return `${texts.join('; ')}\n${this.journal.map((entry) => JSON.stringify(entry)).join('\n')}`;
  }

  /** Every process leaves in good order; what is left in the directory. */
  async clear(): Promise<string[]> {
    for (const party of this.survivors) await party.ask('leaveAll');
    // FIFOs of a dead port are left to the next process where its slots were freed only meanwhile.
    const sweeper = await this.enterClient('sweeper');
    await sweeper.ask('leaveAll');
    const left = readdirSync(this.#directory);
    spare.push(...this.survivors);
    this.#parties.length = 0;
    return left;
  }

  /** After a play that failed. */
  async abandon(): Promise<void> {
    await Promise.all(this.#parties.map((party) => party.kill()));
  }
}
