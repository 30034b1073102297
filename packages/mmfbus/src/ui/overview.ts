import type { Bus, BusChange } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';
import { isOfBridge, readBridges } from '../command/bridge/state.js';
import { servicesIn } from '../command/channels.js';
import { ServiceLooks } from '../command/services/service-looks.js';
import { BridgeLooks } from './bridge-rows.js';
import type { EventStream } from './event-stream.js';
import type { BridgeRow, ChannelRow, Departure, OverviewEvent, ServiceRow } from './protocol.js';
import { type Programs, rowOf, type Sample } from './rows.js';

/** Milliseconds between two looks at all channels. */
const PERIOD = 500;
const LONGEST_PERIOD = 10_000;
/** Looks take at most one part in so many of a core. */
const SPARE = 12;
/** Milliseconds until the second look, which gives the first rates. */
const FIRST_PERIOD = 250;
/** Milliseconds for which a participant that is gone is told of. */
const REMEMBERED: number = 60_000;
const MOST_DEPARTURES = 200;
/** What the names of services end with where participants come and go. No channel's name has this character. */
const REGISTRY_END = '~service';

type Left = Extract<BusChange, { readonly type: 'left' }>;

/** One page that shows all channels, and what it has been told. */
interface Viewer {
  readonly stream: EventStream;
  readonly told: Map<string, string>;
  /** The services, as it was told of them last. */
  toldServices: string;
  /** The same of the bridges. */
  toldBridges: string;
  departures: number;
  isNew: boolean;
}

/**
 * Looks at all channels while at least one page shows them, and not at all otherwise. Each page is told what changed since it
 * was told last.
 */
export class Overview {
  readonly #openBus: () => Promise<Bus>;
  readonly #programs: Programs;
  readonly #viewers = new Set<Viewer>();
  readonly #samples = new Map<string, Sample>();
  #rows = new Map<string, ChannelRow>();
  #looks: ServiceLooks;
  #services: readonly ServiceRow[] = [];
  #servicesText = '[]';
  #bridgeLooks = new BridgeLooks();
  #bridges: readonly BridgeRow[] = [];
  #bridgesText = '[]';
  readonly #departures: Departure[] = [];
  /** How many of them there ever were. */
  #departed = 0;
  #running: AbortController | undefined;
  #period = PERIOD;

  constructor(openBus: () => Promise<Bus>, programs: Programs) {
    this.#openBus = openBus;
    this.#programs = programs;
    this.#looks = new ServiceLooks(programs);
  }

  /** Tells that page from now on, until it closes. */
  add(stream: EventStream): void {
    const viewer = {
      stream,
      told: new Map(),
      toldServices: '[]',
      toldBridges: '[]',
      departures: 0,
      isNew: true,
    };
    this.#viewers.add(viewer);
    stream.closed.addEventListener('abort', () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#stop();
    });
    if (this.#running === undefined) this.#start();
    else this.#tell(viewer);
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    const fail = (error: unknown) => {
      if (running.signal.aborted) return;
      for (const { stream } of this.#viewers) {
        stream.send('trouble', { text: error instanceof Error ? error.message : String(error) });
        // It comes back, and what failed is tried again.
        stream.close();
      }
    };
    this.#look(running.signal).catch(fail);
    this.#watch(running.signal).catch(fail);
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#samples.clear();
    this.#rows = new Map();
    this.#looks = new ServiceLooks(this.#programs);
    this.#services = [];
    this.#servicesText = '[]';
    this.#bridgeLooks = new BridgeLooks();
    this.#bridges = [];
    this.#bridgesText = '[]';
  }

  async #look(signal: AbortSignal): Promise<void> {
    const bus = await this.#openBus();
    for (let looks = 0; !signal.aborted; looks++) {
      const before = process.cpuUsage();
      const infos = await bus.list({ signal });
      const at = performance.now();
      const channels = infos.filter((info) => info.service === undefined && !isOfBridge(info));
      this.#take(channels.map((info) => ({ at, info })));
      this.#bridges = this.#bridgeLooks.take(readBridges(bus, infos), at);
      this.#bridgesText = JSON.stringify(this.#bridges);
      this.#services = this.#looks.rows(servicesIn(infos));
      this.#servicesText = JSON.stringify(this.#services);
      const { user, system } = process.cpuUsage(before);
      const period = Math.min(Math.max(PERIOD, ((user + system) / 1000) * SPARE), LONGEST_PERIOD);
      this.#period = looks === 0 ? FIRST_PERIOD : Math.round(period / 100) * 100;
      for (const viewer of this.#viewers) this.#tell(viewer);
      await timers.sleep(this.#period, { signal });
    }
  }

  #take(samples: readonly Sample[]): void {
    const rows = new Map<string, ChannelRow>();
    for (const sample of samples) {
      const { name } = sample.info;
      rows.set(name, rowOf(sample, this.#samples.get(name), this.#programs));
    }
    this.#samples.clear();
    for (const sample of samples) this.#samples.set(sample.info.name, sample);
    this.#rows = rows;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const bus = await this.#openBus();
    for await (const change of bus.watch({ signal })) {
      if (change.type === 'left') this.#depart(change);
    }
  }

  #depart({ channel, participant, reason }: Left): void {
    const { role, pid, name, alive } = participant;
    const program = this.#programs.nameOf(pid);
    if (alive === false) this.#programs.forget(pid);
    const service = channel.endsWith(REGISTRY_END) ? channel.slice(0, -REGISTRY_END.length) : undefined;
    const proof = reason === 'died' ? `the kernel has closed the life line of process ${pid}` : undefined;
    const where = { channel: service ?? channel, isService: service !== undefined };
    this.#departures.push({ ...where, role, pid, name, program, at: Date.now(), reason, proof });
    this.#departed++;
    if (this.#departures.length > MOST_DEPARTURES) this.#departures.shift();
    for (const viewer of this.#viewers) this.#tell(viewer);
  }

  #tell(viewer: Viewer): void {
    const { stream, told, isNew } = viewer;
    if (stream.isSlow) return;
    // What it has seen last may be of another server.
    if (isNew && this.#rows.size === 0 && this.#samples.size === 0 && this.#running?.signal.aborted !== false)
      return;
    const channels: ChannelRow[] = [];
    for (const [name, row] of this.#rows) {
      const text = JSON.stringify(row);
      if (told.get(name) === text) continue;
      told.set(name, text);
      channels.push(row);
    }
    const services = viewer.toldServices === this.#servicesText ? undefined : this.#services;
    viewer.toldServices = this.#servicesText;
    const bridges = viewer.toldBridges === this.#bridgesText ? undefined : this.#bridges;
    viewer.toldBridges = this.#bridgesText;
    const gone = [...told.keys()].filter((name) => !this.#rows.has(name));
    for (const name of gone) told.delete(name);
    const at = Date.now();
    const news = Math.min(this.#departed - viewer.departures, this.#departures.length);
    const departures = this.#departures
      .slice(this.#departures.length - news)
      .filter((departure) => at - departure.at < REMEMBERED);
    viewer.departures = this.#departed;
    viewer.isNew = false;
    const event: OverviewEvent = {
      at,
      period: this.#period,
      all: isNew,
      channels,
      gone,
      services,
      bridges,
      departures,
    };
    stream.send('overview', event);
  }
}
