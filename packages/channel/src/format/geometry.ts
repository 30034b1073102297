import { ChannelError } from '../foundation/errors.js';
import { FRAME_ALIGNMENT, FRAME_HEADER_LENGTH, frameLength } from './frame-layout.js';
import * as header from './header-layout.js';
import {
  LARGEST_MESSAGE,
  MAX_CAPACITY,
  MAX_EXTENSION_LENGTH,
  MAX_SCHEMA_LENGTH,
  MIN_CAPACITY,
} from './limits.js';
import { MAX_PARTICIPANTS, PARTICIPANT_LENGTH } from './participant-layout.js';
import { patternRegion } from './patterns.js';

/** Bytes of a message unless something else is asked for or promised. */
const DEFAULT_MAX_MESSAGE: number = 64 * 2 ** 20;
/** The ring begins at a multiple of this, so that it can be mapped on its own. */
const RING_ALIGNMENT = 4096;
/** No frame takes more than this part of the ring, so that one fits wherever the tail stands. */
const LARGEST_FRAME_PART = 4;
/** What is promised to late joiners takes at most this part of the ring. */
const HISTORY_PART = 2;

/** Sizes and places in a segment; checked once against the mapping and never read again. */
export interface Geometry {
  readonly participantCount: number;
  /** Where the participants end, and what the pattern uses for itself begins. */
  readonly regionOffset: number;
  readonly ringOffset: number;
  readonly ringCapacity: number;
  /** Most bytes of payload in one frame, with what extends its header. */
  readonly maxPayload: number;
  /** Most bytes of one message; more than `maxPayload` where messages are split. */
  readonly maxMessage: number;
  /** How many of the last messages stay in the ring. */
  readonly history: number;
  /** Where the text of the schema lies; both 0 for none. */
  readonly schemaOffset: number;
  readonly schemaLength: number;
}

/** What the geometry of a new segment follows from. */
export interface GeometryRequest {
  readonly name: string;
  readonly pattern: number;
  readonly capacity: number;
  readonly maxParticipants: number;
  readonly schemaBytes: Uint8Array;
  /** Defaults to 0. */
  readonly history: number | undefined;
  /** Defaults to 64 MiB, with a history to what lets that fit. */
  readonly maxMessage: number | undefined;
}

/**
 * The geometry of a new segment.
 *
 * @param room bytes between the participants and the ring, beside the schema.
 * @throws {@link ChannelError} `INVALID_ARGUMENT` when the history does not fit.
 */
export function planGeometry(request: GeometryRequest, room: number): Geometry {
  const { capacity, maxParticipants, schemaBytes } = request;
  const regionOffset = endOfParticipants(maxParticipants);
  const regionEnd = regionOffset + patternRegion(request.pattern, maxParticipants);
  const history = request.history ?? 0;
  const maxMessage = request.maxMessage ?? defaultMaxMessage(capacity, history);
  const maxPayload = maxPayloadOf(capacity, maxMessage);
  const problem = historyProblem(capacity, history, maxMessage);
  if (problem !== undefined) throw new ChannelError('INVALID_ARGUMENT', request.name, problem);
  return {
    participantCount: maxParticipants,
    regionOffset,
    schemaOffset: schemaBytes.length === 0 ? 0 : regionEnd,
    schemaLength: schemaBytes.length,
    ringOffset: Math.ceil((regionEnd + schemaBytes.length + room) / RING_ALIGNMENT) * RING_ALIGNMENT,
    ringCapacity: capacity,
    maxPayload,
    maxMessage,
    history,
  };
}

function endOfParticipants(participantCount: number): number {
  return header.HEADER_LENGTH + participantCount * PARTICIPANT_LENGTH;
}

function largestPayload(ringCapacity: number): number {
  return ringCapacity / LARGEST_FRAME_PART - FRAME_HEADER_LENGTH;
}

function maxPayloadOf(ringCapacity: number, maxMessage: number): number {
  return Math.min(largestPayload(ringCapacity), maxMessage + MAX_EXTENSION_LENGTH);
}

/** Most bytes of a message that is not split, where nothing extends its header. */
export function maxWholeOf({ maxPayload, maxMessage }: Geometry): number {
  return Math.min(maxPayload, maxMessage);
}

/** Most bytes of a message that is not split, whatever may extend its header. */
function largestWhole(ringCapacity: number): number {
  return largestPayload(ringCapacity) - MAX_EXTENSION_LENGTH;
}

