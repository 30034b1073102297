import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import {
  type Bus,
  type BusOptions,
  type Channel,
  type ChannelOptions,
  defineChannel,
  openBus,
  type Publisher,
  type PublisherOptions,
  type Subscriber,
  type SubscriberOptions,
} from '@mmfbus/channel';
import { MemoryMappedFile } from '@mmfbus/core';
import { describeError, REASON } from './contract.js';
import { PeerProcess } from './peer-process.js';

/** A call that still waits after so many turns of the event loop is taken to wait for something. */
const TURNS_OF_WAITING = 5;
/** Looks for what is left behind, before it is taken to stay, and the pause between them. */
const LOOKS = 200;
const PAUSE_MS = 5;
const BLOCK: Uint8Array = new Uint8Array(64 * 1024);

const spare: PeerProcess[] = [];
let kits = 0;

/** Ends all peers at once: this process exits. */
export function killPeers(): void {
  for (const peer of spare) peer.killNow();
}

/** What a cell is played with: everything made here is closed and removed after it. */
export class Kit {
  /** Where the files of channels and mappings live. */
  readonly directory: string;
  /** Where other files may live. */
  readonly folder: string;
  readonly #waits = new Set<string>();
  /** Is told of each uncaught error; else it is kept. */
  onUncaught: ((error: unknown) => void) | undefined;
  readonly #uncaught: unknown[] = [];
  readonly #closers: (() => unknown)[] = [];
  readonly #peers: PeerProcess[] = [];
  #names = 0;

  constructor(root: string) {
    this.directory = join(root, `${++kits}`);
    this.folder = join(root, `${kits}-files`);
    mkdirSync(this.directory);
    mkdirSync(this.folder);
    process.env['MMFBUS_DIRECTORY'] = this.directory;
  }

  /** What is waited for, for people. */
  get waitsFor(): string {
    return [...this.#waits].join(', ') || 'nothing that it says';
  }

  /** A name of this cell's own. */
  name(label: string): string {
    return `${label}-${++this.#names}`;
  }

  define<T = unknown>(options: Partial<ChannelOptions<T>> = {}): Channel<T> {
    const common = { name: this.name('channel'), capacity: 4096, discoverable: false };
    return defineChannel<T>({ ...common, ...options });
  }

  async publisher<T>(channel: Channel<T>, options?: PublisherOptions): Promise<Publisher<T>> {
    const publisher = await channel.publisher(options);
    return this.closing(publisher);
  }

  async subscriber<T>(channel: Channel<T>, options?: SubscriberOptions): Promise<Subscriber<T>> {
    return this.closing(await channel.subscriber(options));
  }

  async bus(options?: BusOptions): Promise<Bus> {
    return this.closing(await openBus(options));
  }

  mapping(size = 64): MemoryMappedFile {
    return this.closing(MemoryMappedFile.create(this.name('mapping'), size));
  }

  /** The same mapping once more. */
  twin({ name }: MemoryMappedFile): MemoryMappedFile {
    return this.closing(MemoryMappedFile.open(name));
  }

  /** A peer that has joined no channel. */
  async peer(): Promise<PeerProcess> {
    const peer = spare.pop() ?? new PeerProcess();
    this.#peers.push(peer);
    await this.until('a peer to begin', peer.ask('begin', this.directory));
    return peer;
  }

  /** Has it closed after the cell. */
  closing<C extends { close(): unknown }>(closable: C): C {
    this.later(() => closable.close());
    return closable;
  }

  /** Has it done after the cell, what was asked for last first. */
  later(action: () => unknown): void {
    this.#closers.push(action);
  }

  /** Waits for that, and can tell for what. */
  async until<R>(what: string, promise: R | Promise<R>): Promise<Awaited<R>> {
    this.#waits.add(what);
    const result = await promise;
    this.#waits.delete(what);
    return result;
  }

  /** Lets the event loop turn, and makes sure that the call has no outcome yet. */
  async waits(outcome: Promise<string>): Promise<void> {
    let early: string | undefined;
    void outcome.then((text) => {
      early = text;
    });
    await this.turns();
    if (early !== undefined) throw new Error(`it did not wait: ${early}`);
  }

  async turns(count: number = TURNS_OF_WAITING): Promise<void> {
    for (let turn = 0; turn < count; turn++) await nextTurn();
  }

  /** A signal that is aborted by the second of the two. */
  signal(): { readonly signal: AbortSignal; abort(): void } {
    const controller = new AbortController();
    return { signal: controller.signal, abort: () => controller.abort(REASON) };
  }

  /** Runs the action while this process can open nothing, or no more than so many. */
  async withoutDescriptors<R>(action: () => Promise<R>, free = 0): Promise<R> {
    const taken: number[] = [];
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    }
    for (const fd of taken.splice(0, free)) closeSync(fd);
    try {
      return await action();
    } finally {
      for (const fd of taken) closeSync(fd);
    }
  }

  /** Runs the action while the file system of `directory` and `folder` is full. */
  async withoutSpace<R>(action: () => Promise<R>): Promise<R> {
    const path = join(this.folder, 'filling');
    const fd = openSync(path, 'w');
    try {
      for (let length = BLOCK.length; length >= 1; ) {
        try {
          writeSync(fd, BLOCK, 0, length);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          length = Math.floor(length / 2);
        }
      }
      return await action();
    } finally {
      closeSync(fd);
      rmSync(path);
    }
  }

  /** It was not caught. */
  tellUncaught(error: unknown): void {
    if (this.onUncaught === undefined) this.#uncaught.push(error);
    else this.onUncaught(error);
  }

  /** What was not caught since the last call. */
  takeUncaught(): unknown[] {
    return this.#uncaught.splice(0);
  }

  /** That, in words, when what was thrown before has become an uncaught exception. */
  async uncaughtSoFar(): Promise<string> {
    await this.turns();
    return this.takeUncaught().map(describeError).join(' ');
  }

  /** Descriptors and mappings of this process that lead into the directory, and files in it. */
  leftovers(): string[] {
    const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
    const files = readdirSync('/proc/self/fd').map((fd) => targetOf(`/proc/self/fd/${fd}`));
    const isHere = (path: string) => path.includes(`${this.directory}/`);
    return [
      ...readdirSync(this.directory).map((name) => `file ${name}`),
      ...maps.filter(isHere).map((line) => `mapping ${line.replace(/^.*\//, '')}`),
      ...files.filter(isHere).map((path) => `descriptor ${path.replace(/^.*\//, '')}`),
    ];
  }

  /** Closes what the cell has made; what is left then. */
  async clear(): Promise<string[]> {
    this.#waits.add('what the cell has made to be closed');
    for (const peer of this.#peers) {
      if (await leaves(peer)) spare.push(peer);
    }
    for (const close of this.#closers.reverse()) await Promise.resolve(close()).catch(() => {});
    // Sockets on FIFOs are closed in the turn after, and what could not leave at once leaves when it can.
    await this.turns();
    for (let looks = 0; looks < LOOKS && this.leftovers().length > 0; looks++) await pause(PAUSE_MS);
    const left = this.leftovers();
    rmSync(this.directory, { recursive: true });
    rmSync(this.folder, { recursive: true });
    return left;
  }

  /** Kills the peers of a cell that hangs. */
  abandon(): void {
    for (const peer of this.#peers) peer.killNow();
  }
}

async function leaves(peer: PeerProcess): Promise<boolean> {
  try {
    if (peer.isStopped) await peer.goOn();
    await peer.ask('leave');
    return true;
  } catch {
    await peer.kill();
    return false;
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // The one that the folder was read with is closed by now.
    return '';
  }
}
