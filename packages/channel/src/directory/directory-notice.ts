import { type Codec, raw } from '@mmfbus/codec';
import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import {
  CHANNEL_OFFSET,
  KIND_OFFSET,
  NAME_LENGTH,
  NOTICE_CHANGED,
  NOTICE_CLOSED,
  NOTICE_LENGTH,
  NOTICE_OPENED,
} from '../format/directory-layout.js';
import { decodeName, encodeName } from './directory-entries.js';

/** What is told of a channel: it is listed, is listed no more, or has other participants than before. */
export interface Notice {
  readonly kind: 'opened' | 'closed' | 'changed';
  readonly channel: string;
}

const KINDS: readonly [Notice['kind'], number][] = [
  ['opened', NOTICE_OPENED],
  ['closed', NOTICE_CLOSED],
  ['changed', NOTICE_CHANGED],
];

const bytesCodec = raw();

/** The directory's codec: bytes as they are, under an id that tells a directory from a channel. */
export const directoryCodec: Codec<Uint8Array> = { ...bytesCodec, id: 'mmfbus~directory' };

/** A notice as it lies in the ring. */
export function encodeNotice({ kind, channel }: Notice): WordBytes {
  const bytes = allocateWordBytes(NOTICE_LENGTH);
  const number = KINDS.find(([name]) => name === kind)?.[1] ?? NOTICE_CHANGED;
  new DataView(bytes.buffer).setUint32(KIND_OFFSET, number, true);
  bytes.set(encodeName(channel), CHANNEL_OFFSET);
  return bytes;
}

/** Undefined for bytes that are no notice. */
export function decodeNotice(bytes: Uint8Array): Notice | undefined {
  if (bytes.length < NOTICE_LENGTH) return undefined;
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(KIND_OFFSET, true);
  const kind = KINDS.find(([, value]) => value === number)?.[0];
  const channel = decodeName(bytes.subarray(CHANNEL_OFFSET, CHANNEL_OFFSET + NAME_LENGTH));
  return kind === undefined || channel === undefined ? undefined : { kind, channel };
}
