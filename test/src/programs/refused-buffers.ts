// Maps memory in a process without external buffers, and tells where it lies. What the process does is the argument.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryMappedFile, MmfError } from '@mmfbus/core';
import { openSegment, type Segment, sharedBytes } from '@mmfbus/core/internal';
import koffi from 'koffi';
import { openResources } from '../support/open-resources.js';
import { rawMemory } from '../support/raw-memory.js';

/** Bytes of a segment: no whole page of WebAssembly, and the default length of a ring. */
const SIZE = 2 ** 23 + 100;
/** More than fit into the addresses that the tests allow. */
const TOO_MANY = 1000;

const directory = process.env['MMFBUS_DIRECTORY'] ?? '';
const { view } = koffi;
let views = 0;
/** What koffi does in a runtime that forbids external buffers. */
const refuse = (): never => {
  views++;
  throw new Error('This runtime does not support external buffers');
};
const count = (...args: Parameters<typeof view>) => {
  views++;
  return view(...args);
};

function open(name = `refused-${process.pid}`): Segment {
  return openSegment({ name, disposition: 'create', size: SIZE });
}

/** Whether it is memory of WebAssembly, which alone cannot be transferred. Takes it away otherwise. */
function isOfWasm({ memory }: Segment): boolean {
  const bytes = new Uint8Array(rawMemory(memory));
  try {
    new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(bytes) });
  } catch {
    return bytes.length > 0;
  }
  return false;
}

/** Addresses that are taken, bytes; 0 where the system does not tell. */
function virtualSize(): number {
  if (!existsSync('/proc/self/status')) return 0;
  return 1024 * Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}

function codeAndMessage(action: () => void): string {
  try {
    action();
    return 'works';
  } catch (error) {
    return error instanceof MmfError ? `${error.code}: ${error.message}` : String(error);
  }
}

const left = () => ({ ...openResources(), files: readdirSync(directory).length });

const acts: Record<string, () => object> = {
  /** Where the memory lies, what of it can be reached, and what a second mapping sees. */
  look: () => {
    const segment = open();
    const last = sharedBytes(segment.memory, SIZE - 1, 1);
    last[0] = 7;
    const beyond = codeAndMessage(() => void sharedBytes(segment.memory, SIZE, 1));
    const second = openSegment({ name: `refused-${process.pid}`, disposition: 'open', size: 0 });
    const found = {
      length: segment.memory.byteLength,
      beyond,
      seen: sharedBytes(second.memory, SIZE - 1, 1)[0],
      isOfWasm: [segment, second].map(isOfWasm),
    };
    second.close();
    segment.close();
    return { ...found, lengthAfter: segment.memory.byteLength, lastAfter: last.length, views };
  },
  /** What tries come to, how much they leave, and of what addresses. */
  fail: () => {
    const before = left();
    const outcomes = new Set([
      codeAndMessage(() => MemoryMappedFile.create(`refused-${process.pid}-mapping`, 1)),
      codeAndMessage(() => MemoryMappedFile.openFile(join(directory, 'file'), 1)),
    ]);
    const addresses = virtualSize();
    for (let count = 0; count < TOO_MANY; count++) outcomes.add(codeAndMessage(open));
    return { outcomes: [...outcomes], grown: virtualSize() - addresses, before, after: left() };
  },
  /** How many segments fit at a time, and whether their addresses can be used again while the closed ones are held. */
  fill: () => {
    const before = left();
    const segments: Segment[] = [];
    const closed: Segment[] = [];
    const fill = () =>
      codeAndMessage(() => {
        while (segments.length < TOO_MANY) segments.push(open(`refused-${process.pid}-${segments.length}`));
      });
    const outcomes: string[] = [];
    const counts: number[] = [];
    for (let round = 0; round < 5; round++) {
      outcomes.push(fill());
      counts.push(segments.length);
      for (const segment of segments) segment.close();
      closed.push(...segments.splice(0));
    }
    return { outcomes, counts, closed: closed.length, before, after: left() };
  },
};

const [, , act = '', how] = process.argv;
koffi.view = how === 'refused' ? refuse : count;
console.log(JSON.stringify(acts[act]?.()));
