import { MmfError, type ValidNamespace } from '@mmfbus/core';
import { openSegment } from '@mmfbus/core/internal';
import { rawMemory } from './raw-memory.js';

/** A taken slot of a channel's table of participants, as it was when it was read. */
export interface Slot {
  readonly slot: number;
  readonly nonce: bigint;
  readonly startTime: bigint;
  readonly pidNamespace: bigint;
  readonly pid: number;
  readonly generation: number;
  readonly threadId: number;
  readonly threadStartTime: bigint;
  readonly state: number;
  readonly asleep: boolean;
}

/** A channel's header and table, as FORMAT.md describes them. */
export interface Table {
  readonly slots: Slot[];
  readonly sleepers: number;
  readonly roomWaiters: number;
  readonly publisherLock: number;
}

const TABLE = 512;
const SLOT = 256;
const PUBLISHER_LOCK: number = 192 >> 2;

/** Reads the participants of a channel, without joining it; none where there is no such channel. */
export function readTable(name: string, namespace?: ValidNamespace): Table {
  let segment: ReturnType<typeof openSegment>;
  try {
    segment = openSegment({ name, namespace, disposition: 'open', size: 0 });
  } catch (error) {
    if (!(error instanceof MmfError) || error.code !== 'NOT_FOUND') throw error;
    return { slots: [], sleepers: 0, roomWaiters: 0, publisherLock: 0 };
  }
  try {
    const view = new DataView(rawMemory(segment.memory));
    const slots: Slot[] = [];
    for (let slot = 0; slot < view.getUint32(44, true); slot++) {
      const at = TABLE + slot * SLOT;
      const nonce = view.getBigUint64(at, true);
      if (nonce === 0n || view.getBigUint64(at + 8, true) !== nonce) continue;
      slots.push({
        slot,
        nonce,
        startTime: view.getBigUint64(at + 16, true),
        pidNamespace: view.getBigUint64(at + 24, true),
        pid: view.getUint32(at + 32, true),
        generation: view.getUint32(at + 36, true),
        threadStartTime: view.getBigUint64(at + 48, true),
        threadId: view.getUint32(at + 56, true),
        state: view.getUint32(at + 72, true),
        asleep: view.getUint32(at + 76, true) !== 0,
      });
    }
    return {
      slots,
      publisherLock: view.getUint32(192, true),
      sleepers: view.getUint32(388, true),
      roomWaiters: view.getUint32(392, true),
    };
  } finally {
    segment.close();
  }
}

/** Whether any participant sleeps. The counters say so a moment earlier, and a Worker may be terminated in that moment. */
export function someoneSleeps({ slots }: Table): boolean {
  return slots.some(({ asleep }) => asleep);
}

/** Reads the table again and again until it is as wanted; the test's own time limit is the watchdog. */
export async function tableWhere(
  name: string,
  wanted: (table: Table) => boolean,
  namespace?: ValidNamespace,
): Promise<Table> {
  for (;;) {
    const table = readTable(name, namespace);
    if (wanted(table)) return table;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/**
 * Has the publisher lock held by the owner of that slot, who knows nothing of it and goes on living.
 *
 * @returns gives it back.
 */
export function holdLock(name: string, slot: number): () => void {
  const segment = openSegment({ name, disposition: 'open', size: 0 });
  const words = new Int32Array(rawMemory(segment.memory));
  const generation = words[(TABLE + slot * SLOT + 36) >> 2] as number;
  const word = (generation << 10) | slot;
  Atomics.store(words, PUBLISHER_LOCK, word);
  return () => {
    Atomics.compareExchange(words, PUBLISHER_LOCK, word, 0);
    segment.close();
  };
}