function defaultMaxMessage(capacity: number, history: number): number {
  if (history === 0) return DEFAULT_MAX_MESSAGE;
  const share = Math.floor(capacity / HISTORY_PART / history / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
  const whole = share - FRAME_HEADER_LENGTH - MAX_EXTENSION_LENGTH;
  return Math.max(1, Math.min(whole, largestWhole(capacity)));
}

/** Why that history cannot be promised; undefined when it can. */
function historyProblem(capacity: number, history: number, maxMessage: number): string | undefined {
  if (history === 0) return undefined;
  if (maxMessage > largestWhole(capacity)) {
    return (
      `with a history, a message must fit into one frame: maxMessage is ${maxMessage}, ` +
      `a ring of ${capacity} bytes takes messages of up to ${largestWhole(capacity)} in one`
    );
  }
  const promised = history * frameLength(maxMessage + MAX_EXTENSION_LENGTH);
  if (promised <= capacity / HISTORY_PART) return undefined;
  return (
    `a history of ${history} messages of up to ${maxMessage} bytes takes ${promised} bytes, ` +
    `half of the ring of ${capacity} is ${capacity / HISTORY_PART}`
  );
}

/** Writes it into the header of a new segment. */
export function writeGeometry(view: DataView, geometry: Geometry): void {
  const { participantCount, ringOffset, ringCapacity } = geometry;
  view.setUint32(header.HEADER_LENGTH_OFFSET, header.HEADER_LENGTH, true);
  view.setBigUint64(header.SEGMENT_LENGTH_OFFSET, BigInt(ringOffset + ringCapacity), true);
  view.setBigUint64(header.RING_OFFSET_OFFSET, BigInt(ringOffset), true);
  view.setBigUint64(header.RING_CAPACITY_OFFSET, BigInt(ringCapacity), true);
  view.setUint32(header.PARTICIPANTS_OFFSET_OFFSET, header.HEADER_LENGTH, true);
  view.setUint32(header.PARTICIPANT_COUNT_OFFSET, participantCount, true);
  view.setUint32(header.PARTICIPANT_LENGTH_OFFSET, PARTICIPANT_LENGTH, true);
  view.setUint32(header.MAX_PAYLOAD_OFFSET, geometry.maxPayload, true);
  view.setUint32(header.SCHEMA_OFFSET_OFFSET, geometry.schemaOffset, true);
  view.setUint32(header.SCHEMA_LENGTH_OFFSET, geometry.schemaLength, true);
  view.setBigUint64(header.HISTORY_OFFSET, BigInt(geometry.history), true);
  view.setBigUint64(header.MAX_MESSAGE_OFFSET, BigInt(geometry.maxMessage), true);
}

/**
 * Reads a private copy of a header, and checks it against the size of the mapping.
 *
 * @throws {@link ChannelError} `CORRUPTED`.
 */
export function readGeometry(name: string, view: DataView, size: number): Geometry {
  const participantCount = view.getUint32(header.PARTICIPANT_COUNT_OFFSET, true);
  const geometry: Geometry = {
    participantCount,
    regionOffset: endOfParticipants(participantCount),
    ringOffset: Number(view.getBigUint64(header.RING_OFFSET_OFFSET, true)),
    ringCapacity: Number(view.getBigUint64(header.RING_CAPACITY_OFFSET, true)),
    maxPayload: view.getUint32(header.MAX_PAYLOAD_OFFSET, true),
    maxMessage: Number(view.getBigUint64(header.MAX_MESSAGE_OFFSET, true)),
    history: Number(view.getBigUint64(header.HISTORY_OFFSET, true)),
    schemaOffset: view.getUint32(header.SCHEMA_OFFSET_OFFSET, true),
    schemaLength: view.getUint32(header.SCHEMA_LENGTH_OFFSET, true),
  };
  const region = patternRegion(view.getUint32(header.PATTERN_OFFSET, true), participantCount);
  const wrong = [
    ...lengthProblems(view),
    ...placeProblems(geometry, region, size),
    ...limitProblems(geometry),
  ]
    .filter(([right]) => !right)
    .map(([, problem]) => problem);
  if (wrong.length > 0) throw new ChannelError('CORRUPTED', name, `its header is wrong: ${wrong[0]}`);
  return geometry;
}

type Check = readonly [right: boolean, problem: string];

function lengthProblems(view: DataView): Check[] {
  return [
    ['headerLength', header.HEADER_LENGTH_OFFSET, header.HEADER_LENGTH] as const,
    ['participantsOffset', header.PARTICIPANTS_OFFSET_OFFSET, header.HEADER_LENGTH] as const,
    ['participantLength', header.PARTICIPANT_LENGTH_OFFSET, PARTICIPANT_LENGTH] as const,
  ].map(([what, offset, due]) => {
    const value = view.getUint32(offset, true);
    return [value === due, `${what} ${value} is not ${due}`];
  });
}

function placeProblems(geometry: Geometry, region: number, size: number): Check[] {
  const { participantCount, regionOffset, ringOffset, ringCapacity, schemaOffset, schemaLength } = geometry;
  const regionEnd = regionOffset + region;
  return [
    [
      participantCount >= 2 && participantCount <= MAX_PARTICIPANTS,
      `participantCount ${participantCount} is not from 2 to ${MAX_PARTICIPANTS}`,
    ],
    [
      ringCapacity >= MIN_CAPACITY &&
        ringCapacity <= MAX_CAPACITY &&
        Number.isInteger(Math.log2(ringCapacity)),
      `ringCapacity ${ringCapacity} is not a power of two from ${MIN_CAPACITY} to ${MAX_CAPACITY}`,
    ],
    [
      ringOffset % RING_ALIGNMENT === 0 && ringOffset >= regionEnd,
      `ringOffset ${ringOffset} is not a multiple of ${RING_ALIGNMENT} from ${regionEnd} on`,
    ],
    [
      ringOffset + ringCapacity <= size,
      `the ring ends at ${ringOffset + ringCapacity}, the mapping at ${size}`,
    ],
    [
      schemaLength === 0 || (schemaOffset >= regionEnd && schemaOffset + schemaLength <= ringOffset),
      `the schema is at ${schemaOffset} and has ${schemaLength} bytes, between ${regionEnd} and ${ringOffset}`,
    ],
    [schemaLength <= MAX_SCHEMA_LENGTH, `schemaLength ${schemaLength} is more than ${MAX_SCHEMA_LENGTH}`],
  ];
}

function limitProblems({ ringCapacity, maxPayload, maxMessage, history }: Geometry): Check[] {
  const largest = maxPayloadOf(ringCapacity, maxMessage);
  const problem = historyProblem(ringCapacity, history, maxMessage);
  return [
    [
      maxMessage >= 1 && maxMessage <= LARGEST_MESSAGE,
      `maxMessage ${maxMessage} is not from 1 to ${LARGEST_MESSAGE}`,
    ],
    [maxPayload === largest, `maxPayload ${maxPayload} is not ${largest}`],
    [problem === undefined, problem ?? ''],
  ];
}
