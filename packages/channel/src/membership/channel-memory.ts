import { MmfError } from '@mmfbus/core';
import {
  type Access,
  accessOfNew,
  audienceOf,
  awaitSegment,
  copyOut,
  type OwnLongs,
  type OwnWords,
  openSegment,
  randomNonce,
  type Segment,
  type SharedBytes,
  type SharedMemory,
  type SharedStores,
  sharedBytes,
  sharedLongs,
  sharedStores,
  sharedWords,
} from '@mmfbus/core/internal';
import type { ChannelDefinition } from '../format/definition.js';
import { writeTerminator } from '../format/frame.js';
import { type Geometry, planGeometry, readGeometry, writeGeometry } from '../format/geometry.js';
import * as header from '../format/header-layout.js';
import { PATTERN_DIRECTORY, patternName } from '../format/patterns.js';
import { namespaceOf, type Scope } from '../format/scope.js';
import { ChannelError, type ChannelErrorCode } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';

/** What opening a channel does where it exists, and where it does not. */
export type OpenMode = 'open-or-create' | 'open' | 'create';

/** What {@link ChannelMemory} needs of a segment. */
export type MappedChannel = Pick<Segment, 'memory' | 'size' | 'access' | 'isNamed' | 'close'>;

/** A channel's segment, mapped and found to be what it should be. */
export class ChannelMemory {
  readonly name: string;
  readonly geometry: Geometry;
  /** Of this life of the channel, 16 hexadecimal digits. */
  readonly incarnation: string;
  /** Whom its file lets in; undefined where it is for this user alone by its name, and on Windows. */
  readonly access: Access | undefined;
  /** The header and the table of participants, as words of 32 and of 64 bits. */
  readonly words: OwnWords;
  readonly longs: OwnLongs;
  /** The same region, byte by byte. */
  readonly bytes: SharedBytes;
  readonly ring: SharedBytes;
  readonly ringWords: OwnWords;
  readonly ringStores: SharedStores;
  /** Called once, after it was unmapped, with what {@link ChannelMemory.close} was told. */
  afterClose: ((last: boolean) => Promise<void>) | undefined;
  /** Settled when that is done, where it was called. */
  closed: Promise<void> = Promise.resolve();
  readonly #segment: MappedChannel;

  constructor(name: string, scope: Scope, segment: MappedChannel, geometry: Geometry, incarnation: string) {
    const { ringOffset, ringCapacity } = geometry;
    const { memory } = segment;
    this.name = name;
    this.geometry = geometry;
    this.incarnation = incarnation;
    this.access = scope === 'machine' ? segment.access : undefined;
    this.words = sharedWords(memory, 0, ringOffset / Int32Array.BYTES_PER_ELEMENT);
    this.longs = sharedLongs(memory, 0, ringOffset / BigInt64Array.BYTES_PER_ELEMENT);
    this.bytes = sharedBytes(memory, 0, ringOffset);
    this.ring = sharedBytes(memory, ringOffset, ringCapacity);
    this.ringWords = sharedWords(memory, ringOffset, ringCapacity / Int32Array.BYTES_PER_ELEMENT);
    this.ringStores = sharedStores(memory, ringOffset, ringCapacity);
    this.#segment = segment;
  }

  /** Whether programs that join find this memory. False only where they surely do not. */
  isNamed(): boolean {
    return this.#segment.isNamed();
  }

  /**
   * Unmaps it. Nothing may touch the arrays after this: they are empty.
   *
   * @param last says that all others have left, or died.
   */
  close(last = false): void {
    const { afterClose } = this;
    this.afterClose = undefined;
    try {
      this.#segment.close(last);
      atStep?.('leave: unmapped');
    } finally {
      if (afterClose !== undefined) this.closed = afterClose(last);
    }
  }
}

/**
 * Opens the channel's segment, or creates it.
 *
 * @param signal ends the waiting for processes that create or remove the segment at this moment.
 * @param room bytes that a new one has between the participants and the ring. Defaults to 0.
 * @throws {@link ChannelError} `NOT_FOUND`, `EXISTS`, `NOT_A_CHANNEL`, `CORRUPTED`, or one of the codes that end in `_MISMATCH`;
 * and what `awaitSegment` throws.
 */
