import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from '../support/workspace.js';
import { contentOf } from './content.js';
import type { Scenario } from './scenarios.js';
import { eventsOf, expectEvents, type Stage } from './stage.js';

const SEGMENT_LENGTH = 8192;
const FORMAT_VERSION = 8;
const RING = 4096;
/** Where what never changes in the header ends. */
const PUBLISHER_LOCK = 192;
const FRAME_HEADER = 24;
const TIMESTAMP = 16;
/** Where the frozen messages end in the ring, and the number of the one that is published there. */
const TAIL = 256;
const NEXT = 49;
const NEXT_LENGTH = 70;
const INCARNATION = '0123456789abcdef';

/** The frozen segment, as `frozen.txt` says it. */
function frozenSegment(): Uint8Array {
  const text = readFileSync(join(workspaceRoot, 'test', 'src', 'conformance', 'frozen.txt'), 'utf8');
  const bytes = new Uint8Array(SEGMENT_LENGTH);
  for (const line of text.split('\n')) {
    const [, offset = '', digits = ''] = /^([0-9a-f]+): ([0-9a-f]+)$/.exec(line) ?? [];
    bytes.set(Buffer.from(digits, 'hex'), Number.parseInt(offset || '0', 16));
  }
  return bytes;
}

/** The messages in it: the seed of each is its number. */
const FROZEN = [5, 0, 33, 40, 100, 20, 1500, 10].flatMap((length, index) =>
  eventsOf({ sequence: 41 + index, seed: 41 + index, length, count: 1 }),
);

/** The header of a frame up to its timestamp: no flags, of the first slot. */
function frameHeader(length: number, kind: number, sequence: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(TIMESTAMP));
  view.setUint32(0, length, true);
  view.setUint32(4, kind, true);
  view.setBigUint64(8, BigInt(sequence), true);
  return new Uint8Array(view.buffer);
}

async function readsAndWrites(stage: Stage): Promise<void> {
  const frozen = frozenSegment();
  const memory = stage.hold(frozen);
  const publisher = await stage.publisher();
  const subscribers = [
    await stage.subscriber('delivery=lossy start=earliest'),
    await stage.otherSubscriber(`delivery=lossy start=after:${INCARNATION}:40`),
  ];
  for (const subscriber of subscribers) {
    expectEvents((await subscriber.ask('take')).events, FROZEN);
    deepStrictEqual((await subscriber.ask('position subscriber')).words, [INCARNATION, `${NEXT - 1}`]);
  }

  await publisher.ask(`publish ${NEXT} ${NEXT_LENGTH} 1`);
  deepStrictEqual((await publisher.ask('position publisher')).words, [INCARNATION, `${NEXT}`]);
  const published = eventsOf({ sequence: NEXT, seed: NEXT, length: NEXT_LENGTH, count: 1 });
  for (const subscriber of subscribers) expectEvents((await subscriber.ask('take')).events, published);

  const from = (offset: number, length: number) => memory.slice(offset, offset + length);
  deepStrictEqual(from(0, PUBLISHER_LOCK), frozen.slice(0, PUBLISHER_LOCK));
  const frame = RING + TAIL;
  deepStrictEqual(from(frame, TIMESTAMP), frameHeader(NEXT_LENGTH, 1, NEXT));
  deepStrictEqual(from(frame + FRAME_HEADER, NEXT_LENGTH), contentOf(NEXT, NEXT_LENGTH));
  // A terminator says nothing but its kind and its number.
  const terminator = RING + TAIL + 96;
  strictEqual(memory[terminator + 4], 3);
  deepStrictEqual(from(terminator + 8, 8), frameHeader(0, 3, NEXT + 1).slice(8));
  const tail = new DataView(from(256, 8).buffer).getBigInt64(0, true);
  strictEqual(tail, BigInt(4096 + TAIL + 96));
}

async function refusesOlder(stage: Stage): Promise<void> {
  const bytes = frozenSegment();
  bytes[FORMAT_VERSION] = 1;
  stage.hold(bytes);
  // Both versions, whatever the words around them.
  const text = /version.*\b1\b.*\b2\b/i;
  await rejects(stage.publisher(), text);
  await rejects(stage.subscriber(), text);
}

/** Bytes that no publisher writes, each with how many of the frozen messages come before them. */
const WRONG: readonly (readonly [before: number, ...bytes: (readonly [offset: number, byte: number])[]])[] = [
  // Extensions of no unit, of nine, and behind the end of the frame: of 5 bytes, and of none.
  [3, [0x1898, 0]],
  [3, [0x1898, 9]],
  [4, [0x18f8, 9]],
  [0, [0x1805, 1]],
  [1, [0x1825, 1]],
  // The largest message has 39 bytes, so that 40 behind an extension find room in a frame, and are too many.
  [3, [136, 39], [137, 0], [52, 103], [53, 0]],
];

/** A subscriber that reads that says so, after the messages before it. */
async function refusesWrong(stage: Stage): Promise<void> {
  const frozen = frozenSegment();
  const memory = stage.hold(frozen);
  for (const [before, ...bytes] of WRONG) {
    for (const [offset, byte] of bytes) memory[offset] = byte;
    const subscriber = await stage.subscriber('delivery=lossy start=earliest');
    const events: string[] = [];
    await rejects(
      subscriber.ask('take', (event) => events.push(event)),
      / answers take with: error /,
    );
    expectEvents(events, FROZEN.slice(0, before));
    await subscriber.exit();
    for (const [offset] of bytes) memory[offset] = frozen[offset] as number;
  }
}

/** Bytes that were written once: no language reads or writes anything else for this version of the format. */
export const frozenScenarios: readonly Scenario[] = [
  { name: 'frozen bytes', isShort: true, opensMemory: true, run: readsAndWrites },
  { name: 'wrong extensions', isShort: true, opensMemory: true, run: refusesWrong },
  { name: 'an older version', isShort: true, opensMemory: true, run: refusesOlder },
];
