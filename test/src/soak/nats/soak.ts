import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Route } from '@mmfbus/nats';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type OtherMachine, otherMachine } from '../../nats/other-machine.js';
import { Child } from '../child.js';
import { Random } from '../random.js';
import { scratchParent } from '../scratch.js';
import { judge } from './judge.js';
import { readSeen } from './ledger.js';
import type { NatsJob, NatsOrder, NatsReport, ToldGap } from './protocol.js';
import { SoakServer } from './server.js';

const STREAM = 'SOAK';
/** Bytes of a message that the stream takes at most. */
const MAX_MESSAGE = 1000;
/** Bytes that the stream keeps: older messages are dropped, and are gaps for a bridge that comes later. */
const MAX_BYTES: number = 64 * 2 ** 20;
/** Bytes of the rings where messages are published: the smaller one goes round while a bridge is away. */
const CAPACITIES = { east: 2 ** 24, west: 2 ** 18 } as const;
const ARRIVING_CAPACITY: number = 2 ** 20;
/** Publishers of a channel, at a time. */
const PUBLISHERS = 2;
/** Milliseconds after which what does not end is said to hang. */
const WATCHDOG = 60_000;
/** Milliseconds after which bridges are asked what they are waiting for. */
const PATIENCE = 50_000;

const SIDES = ['east', 'west'] as const;
type Side = (typeof SIDES)[number];
const otherOf = (side: Side): Side => (side === 'east' ? 'west' : 'east');

type Agent = Child<NatsOrder, NatsReport>;

/** Options of a soak over NATS. */
export interface NatsSoakOptions {
  /** What happens to every process follows from it; when it does does not. */
  readonly seed: number;
  /** Ends the soak after that many kills. */
  readonly kills: number;
}

/** What happened. */
export interface NatsSoakCounts {
  /** Processes that were killed. */
  kills: number;
  /** Those of them by what they were: bridge, server, publisher, subscriber. */
  readonly killed: Map<string, number>;
  /** Processes that were stopped for a while. */
  stops: number;
  /** Links that were cut, and links that lost packets, for a while. */
  cuts: number;
  disturbances: number;
  /** Things that bridges tried again. */
  troubles: number;
  published: number;
  arrived: number;
  /** Messages in gaps that were told, by their reasons. */
  readonly missed: Map<string, number>;
}

/** A machine: its folder of shared memory, its link, and what runs there all the time. */
interface Machine {
  readonly side: Side;
  readonly memory: string;
  readonly folder: string;
  readonly network: OtherMachine | undefined;
  readonly url: () => string;
  readonly witnesses: Map<Side, Agent>;
  readonly incarnations: Map<Side, string>;
  bridge: Agent | undefined;
}

/**
 * Two machines with a bridge each, and a server between them. Bridges, the server, publishers and subscribers are killed and stopped at
 * random, links are cut. Witnesses that are never killed see what is published on one machine and what comes to the other: each
 * message once, or told to be missing.
 */
export class NatsSoak {
  readonly problems: string[] = [];
  readonly counts: NatsSoakCounts = {
    kills: 0,
    killed: new Map(),
    stops: 0,
    cuts: 0,
    disturbances: 0,
    troubles: 0,
    published: 0,
    arrived: 0,
    missed: new Map(),
  };
  readonly #options: NatsSoakOptions;
  readonly #memory: string;
  readonly #folder: string;
  readonly #server: SoakServer;
  readonly #agents = new Set<Agent>();
  readonly #machines: Machine[] = [];
  readonly #stopping = new AbortController();
  #lives = 0;
  #last = 0;
  #onLast: () => void = () => {};