export async function openChannelMemory(
  definition: ChannelDefinition<unknown>,
  open: OpenMode,
  signal?: AbortSignal,
  room = 0,
): Promise<ChannelMemory> {
  const { name, scope, mode, group } = definition;
  const geometry = planGeometry(definition, room);
  let segment: Segment;
  try {
    const request = {
      name,
      namespace: namespaceOf(scope),
      mode,
      group,
      disposition: open,
      size: geometry.ringOffset + geometry.ringCapacity,
      existingSize: 0,
      initialise: (memory: Uint8Array<ArrayBuffer>) => initialise(memory, definition, geometry),
    } as const;
    segment = await awaitSegment(request, { signal, timeout: Number.POSITIVE_INFINITY });
  } catch (error) {
    if (error instanceof MmfError && error.code === 'NOT_FOUND') {
      throw new ChannelError('NOT_FOUND', name, 'there is no such channel', { cause: error });
    }
    if (error instanceof MmfError && error.code === 'EXISTS') {
      throw new ChannelError('EXISTS', name, 'there is such a channel already', { cause: error });
    }
    throw error;
  }
  atStep?.('create: opened');
  try {
    if (scope === 'machine') checkAccess(definition, segment.access);
    const bytes = copyHeader(name, segment);
    const geometry = checkHeader(name, bytes, segment.size);
    checkAgreement(definition, segment, bytes, geometry);
    return new ChannelMemory(name, scope, segment, geometry, readIncarnation(bytes));
  } catch (error) {
    segment.close();
    throw error;
  }
}

/**
 * Opens the segment of any channel, to look at it.
 *
 * @param isMeant says by whom its file lets in whether it is the one that is meant. It is not looked at otherwise.
 * @returns undefined when no channel has that name, or not the one that is meant.
 * @throws {@link ChannelError} `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; and what `openSegment` throws.
 */
