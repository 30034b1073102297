// A process of the kill matrix for calls.
import { closeSync, openSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Context, ServeOptions, Server } from '@mmfbus/service';
import type { Point, Stop } from '../orders.js';
import { obeyOrders, steps } from '../performing.js';
import { JournalWriter } from './journal.js';
import type { CallOrders, CallSettings, MethodName } from './orders.js';
import type { Matrix, MatrixClient, MatrixHandlers } from './service.js';

// After the hook for steps is there.
const { ServiceError } = await import('@mmfbus/service');
const { answerTo, matrixService } = await import('./service.js');

/** Between two looks at what is only to be looked at. */
const PAUSE_MS = 2;

interface Item {
  readonly key: string;
  readonly number: number;
  readonly data: Uint8Array;
}

/** Something that happens once, by the key of its call. */
class Moments {
  readonly #moments = new Map<string, { readonly promise: Promise<void>; readonly happen: () => void }>();

  of(key: string): { readonly promise: Promise<void>; readonly happen: () => void } {
    let moment = this.#moments.get(key);
    if (moment === undefined) {
      let happen = () => {};
      const promise = new Promise<void>((resolve) => {
        happen = resolve;
      });
      moment = { promise, happen };
      this.#moments.set(key, moment);
    }
    return moment;
  }
}

class Actor implements CallOrders {
  #service!: Matrix;
  #journal!: JournalWriter;
  #server: Server | undefined;
  #client: MatrixClient | undefined;
  #clientName = '';
  #entered = new Moments();
  #gates = new Moments();
  #settled = new Moments();
  readonly #signals = new Map<string, AbortController>();
  readonly #descriptors: number[] = [];

  begin(directory: string, service: string, journal: string): void {
    process.env['MMFBUS_DIRECTORY'] = directory;
    steps.begin();
    this.#service = matrixService(service);
    this.#journal = new JournalWriter(journal);
    this.#entered = new Moments();
    this.#gates = new Moments();
    this.#settled = new Moments();
  }

  async serve(name: string, options?: ServeOptions): Promise<void> {
    this.#server = await this.#service.serve(this.#handlers(name), { ...options, name });
  }

  #handlers(server: string): MatrixHandlers {
    const enter = (key: string, context: Context) => {
      this.#journal.write({ what: 'ran', key, server });
      this.#entered.of(key).happen();
      context.signal.addEventListener('abort', () => this.#journal.write({ what: 'cancelled', key, server }));
    };
    const gate = async (key: string, context: Context) => {
      enter(key, context);
      await Promise.race([
        this.#gates.of(key).promise,
        new Promise((resolve) => context.signal.addEventListener('abort', resolve)),
      ]);
      return answerTo(key, server);
    };
    return {
      echo: ({ key, data }, context) => {
        enter(key, context);
        this.#checkData(key, data);
        return answerTo(key, server);
      },
      later: async ({ key }, context) => {
        enter(key, context);
        await nextTurn();
        return answerTo(key, server);
      },
      gate: ({ key }, context) => gate(key, context),
      gateAgain: ({ key }, context) => gate(key, context),
      note: ({ key }) => this.#journal.write({ what: 'ran', key, server }),
      async *count({ key, items, size }, context) {
        enter(key, context);
        const data = dataOf(key, size);
        for (let number = 0; number < items; number++) yield { key, number, data };
      },
      total: async (stream, context) => {
        let count = 0;
        let key = '';
        for await (const item of stream) {
          if (count === 0) {
            key = item.key;
            enter(key, context);
          }
          this.#checkItem(key, count++, item);
        }
        return answerTo(`${key} ${count}`, server);
      },
      both: (stream, context) => this.#relay(stream, (key) => enter(key, context)),
    };
  }