  constructor(options: NatsSoakOptions) {
    this.#options = options;
    setMaxListeners(0, this.#stopping.signal);
    this.#memory = mkdtempSync(join(scratchParent(), `mmfbus-soak-${process.pid}-`));
    this.#folder = mkdtempSync(join(tmpdir(), `mmfbus-soak-${process.pid}-`));
    this.#server = new SoakServer(join(this.#folder, 'streams'));
  }

  /** Begins to end. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Runs until its end; afterwards nothing is left of it. */
  async run(): Promise<void> {
    try {
      await this.#begin();
      await this.#suffer();
      await this.#settle();
      this.#judge();
    } catch (error) {
      this.#problem(error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      for (const agent of this.#agents) agent.signal('SIGKILL');
      await Promise.all([...this.#agents].map((agent) => agent.ended));
      await this.#server.kill();
      for (const { network } of this.#machines) network?.remove();
      for (const folder of [this.#memory, this.#folder])
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async #begin(): Promise<void> {
    await this.#server.start();
    const servers = `nats://127.0.0.1:${this.#server.port}`;
    const connection = await connect({ servers });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({
      name: STREAM,
      subjects: ['soak.>'],
      max_msg_size: MAX_MESSAGE,
      max_bytes: MAX_BYTES,
    });
    await connection.close();
    for (const [index, side] of SIDES.entries()) this.#machines.push(this.#machine(side, index));
    for (const machine of this.#machines) {
      for (const channel of SIDES) await this.#startWitness(machine, channel);
      machine.bridge = await this.#startBridge(machine);
    }
  }

  #machine(side: Side, index: number): Machine {
    const [memory, folder] = [this.#memory, this.#folder].map((parent) => join(parent, side)) as [
      string,
      string,
    ];
    for (const path of [memory, folder]) mkdirSync(path);
    const network = networkOf(index);
    const url = () => `nats://${network?.address ?? '127.0.0.1'}:${this.#server.port}`;
    const state = { witnesses: new Map(), incarnations: new Map(), bridge: undefined };
    return { side, memory, folder, network, url, ...state };
  }

  async #startWitness(machine: Machine, channel: Side): Promise<void> {
    const { side, memory } = machine;
    const capacity = side === channel ? CAPACITIES[channel] : ARRIVING_CAPACITY;
    const ledger = this.#ledgerOf(side, channel);
    const joined = new Promise<void>((resolve) => {
      void this.#start(memory, { role: 'witness', channel, capacity, ledger }, [], (agent, report) => {
        machine.witnesses.set(channel, agent);
        if (report.report === 'joined') {
          machine.incarnations.set(channel, report.incarnation);
          resolve();
        } else if (report.report === 'last') {
          this.#last++;
          this.#onLast();
        }
      });
    });
    await this.#within(joined, `the witness of ${channel} did not join on ${side}`);
  }

  #startBridge({ side, memory, folder, network, url }: Machine): Promise<Agent> {
    const other = otherOf(side);
    const routes: Route[] = [
      { export: side, to: `soak.${side}`, stream: STREAM, whenBehind: side === 'east' ? 'wait' : 'gap' },
      { import: `soak.${other}`, into: other, stream: STREAM },
    ];
    const job = { role: 'bridge', url: url(), host: side, routes, folder, told: this.#toldOf(side) } as const;
    return this.#start(memory, job, network?.within ?? [], (_agent, report) => {
      if (report.report === 'trouble') this.counts.troubles++;
      else if (report.report === 'state') this.#problem(`the bridge of ${side}: ${report.text}`);
    });
  }

  /** Starts a process; it knows what to do then. */
  async #start(
    memory: string,
    job: NatsJob,
    within: readonly string[],
    onReport: (agent: Agent, report: NatsReport) => void,
  ): Promise<Agent> {
    const agent: Agent = new Child('nats/agent', { MMFBUS_DIRECTORY: memory }, within);
    this.#agents.add(agent);
    agent.onReport = (report) => {
      if (report.report === 'ready') agent.order({ order: 'live', job });
      else if (report.report === 'fault') this.#problem(`${job.role}: ${report.text}`);
      else onReport(agent, report);
    };
    void agent.ended.then(({ status, signal, stderr }) => {
      this.#agents.delete(agent);
      if (stderr !== '') this.#problem(`${job.role} wrote: ${stderr}`);
      if (signal !== 'SIGKILL' && status !== 0)
        this.#problem(`${job.role} ended with ${signal ?? `status ${status}`} on its own`);
    });
    return agent;
  }

