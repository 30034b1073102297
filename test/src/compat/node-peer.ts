// Answers some of the commands of test/native/peer.c, with the raw memory of @mmfbus/core and its lock.
import { createInterface } from 'node:readline';
import { MmfError, RWLock, spinAcquire, ValidNamespaces } from '@mmfbus/core';
import {
  copyOut,
  type Disposition,
  openSegment,
  type Segment,
  sharedBytes,
  sharedWords,
  shareMemory,
} from '@mmfbus/core/internal';

const DATA_OFFSET = 4;

let segment: Segment | undefined;

function open(disposition: Disposition, name: string, size: number): string {
  segment?.close();
  segment = openSegment({
    name,
    namespace: ValidNamespaces.CUSTOM,
    disposition,
    size,
    initialise: (memory) => new RWLock(shareMemory(memory)).initialise(),
  });
  return `ok ${segment.size}`;
}

/** The event loop stands still meanwhile, as it would in a program that counts in earnest. */
function count({ memory }: Segment, times: number, racers: number): string {
  const lock = new RWLock(memory);
  const [counter, arrived] = [sharedWords(memory, DATA_OFFSET, 1), sharedWords(memory, DATA_OFFSET + 4, 1)];
  let refusals = 0;
  Atomics.add(arrived, 0, 1);
  while (Atomics.load(arrived, 0) < racers);
  for (let turn = 0; turn < times; turn++) {
    while (!spun(lock)) refusals++;
    counter[0] = counter[0]! + 1;
    lock.release('write');
  }
  return `ok ${refusals}`;
}

/** False where the other side, which may have lost its processor with the lock held, kept it for all the tries. */
function spun(lock: RWLock): boolean {
  try {
    spinAcquire(lock, 'write');
    return true;
  } catch (error) {
    if (error instanceof MmfError && error.code === 'TIMEOUT') return false;
    throw error;
  }
}

function obey([command, first = '', second = '', third = '']: readonly string[]): string {
  if (command === 'create' || command === 'open') return open(command, second, Number(third));
  if (segment === undefined) return 'error nothing is open';
  if (command === 'count') return count(segment, Number(first), Number(second));
  if (command === 'read') {
    const data = sharedBytes(segment.memory, DATA_OFFSET, Number(first));
    return `ok ${Buffer.from(copyOut(data, 0, data.length)).toString('hex')}`;
  }
  return 'error no such command';
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'exit') break;
  process.stdout.write(`${obey(line.split(' '))}\n`);
}
segment?.close();