export function openForeignMemory(
  name: string,
  scope: Scope,
  isMeant: (access: Access | undefined) => boolean,
): ChannelMemory | undefined {
  let segment: Segment;
  try {
    segment = openSegment({ name, namespace: namespaceOf(scope), disposition: 'open', size: 0 });
  } catch (error) {
    if (error instanceof MmfError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
  if (!isMeant(segment.access)) {
    segment.close();
    return undefined;
  }
  try {
    return viewChannelMemory(name, scope, segment);
  } catch (error) {
    segment.close();
    throw error;
  }
}

/**
 * The memory of any channel, for a process that only looks at it.
 *
 * @param view what is mapped, for reading only.
 * @throws {@link ChannelError} `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`.
 */
export function viewChannelMemory(name: string, scope: Scope, view: MappedChannel): ChannelMemory {
  const bytes = copyHeader(name, view);
  const geometry = checkHeader(name, bytes, view.size);
  return new ChannelMemory(name, scope, view, geometry, readIncarnation(bytes));
}

/** Refuses memory that lets in others than this program asks for, or whose participants cannot all reach one another. */
function checkAccess(
  { name, pattern, mode, group }: ChannelDefinition<unknown>,
  access: Access | undefined,
): void {
  if (access === undefined) return;
  const refuse = (why: string): never => {
    throw new MmfError('ACCESS_DENIED', `${name}: ${why}`);
  };
  const gid = group === undefined ? undefined : accessOfNew(mode, group)?.gid;
  if (gid !== undefined && access.gid !== gid) {
    refuse(
      `it belongs to user ${access.uid} and group ${access.gid}, and this program asks for group ${gid}`,
    );
  }
  // What a directory lets in is known by its name; a channel may let in fewer than it might.
  const isRight = (most: number) =>
    pattern === PATTERN_DIRECTORY ? access.mode === most : (access.mode & ~most) === 0;
  if (mode !== undefined && !isRight(mode)) {
    const [there, most] = [access.mode.toString(8), mode.toString(8)];
    refuse(
      `it belongs to user ${access.uid} and has the mode 0${there}; this program allows 0${most} at most`,
    );
  }
  try {
    audienceOf(access);
  } catch (error) {
    refuse((error as Error).message);
  }
}

function initialise(
  bytes: Uint8Array<ArrayBuffer>,
  { pattern, codec, schemaBytes, schemaHash }: ChannelDefinition<unknown>,
  geometry: Geometry,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(header.FORMAT_VERSION_OFFSET, header.FORMAT_VERSION, true);
  writeGeometry(view, geometry);
  bytes.set(Buffer.from(codec.id, 'latin1'), header.CODEC_OFFSET);
  bytes.set(schemaHash, header.SCHEMA_HASH_OFFSET);
  bytes.set(schemaBytes, geometry.schemaOffset === 0 ? header.HEADER_LENGTH : geometry.schemaOffset);
  view.setBigUint64(header.CREATED_AT_OFFSET, BigInt(Date.now()), true);
  view.setUint32(header.PATTERN_OFFSET, pattern, true);
  view.setBigUint64(header.INCARNATION_OFFSET, randomNonce(), true);
  writeTerminator(new Int32Array(bytes.buffer, bytes.byteOffset + geometry.ringOffset), 0, 1, 0);
  view.setBigUint64(header.MAGIC_OFFSET, header.MAGIC, true);
  atStep?.('create: filled');
}

/** The header as it is now: what is checked in it is what is used. */
function copyHeader(name: string, { memory, size }: MappedChannel): Buffer {
  if (size < header.HEADER_LENGTH) throw notAChannel(name);
  return Buffer.from(copyOut(sharedBytes(memory, 0, header.HEADER_LENGTH), 0, header.HEADER_LENGTH).buffer);
}

function notAChannel(name: string): ChannelError {
  return new ChannelError('NOT_A_CHANNEL', name, 'the memory of that name is not a channel');
}

/** Nothing is written before all fields are right. */
function checkHeader(name: string, bytes: Buffer, size: number): Geometry {
  const view = new DataView(bytes.buffer);
  if (view.getBigUint64(header.MAGIC_OFFSET, true) !== header.MAGIC) throw notAChannel(name);
  const version = view.getUint32(header.FORMAT_VERSION_OFFSET, true);
  expectSame(name, 'VERSION_MISMATCH', 'format version', version, header.FORMAT_VERSION);
  const unknown = view.getUint32(header.REQUIRED_FEATURES_OFFSET, true) & ~header.KNOWN_FEATURES;
  if (unknown !== 0) {
    const text = `it requires features that this program does not know: bits 0x${(unknown >>> 0).toString(16)}`;
    throw new ChannelError('VERSION_MISMATCH', name, text);
  }
  return readGeometry(name, view, size);
}

/** Refuses a channel that is not the one that was defined. */
function checkAgreement(
  definition: ChannelDefinition<unknown>,
  { memory }: Segment,
  bytes: Buffer,
  geometry: Geometry,
): void {
  const { name, capacity, capacityGiven, history, maxMessage, takesAny } = definition;
  const pattern = bytes.readUInt32LE(header.PATTERN_OFFSET);
  expectSame(name, 'PATTERN_MISMATCH', 'pattern', patternName(pattern), patternName(definition.pattern));
  const wanted = capacityGiven ? capacity : undefined;
  expectSame(name, 'CAPACITY_MISMATCH', 'capacity', geometry.ringCapacity, wanted);
  expectSame(name, 'HISTORY_MISMATCH', 'history', geometry.history, history);
  expectSame(name, 'MAX_MESSAGE_MISMATCH', 'maxMessage', geometry.maxMessage, maxMessage);
  if (takesAny) return;
  expectSame(name, 'CODEC_MISMATCH', 'codec', readCodec(bytes), definition.codec.id);
  checkSchema(memory, bytes, geometry, definition);
}

function expectSame<V>(
  name: string,
  code: ChannelErrorCode,
  what: string,
  there: V,
  here: V | undefined,
): void {
  if (here === undefined || there === here) return;
  const [a, b] = [JSON.stringify(there), JSON.stringify(here)];
  throw new ChannelError(code, name, `its ${what} is ${a}, this program's ${b}`);
}

function readIncarnation(bytes: Buffer): string {
  return bytes.readBigUInt64LE(header.INCARNATION_OFFSET).toString(16).padStart(16, '0');
}

function readCodec(bytes: Buffer): string {
  const end = header.CODEC_OFFSET + header.CODEC_LENGTH;
  return bytes.toString('latin1', header.CODEC_OFFSET, end).replace(/\0+$/, '');
}

function checkSchema(
  memory: SharedMemory,
  bytes: Buffer,
  geometry: Geometry,
  definition: ChannelDefinition<unknown>,
): void {
  const { name } = definition;
  const { schema } = definition.codec;
  const { schemaLength } = geometry;
  if (schema === undefined && schemaLength === 0) return;
  if (schema === undefined) {
    const text =
      "it has a schema, and this program none to compare with it; subscribers may say schema: 'any'";
    throw new ChannelError('SCHEMA_MISMATCH', name, text);
  }
  if (schemaLength === 0)
    throw new ChannelError('SCHEMA_MISMATCH', name, 'it has no schema, and this program has one');
  const hash = bytes.subarray(
    header.SCHEMA_HASH_OFFSET,
    header.SCHEMA_HASH_OFFSET + header.SCHEMA_HASH_LENGTH,
  );
  if (hash.equals(definition.schemaHash)) return;
  const there = readSchema(memory, geometry);
  const difference = schema.difference(there);
  if (difference === undefined) return;
  throw new ChannelError('SCHEMA_MISMATCH', name, `its schema is another one: ${difference}`);
}

/** The text of the schema. */
function readSchema(memory: SharedMemory, { schemaOffset, schemaLength }: Geometry): string {
  const text = copyOut(sharedBytes(memory, schemaOffset, schemaLength), 0, schemaLength);
  return Buffer.from(text.buffer).toString();
}

/** The id of the codec that a channel has, and the text of its schema, where there is one: copies, to be checked by who uses them. */
export function readEncoding({ bytes, geometry }: ChannelMemory): {
  readonly codec: string;
  readonly schema: string | undefined;
} {
  const { schemaOffset, schemaLength } = geometry;
  const text = copyOut(bytes, schemaOffset, schemaOffset + schemaLength);
  return {
    codec: readCodec(Buffer.from(copyOut(bytes, 0, header.HEADER_LENGTH).buffer)),
    schema: schemaLength === 0 ? undefined : Buffer.from(text.buffer).toString(),
  };
}