  async *#relay(stream: AsyncIterable<Item>, enter: (key: string) => void): AsyncGenerator<Item> {
    let count = 0;
    let key = '';
    for await (const item of stream) {
      if (count === 0) {
        key = item.key;
        enter(key);
      }
      this.#checkItem(key, count++, item);
      yield item;
    }
  }

  async openClient(name: string, waitForServer: number): Promise<void> {
    this.#clientName = name;
    this.#client = await this.#service.client({ name, waitForServer });
  }

  call(method: MethodName, key: string, settings: CallSettings = {}): void {
    this.#journal.write({ what: 'made', key, method, client: this.#clientName });
    void this.#follow(method, key, settings);
  }

  async #follow(method: MethodName, key: string, settings: CallSettings): Promise<void> {
    const controller = new AbortController();
    this.#signals.set(key, controller);
    const progress = { items: 0 };
    try {
      const value = await this.#make(method, key, settings, controller.signal, progress);
      this.#journal.write({ what: 'got', key, value: value ?? '', ...progress });
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        this.#journal.write({
          what: 'wrong',
          key,
          text: String(error instanceof Error ? error.stack : error),
        });
      } else {
        const { code, message: text } = error;
        this.#journal.write({
          what: 'failed',
          key,
          code,
          started: error.started as 'maybe',
          text,
          ...progress,
        });
      }
    }
    this.#settled.of(key).happen();
  }

  async #make(
    method: MethodName,
    key: string,
    { timeout = Number.POSITIVE_INFINITY, items = 0, size = 0, leaveAfter }: CallSettings,
    signal: AbortSignal,
    progress: { items: number },
  ): Promise<string | undefined> {
    const client = this.#client as MatrixClient;
    const options = { signal, timeout };
    const outgoing = async function* (): AsyncGenerator<Item> {
      const data = dataOf(key, size);
      for (let number = 0; number < items; number++) yield { key, number, data };
    };
    const take = async (stream: AsyncIterable<Item>): Promise<undefined> => {
      for await (const item of stream) {
        this.#checkItem(key, progress.items++, item);
        if (progress.items === leaveAfter) return;
      }
    };
    switch (method) {
      case 'count':
        return take(client.count({ key, items, size }, options));
      case 'total':
        return client.total(outgoing(), options);
      case 'both':
        return take(client.both(outgoing(), options));
      case 'note':
        await client.note({ key, data: dataOf(key, size) }, options);
        return undefined;
      default:
        return client[method]({ key, data: dataOf(key, size) }, options);
    }
  }

  /** An item of another call, or another item than the next one, is written down. */
  #checkItem(key: string, count: number, item: Item): void {
    if (item.key !== key || item.number !== count) {
      this.#journal.write({ what: 'wrong', key, text: `item ${count} is ${item.number} of ${item.key}` });
    }
    this.#checkData(key, item.data);
  }

  #checkData(key: string, data: Uint8Array): void {
    if (Buffer.from(data).equals(dataOf(key, data.length))) return;
    this.#journal.write({ what: 'wrong', key, text: 'its data is another' });
  }

  settled(key: string): Promise<void> {
    return this.#settled.of(key).promise;
  }

  abort(key: string): void {
    this.#signals.get(key)?.abort();
  }

  entered(key: string): Promise<void> {
    return this.#entered.of(key).promise;
  }

  release(key: string): void {
    this.#gates.of(key).happen();
  }

  async hasCalls(count: number): Promise<void> {
    while (this.#server?.outstanding !== count) await pause(PAUSE_MS);
  }

  async isServed(): Promise<void> {
    while (this.#client?.$servers.some(({ outstanding }) => outstanding > 0)) await pause(PAUSE_MS);
  }

  useUpDescriptors(areTaken: boolean): void {
    if (!areTaken) {
      for (const one of this.#descriptors.splice(0)) closeSync(one);
      return;
    }
    try {
      for (;;) this.#descriptors.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    }
  }

  async drain(timeout = Number.POSITIVE_INFINITY): Promise<void> {
    await this.#server?.drain({ timeout });
  }

  async closeServer(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async closeClient(): Promise<void> {
    await this.#client?.$close();
    this.#client = undefined;
  }

  arm(point: Point | undefined, how: Stop): number {
    return steps.arm(point, how);
  }

  seen(): readonly string[] {
    return steps.seen;
  }

  async leaveAll(): Promise<void> {
    await this.closeClient();
    await this.closeServer();
  }
}

/** Bytes that are told from those of another call. */
function dataOf(key: string, size: number): Uint8Array {
  return new Uint8Array(size).fill(key.charCodeAt(key.length - 1));
}

obeyOrders(new Actor());
