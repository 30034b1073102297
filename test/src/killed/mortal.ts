// Uses mappings and channels, and says so line by line, until it is killed; or once, and dies of its own hand at one of
// its calls to the file system. The tests import what is exported here; the rest runs in a process of its own.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Channel, defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { MemoryMappedFile, MmfError, type ValidNamespace, ValidNamespaces } from '@mmfbus/core';

/** What such a process is to do; it comes as JSON in its first argument. */
export interface MortalTask {
  /** `forever`: in an order of its own, until it is killed. Otherwise once, in the same order always. */
  readonly life: 'forever' | 'mapping' | 'channel';
  /** For `forever`: what its order is drawn from. */
  readonly seed: number;
  readonly mappings: readonly MappingName[];
  readonly channels: readonly string[];
  /** For the others: it dies right before this call that changes the file system, counted from 1; 0 for never. */
  readonly diesAtCall: number;
}

/** A mapping's name, and where it lives. */
export interface MappingName {
  readonly name: string;
  readonly namespace: ValidNamespace;
}

/** Bytes of data of each mapping. */
export const MAPPING_SIZE = 5000;

/** A channel with the smallest ring, so that it comes to its end often. */
export function mortalChannel(name: string): Channel<string> {
  return defineChannel<string>({ name, capacity: 4096 });
}

/** Numbers from 0 up to `below`, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function say(...words: readonly unknown[]): void {
  process.stdout.write(`${words.join(' ')}\n`);
}

/** No other process may be sure to find a lock free among those that are killed with it. */
function unlessLocked(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof MmfError && error.code === 'TIMEOUT')) throw error;
    say('found the lock taken');
  }
}

class Forever {
  readonly #task: MortalTask;
  readonly #random: (below: number) => number;
  readonly #mappings: MemoryMappedFile[] = [];
  readonly #publishers: Publisher<string>[] = [];
  readonly #subscribers: Subscriber<string>[] = [];

  constructor(task: MortalTask) {
    this.#task = task;
    this.#random = randomFrom(task.seed);
  }

  async live(): Promise<void> {
    const steps = [
      () => this.#map(),
      () => this.#write(),
      () => this.#holdLock(),
      () => this.#unmap(),
      () => this.#joinAsPublisher(),
      () => this.#joinAsSubscriber(),
      () => this.#publish(),
      () => this.#publishUntilFull(),
      () => this.#publishAndWait(),
      () => this.#leave(this.#publishers, 'publisher'),
      () => this.#leave(this.#subscribers, 'subscriber'),
    ];
    for (;;) {
      await this.#oneOf(steps)?.();
      await nextTurn();
    }
  }

  #oneOf<T>(list: readonly T[]): T | undefined {
    return list[this.#random(Math.max(list.length, 1))];
  }

  #map(): void {
    const mapping = this.#oneOf(this.#task.mappings);
    if (mapping === undefined || this.#mappings.length > 3) return;
    const { name, namespace } = mapping;
    this.#mappings.push(MemoryMappedFile.openOrCreate(name, MAPPING_SIZE, { namespace }));
    say('mapped', name);
  }

  #write(): void {
    const mapping = this.#oneOf(this.#mappings);
    if (mapping === undefined) return;
    unlessLocked(() => mapping.write(new Uint8Array(MAPPING_SIZE).fill(1 + this.#random(255))));
    say('wrote', mapping.name);
  }

  #holdLock(): void {
    const mapping = this.#oneOf(this.#mappings);
    if (mapping === undefined) return;
    const kind = this.#oneOf(['read', 'write'] as const) ?? 'read';
    if (mapping.lock.tryAcquire(kind) !== 'acquired') return;
    say('locked', mapping.name, kind);
    mapping.lock.release(kind);
    say('unlocked', mapping.name);
  }

  #unmap(): void {
    const mapping = this.#mappings.shift();
    mapping?.close();
    if (mapping !== undefined) say('unmapped', mapping.name);
  }

  async #joinAsPublisher(): Promise<void> {
    const name = this.#oneOf(this.#task.channels);
    if (name === undefined || this.#publishers.length > 2) return;
    this.#publishers.push(await mortalChannel(name).publisher());
    say('publisher of', name);
  }

  async #joinAsSubscriber(): Promise<void> {
    const name = this.#oneOf(this.#task.channels);
    if (name === undefined || this.#subscribers.length > 2) return;
    const delivery = this.#oneOf(['reliable', 'lossy'] as const);
    const subscriber = await mortalChannel(name).subscriber({ delivery });
    // Otherwise a reliable one would hold up the publishers of this very process.
    subscriber.on('message', () => {});
    this.#subscribers.push(subscriber);
    say(`${delivery} subscriber of`, name);
  }

  #publish(): void {
    const publisher = this.#oneOf(this.#publishers);
    if (publisher !== undefined) say('publish:', publisher.tryPublish('now'), publisher.channel);
  }

  #publishUntilFull(): void {
    const publisher = this.#oneOf(this.#publishers);
    if (publisher === undefined) return;
    let count = 0;
    while (count < 100 && publisher.tryPublish('more and more') === 'published') count++;
    say('published', count, publisher.channel);
  }

  async #publishAndWait(): Promise<void> {
    const publisher = this.#oneOf(this.#publishers);
    if (publisher === undefined) return;
    say('waiting to publish', publisher.channel);
    await publisher.publish('in the end');
    say('published in the end', publisher.channel);
  }

  async #leave(list: { close(): Promise<void>; readonly channel: string }[], role: string): Promise<void> {
    const participant = list.shift();
    await participant?.close();
    if (participant !== undefined) say('left', participant.channel, role);
  }
}

/** The calls that change what others find in the directory; between two of them a death makes no difference. */
const CHANGING_CALLS = [
  'openSync',
  'closeSync',
  'ftruncateSync',
  'writeSync',
  'linkSync',
  'renameSync',
  'unlinkSync',
] as const;

function dieAtCall(fatal: number): void {
  const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  let calls = 0;
  for (const name of CHANGING_CALLS) {
    const original = functions[name]!;
    functions[name] = (...args) => {
      calls++;
      say('call', calls, name);
      if (calls === fatal) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    };
  }
  // Modules that imported these functions by name get the new ones.
  syncBuiltinESMExports();
}

function useMappings({ mappings }: MortalTask): void {
  for (const { name, namespace } of mappings) {
    using mapping = MemoryMappedFile.create(name, MAPPING_SIZE, { namespace });
    mapping.write(new Uint8Array(MAPPING_SIZE).fill(1));
    using other = MemoryMappedFile.openReadOnly(name, 0, { namespace });
    other.read();
  }
}

async function useChannels({ channels }: MortalTask): Promise<void> {
  for (const name of channels) {
    const channel = mortalChannel(name);
    await using publisher = await channel.publisher();
    await using subscriber = await channel.subscriber();
    const arrived = new Promise<string>((resolve) =>
      subscriber.once('message', ({ value }) => resolve(value)),
    );
    await publisher.publish('hello');
    await arrived;
  }
}

async function live(task: MortalTask): Promise<void> {
  if (task.life === 'forever') return new Forever(task).live();
  dieAtCall(task.diesAtCall);
  return task.life === 'mapping' ? useMappings(task) : useChannels(task);
}

/** How mappings of those names are spread over the namespaces. */
export function spread(names: readonly string[]): MappingName[] {
  const namespaces = Object.values(ValidNamespaces);
  return names.map((name, index) => ({ name, namespace: namespaces[index % namespaces.length]! }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await live(JSON.parse(process.argv[2] ?? '') as MortalTask);
}
