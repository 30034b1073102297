// A peer of the contract suite: it does what it is told on its standard input, line by line, and halts where it is told.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Publisher, PublisherOptions, Subscriber, SubscriberOptions } from '@mmfbus/channel';
import { MemoryMappedFile, ValidNamespaces } from '@mmfbus/core';
import { holdLeftover } from '../support/leftover.js';
import type { Halt, PeerAnswer, PeerChannel, PeerHalts, PeerOrder, PeerOrders } from './peer-orders.js';

/** At once: this process may not come to anything else. */
function say(line: PeerAnswer | PeerHalts): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

let halt: Halt | undefined;
let isAsleep = false;
let wake = (): void => {};

function onStep(step: string): void {
  if (step === 'sleep: flagged') isAsleep = true;
  if (step === 'wake: flag cleared') isAsleep = false;
  if (isAsleep) wake();
  if (step !== 'lock: taken' || halt === undefined) return;
  const how = halt;
  halt = undefined;
  say({ halts: how });
  process.kill(process.pid, how === 'stop' ? 'SIGSTOP' : 'SIGKILL');
}

(globalThis as Record<symbol, unknown>)[Symbol.for('mmfbus.steps')] = onStep;
// After the hook is there.
const { defineChannel } = await import('@mmfbus/channel');

class Peer implements PeerOrders {
  #publisher: Publisher<unknown> | undefined;
  #subscriber: Subscriber<unknown> | undefined;
  #mapping: MemoryMappedFile | undefined;
  #removeLeftover: (() => void) | undefined;
  #count = 0;

  begin(directory: string): void {
    process.env['MMFBUS_DIRECTORY'] = directory;
    halt = undefined;
    isAsleep = false;
  }

  async publisher(channel: PeerChannel, options?: PublisherOptions): Promise<void> {
    this.#publisher = await defineChannel<unknown>(channel).publisher(options);
  }

  async subscriber(channel: PeerChannel, listens: boolean, options?: SubscriberOptions): Promise<void> {
    this.#count = 0;
    this.#subscriber = await defineChannel<unknown>(channel).subscriber({ pollWindow: 0, ...options });
    if (listens) {
      this.#subscriber.on('message', () => {
        this.#count++;
        wake();
      });
    }
  }

  publish(value: unknown): string {
    return this.#publisher!.tryPublish(value);
  }

  async heard(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => (wake = resolve));
  }

  async asleep(): Promise<void> {
    while (!isAsleep) await new Promise<void>((resolve) => (wake = resolve));
  }

  arm(how: Halt | undefined): void {
    halt = how;
  }

  async lockMapping(name: string, guarded: boolean): Promise<void> {
    this.#mapping = MemoryMappedFile.open(name, 0, { namespace: ValidNamespaces.LOCAL });
    if (!guarded) {
      this.#mapping.lock.tryAcquire('write');
      return;
    }
    await new Promise<void>((resolve) => {
      void this.#mapping!.withWriteLock(() => {
        resolve();
        return new Promise(() => {});
      });
    });
  }

  holdLeftover(name: string): void {
    this.#removeLeftover = holdLeftover(name);
  }

  async leave(): Promise<void> {
    await this.#publisher?.close();
    await this.#subscriber?.close();
    this.#mapping?.close();
    this.#removeLeftover?.();
    this.#publisher = undefined;
    this.#subscriber = undefined;
    this.#mapping = undefined;
    this.#removeLeftover = undefined;
  }
}

const peer = new Peer();

async function obey({ id, order, args }: PeerOrder): Promise<void> {
  try {
    // JSON has no undefined.
    const given = args.map((arg) => arg ?? undefined);
    const obeyed = (peer[order] as (...args: readonly unknown[]) => unknown).apply(peer, given);
    say({ id, result: await obeyed });
  } catch (error) {
    say({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void obey(JSON.parse(line) as PeerOrder))
  .on('close', () => process.exit());