  #problem(text: string): void {
    this.problems.push(text);
    this.stop();
  }

  /** Everything happens to everything, each at its own times. */
  async #suffer(): Promise<void> {
    const all: Promise<void>[] = [this.#repeat([1], 1500, 6000, (random) => this.#hurtServer(random))];
    for (const [index, machine] of this.#machines.entries()) {
      all.push(
        this.#repeat([2, index], 1000, 6000, (random) => this.#hurtBridge(machine, random)),
        this.#hurtOne(machine, 'subscriber', [3, index]),
      );
      for (let number = 0; number < PUBLISHERS; number++)
        all.push(this.#hurtOne(machine, 'publisher', [4, index, number]));
      if (machine.network !== undefined)
        all.push(this.#repeat([5, index], 2000, 8000, (random) => this.#hurtLink(machine, random)));
    }
    await Promise.all(all);
  }

  /** Does it again and again, with pauses between, until the end. */
  async #repeat(
    seeds: readonly number[],
    least: number,
    most: number,
    action: (random: Random) => Promise<void>,
  ): Promise<void> {
    const random = new Random(this.#options.seed, ...seeds);
    while (await this.#pause(random.whole(least, most))) await action(random);
  }

  /** False once it ends. */
  async #pause(milliseconds: number): Promise<boolean> {
    const { signal } = this.#stopping;
    await pause(milliseconds, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }

  #countKill(what: string): void {
    const { counts } = this;
    counts.kills++;
    counts.killed.set(what, (counts.killed.get(what) ?? 0) + 1);
    if (counts.kills >= this.#options.kills) this.stop();
  }

  async #stopAWhile(one: { signal(signal: NodeJS.Signals): void }, milliseconds: number): Promise<void> {
    this.counts.stops++;
    one.signal('SIGSTOP');
    await this.#pause(milliseconds);
    one.signal('SIGCONT');
  }

  async #hurtServer(random: Random): Promise<void> {
    if (random.chance(0.4)) return this.#stopAWhile(this.#server, random.whole(100, 7000));
    this.#countKill('server');
    await this.#server.kill();
    await this.#pause(random.whole(0, 2000));
    await this.#server.start();
  }

  async #hurtBridge(machine: Machine, random: Random): Promise<void> {
    const bridge = machine.bridge as Agent;
    const how = random.pick(['kill', 'kill', 'kill', 'stop', 'leave'] as const);
    if (how === 'stop') return this.#stopAWhile(bridge, random.whole(100, 6000));
    if (how === 'kill') {
      this.#countKill('bridge');
      bridge.signal('SIGKILL');
      await bridge.ended;
    } else await this.#leave(bridge, `the bridge of ${machine.side}`);
    await this.#pause(random.whole(0, 1500));
    machine.bridge = await this.#startBridge(machine);
  }

  async #hurtLink({ network }: Machine, random: Random): Promise<void> {
    if (random.chance(0.4) && network?.disturb(true) === true) {
      this.counts.disturbances++;
      await this.#pause(random.whole(500, 5000));
      network.disturb(false);
      return;
    }
    this.counts.cuts++;
    network?.link('down');
    await this.#pause(random.whole(200, 7000));
    network?.link('up');
  }

  /** A publisher or subscriber, one after the other. */
  async #hurtOne(
    { side, memory }: Machine,
    role: 'publisher' | 'subscriber',
    seeds: readonly number[],
  ): Promise<void> {
    const random = new Random(this.#options.seed, ...seeds);
    while (!this.#stopping.signal.aborted) {
      const life = ++this.#lives;
      const job: NatsJob =
        role === 'publisher'
          ? { role, channel: side, life, seed: this.#options.seed }
          : { role, channel: otherOf(side) };
      let onJoined = () => {};
      const joined = new Promise<void>((resolve) => {
        onJoined = resolve;
      });
      const agent = await this.#start(memory, job, [], (_agent, { report }) => {
        if (report === 'joined') onJoined();
      });
      await Promise.race([joined, agent.ended]);
      const isKilled = await this.#pause(random.whole(500, 5000));
      if (isKilled && random.chance(0.3)) await this.#stopAWhile(agent, random.whole(50, 3000));
      if (isKilled && random.chance(0.8)) {
        this.#countKill(role);
        agent.signal('SIGKILL');
        await agent.ended;
      } else await this.#leave(agent, `a ${role} of ${side}`);
    }
  }

  async #leave(agent: Agent, what: string): Promise<void> {
    agent.order({ order: 'leave' });
    await this.#within(agent.ended, `${what} did not leave`);
  }

  async #within<R>(promise: Promise<R>, problem: string): Promise<R> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${problem} within ${WATCHDOG / 1000} s`)), WATCHDOG);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  /** Waits until everything has arrived that can, then has all leave. */
  async #settle(): Promise<void> {
    const allLast = new Promise<void>((resolve) => {
      this.#onLast = () => {
        // Both witnesses of both channels.
        if (this.#last === 4) {
          resolve();
        }
      };
    });
    for (const { side, witnesses } of this.#machines) witnesses.get(side)?.order({ order: 'publish last' });
    const asking = setTimeout(() => {
      for (const { bridge } of this.#machines) bridge?.order({ order: 'describe' });
    }, PATIENCE);
    await this.#within(allLast, 'the last messages did not arrive').finally(() => clearTimeout(asking));
    await Promise.all(
      this.#machines.map(({ side, bridge }) => this.#leave(bridge as Agent, `the bridge of ${side}`)),
    );
    const witnesses = this.#machines.flatMap((machine) => [...machine.witnesses.values()]);
    await Promise.all(witnesses.map((agent) => this.#leave(agent, 'a witness')));
  }

  #judge(): void {
    for (const { side, incarnations } of this.#machines) {
      const other = otherOf(side);
      const told = existsSync(this.#toldOf(other)) ? readFileSync(this.#toldOf(other), 'utf8') : '';
      const gaps = told.split('\n').filter((line) => line !== '');
      const verdict = judge({
        incarnation: incarnations.get(side) ?? '',
        published: readSeen(this.#ledgerOf(side, side)),
        arrived: readSeen(this.#ledgerOf(other, side)),
        gaps: gaps.map((line) => JSON.parse(line) as ToldGap),
      });
      this.problems.push(...verdict.problems.map((problem) => `from ${side}: ${problem}`));
      this.counts.published += verdict.published;
      this.counts.arrived += verdict.arrived;
      for (const [reason, count] of verdict.missed)
        this.counts.missed.set(reason, (this.counts.missed.get(reason) ?? 0) + count);
    }
  }

  #ledgerOf(side: Side, channel: Side): string {
    return join(this.#folder, `${channel} on ${side}`);
  }

  #toldOf(side: Side): string {
    return join(this.#folder, `told by ${side}`);
  }
}

/** Undefined where this may not make network namespaces: then no link is cut. */
function networkOf(index: number): OtherMachine | undefined {
  try {
    return otherMachine(index);
  } catch {
    return undefined;
  }
}
