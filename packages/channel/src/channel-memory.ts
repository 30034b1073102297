import { MmfError, openSegment, type Segment, type ValidNamespace } from '@mmfbus/core';
import type { ChannelDefinition } from './definition.js';
import { ChannelError } from './errors.js';
import { FRAME_ALIGNMENT, FRAME_HEADER_LENGTH } from './layout/frame-layout.js';
import * as header from './layout/header-layout.js';
import { MAX_PARTICIPANTS, PARTICIPANT_LENGTH } from './layout/participant-layout.js';
import { writeTerminator } from './ring/frame.js';

/** The ring begins at a multiple of this, so that it can be mapped on its own. */
const RING_ALIGNMENT = 4096;
/** No frame takes more than this part of the ring, so that one fits wherever the tail stands. */
const LARGEST_FRAME_PART = 4;

/** Sizes and places in a segment; checked once against the mapping and never read again. */
export interface Geometry {
  readonly participantCount: number;
  readonly ringOffset: number;
  readonly ringCapacity: number;
  readonly maxPayload: number;
}

/** A channel's segment, mapped and found to be what it should be. */
export class ChannelMemory {
  readonly name: string;
  readonly geometry: Geometry;
  /** The header and the table of participants, as words of 32 and of 64 bits. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly longs: BigInt64Array<ArrayBuffer>;
  /** The same region, byte by byte. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ring: Uint8Array<ArrayBuffer>;
  readonly ringWords: Int32Array<ArrayBuffer>;
  /** Called once, after it was unmapped, with what {@link ChannelMemory.close} was told. */
  afterClose: ((last: boolean) => void) | undefined;
  readonly #segment: Segment;

  constructor(name: string, segment: Segment, geometry: Geometry) {
    const { ringOffset, ringCapacity } = geometry;
    const { memory } = segment;
    this.name = name;
    this.geometry = geometry;
    this.words = new Int32Array(memory, 0, ringOffset / Int32Array.BYTES_PER_ELEMENT);
    this.longs = new BigInt64Array(memory, 0, ringOffset / BigInt64Array.BYTES_PER_ELEMENT);
    this.bytes = new Uint8Array(memory, 0, ringOffset);
    this.ring = new Uint8Array(memory, ringOffset, ringCapacity);
    this.ringWords = new Int32Array(memory, ringOffset, ringCapacity / Int32Array.BYTES_PER_ELEMENT);
    this.#segment = segment;
  }

  /**
   * Unmaps it. Nothing may touch the arrays after this: they are empty.
   *
   * @param last says that everybody else has left, or died.
   */
  close(last = false): void {
    const { afterClose } = this;
    this.afterClose = undefined;
    try {
      this.#segment.close(last);
    } finally {
      afterClose?.(last);
    }
  }
}

/**
 * Opens the channel's segment, or creates it when `create`.
 *
 * @param room bytes that a new one has between the participants and the ring. Defaults to 0.
 * @throws {@link ChannelError} `NOT_FOUND`, `NOT_A_CHANNEL`, `VERSION_MISMATCH`, `CAPACITY_MISMATCH`, `CODEC_MISMATCH`
 * or `CORRUPTED`; and what `openSegment` throws.
 */
export function openChannelMemory(
  definition: ChannelDefinition<unknown>,
  create: boolean,
  room = 0,
): ChannelMemory {
  const { name, namespace, mode } = definition;
  const geometry = planGeometry(definition, room);
  let segment: Segment;
  try {
    segment = openSegment({
      name,
      namespace,
      mode,
      disposition: create ? 'open-or-create' : 'open',
      size: geometry.ringOffset + geometry.ringCapacity,
      existingSize: 0,
      initialise: (memory) => initialise(memory, definition, geometry),
    });
  } catch (error) {
    if (error instanceof MmfError && error.code === 'NOT_FOUND') {
      throw new ChannelError('NOT_FOUND', name, 'there is no such channel', { cause: error });
    }
    throw error;
  }
  try {
    const geometry = checkHeader(name, segment);
    checkAgreement(definition, segment, geometry);
    return new ChannelMemory(name, segment, geometry);
  } catch (error) {
    segment.close();
    throw error;
  }
}

