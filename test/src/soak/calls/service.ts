// The service that the soak of calls uses.
import { bytes, f64, struct } from '@mmfbus/codec';
import { defineService, method, type Service, stream } from '@mmfbus/service';

/** What a handler is to do. */
export const HOW = { now: 0, later: 1, fail: 2, wait: 3 } as const;

/** What a call brings: the number that its ledger knows it by, what to do, and data that must arrive as it was sent. */
const input = struct({ key: f64(), how: f64(), data: bytes() });
const errors = { FAILED: struct({ key: f64() }) };

const methods = {
  once: method({ input, output: f64(), errors }),
  again: method({ input, output: f64(), errors, idempotent: true }),
  tell: method({ input }),
  items: method({ input, output: stream(f64()), errors }),
  sum: method({ input: stream(f64()), output: f64() }),
};

type Methods = typeof methods;

/** Name of a method. */
export type MethodName = keyof Methods;

export const METHODS: readonly MethodName[] = ['once', 'again', 'tell', 'items', 'sum'];

/** The service of that name. */
export function soakService(name: string): Service<Methods> {
  return defineService({ name, methods });
}

export type SoakService = ReturnType<typeof soakService>;

/** Keys of one client follow each other from its own number on. */
const KEYS_A_CLIENT = 2 ** 24;
const CLIENTS_A_PROCESS = 4;

/** The number before the first key of a client of a process. */
export function firstKeyOf(life: number, client: number): number {
  return (life * CLIENTS_A_PROCESS + client) * KEYS_A_CLIENT;
}

/** The process whose client has made the call. */
export function lifeOf(key: number): number {
  return Math.floor(key / KEYS_A_CLIENT / CLIENTS_A_PROCESS);
}

/** Items of a stream of that call. */
export function itemsOf(key: number): number {
  return key % 50;
}

/** What is right for a call: its answer, the sum of its items, or how many items it gets. */
export function answerTo(key: number, methodName: MethodName): number {
  if (methodName === 'items') return itemsOf(key);
  if (methodName !== 'sum') return key + 1;
  return key + (itemsOf(key) * (itemsOf(key) - 1)) / 2;
}

/** Data of a call, of that many bytes. */
export function dataOf(key: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(key & 0xff);
}

/** Whether data arrived as it was sent. */
export function isDataOf(key: number, data: Uint8Array): boolean {
  return data.every((byte) => byte === (key & 0xff));
}