/**
 * Opens the segment of any channel, to look at it.
 *
 * @returns undefined when there is none.
 * @throws {@link ChannelError} `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; and what `openSegment` throws.
 */
export function openForeignMemory(name: string, namespace: ValidNamespace): ChannelMemory | undefined {
  let segment: Segment;
  try {
    segment = openSegment({ name, namespace, disposition: 'open', size: 0 });
  } catch (error) {
    if (error instanceof MmfError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
  try {
    return new ChannelMemory(name, segment, checkHeader(name, segment));
  } catch (error) {
    segment.close();
    throw error;
  }
}

function planGeometry({ capacity, maxParticipants }: ChannelDefinition<unknown>, room: number): Geometry {
  const end = header.HEADER_LENGTH + maxParticipants * PARTICIPANT_LENGTH + room;
  return {
    participantCount: maxParticipants,
    ringOffset: Math.ceil(end / RING_ALIGNMENT) * RING_ALIGNMENT,
    ringCapacity: capacity,
    maxPayload: largestPayload(capacity),
  };
}

function largestPayload(ringCapacity: number): number {
  return ringCapacity / LARGEST_FRAME_PART - FRAME_HEADER_LENGTH;
}

function initialise(memory: ArrayBuffer, { codec }: ChannelDefinition<unknown>, geometry: Geometry): void {
  const view = new DataView(memory);
  const { participantCount, ringOffset, ringCapacity, maxPayload } = geometry;
  view.setUint32(header.FORMAT_VERSION_OFFSET, header.FORMAT_VERSION, true);
  view.setUint32(header.HEADER_LENGTH_OFFSET, header.HEADER_LENGTH, true);
  view.setBigUint64(header.SEGMENT_LENGTH_OFFSET, BigInt(ringOffset + ringCapacity), true);
  view.setBigUint64(header.RING_OFFSET_OFFSET, BigInt(ringOffset), true);
  view.setBigUint64(header.RING_CAPACITY_OFFSET, BigInt(ringCapacity), true);
  view.setUint32(header.PARTICIPANTS_OFFSET_OFFSET, header.HEADER_LENGTH, true);
  view.setUint32(header.PARTICIPANT_COUNT_OFFSET, participantCount, true);
  view.setUint32(header.PARTICIPANT_LENGTH_OFFSET, PARTICIPANT_LENGTH, true);
  view.setUint32(header.MAX_PAYLOAD_OFFSET, maxPayload, true);
  new Uint8Array(memory).set(Buffer.from(codec.id, 'latin1'), header.CODEC_OFFSET);
  view.setBigUint64(header.MAX_MESSAGE_OFFSET, BigInt(maxPayload), true);
  view.setBigUint64(header.CREATED_AT_OFFSET, BigInt(Date.now()), true);
  writeTerminator(new Int32Array(memory, ringOffset), 0, 1);
  view.setBigUint64(header.MAGIC_OFFSET, header.MAGIC, true);
}

/** Reads each field once; nothing is written before all of them are right. */
function checkHeader(name: string, segment: Segment): Geometry {
  const view = new DataView(segment.memory);
  if (segment.size < header.HEADER_LENGTH || view.getBigUint64(header.MAGIC_OFFSET, true) !== header.MAGIC) {
    throw new ChannelError('NOT_A_CHANNEL', name, 'the memory of that name is not a channel');
  }
  const version = view.getUint32(header.FORMAT_VERSION_OFFSET, true);
  if (version !== header.FORMAT_VERSION) {
    throw new ChannelError(
      'VERSION_MISMATCH',
      name,
      `the channel has format version ${version}, this program ${header.FORMAT_VERSION}`,
    );
  }
  const geometry = readGeometry(view);
  checkGeometry(name, view, geometry, segment.size);
  return geometry;
}

/** Whether the channel is what this program takes it for. */
function checkAgreement(
  definition: ChannelDefinition<unknown>,
  segment: Segment,
  { ringCapacity }: Geometry,
): void {
  const { name, codec, capacity, capacityGiven } = definition;
  if (capacityGiven && ringCapacity !== capacity) {
    throw new ChannelError(
      'CAPACITY_MISMATCH',
      name,
      `the channel has a capacity of ${ringCapacity}, this program ${capacity}`,
    );
  }
  const codecBytes = Buffer.from(segment.memory, header.CODEC_OFFSET, header.CODEC_LENGTH);
  const codecId = codecBytes.toString('latin1').replace(/\0+$/, '');
  if (codecId !== codec.id) {
    throw new ChannelError(
      'CODEC_MISMATCH',
      name,
      `the channel has the codec ${JSON.stringify(codecId)}, this program ${JSON.stringify(codec.id)}`,
    );
  }
}

function readGeometry(view: DataView): Geometry {
  return {
    participantCount: view.getUint32(header.PARTICIPANT_COUNT_OFFSET, true),
    ringOffset: Number(view.getBigUint64(header.RING_OFFSET_OFFSET, true)),
    ringCapacity: Number(view.getBigUint64(header.RING_CAPACITY_OFFSET, true)),
    maxPayload: view.getUint32(header.MAX_PAYLOAD_OFFSET, true),
  };
}

function checkGeometry(name: string, view: DataView, geometry: Geometry, size: number): void {
  const { participantCount, ringOffset, ringCapacity, maxPayload } = geometry;
  const headerLength = view.getUint32(header.HEADER_LENGTH_OFFSET, true);
  const participantsOffset = view.getUint32(header.PARTICIPANTS_OFFSET_OFFSET, true);
  const participantLength = view.getUint32(header.PARTICIPANT_LENGTH_OFFSET, true);
  const checks: [boolean, string][] = [
    [headerLength === header.HEADER_LENGTH, `headerLength ${headerLength} is not ${header.HEADER_LENGTH}`],
    [
      participantsOffset === header.HEADER_LENGTH,
      `participantsOffset ${participantsOffset} is not ${header.HEADER_LENGTH}`,
    ],
    [
      participantLength === PARTICIPANT_LENGTH,
      `participantLength ${participantLength} is not ${PARTICIPANT_LENGTH}`,
    ],
    [
      participantCount >= 2 && participantCount <= MAX_PARTICIPANTS,
      `participantCount ${participantCount} is not from 2 to ${MAX_PARTICIPANTS}`,
    ],
    [
      ringCapacity <= 2 ** 30 && Number.isInteger(Math.log2(ringCapacity)) && ringCapacity >= 4096,
      `ringCapacity ${ringCapacity} is not a power of two from 4096 to ${2 ** 30}`,
    ],
    [
      ringOffset % RING_ALIGNMENT === 0 &&
        ringOffset >= header.HEADER_LENGTH + participantCount * PARTICIPANT_LENGTH,
      `ringOffset ${ringOffset} is not a multiple of ${RING_ALIGNMENT} behind the participants`,
    ],
    [
      ringOffset + ringCapacity <= size,
      `the ring ends at ${ringOffset + ringCapacity}, the mapping at ${size}`,
    ],
    [
      maxPayload >= FRAME_ALIGNMENT && maxPayload <= largestPayload(ringCapacity),
      `maxPayload ${maxPayload} is more than ${largestPayload(ringCapacity)}`,
    ],
  ];
  const wrong = checks.find(([right]) => !right);
  if (wrong !== undefined) throw new ChannelError('CORRUPTED', name, `its header is wrong: ${wrong[1]}`);
}
