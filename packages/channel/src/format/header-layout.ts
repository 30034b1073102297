import { field, type Layout, layout, spare } from './layout.js';
import {
  PATTERN_CALLS,
  PATTERN_CHANNEL,
  PATTERN_DIRECTORY,
  PATTERN_REGISTRY,
  PATTERN_REPLIES,
} from './patterns.js';

/** The version that this code writes and reads. */
export const FORMAT_VERSION = 2;

/** Values of `closedReason`. */
export const CLOSED_BY_LEAVING = 1;
export const CLOSED_BY_DEATH = 2;

const header = layout('Segment header', [
  field('magic', 'u64', '`6d 6d 66 62 75 73 63 68` ("mmfbusch"), stored last by the creator'),
  field('formatVersion', 'u32', 'version of this format', { FORMAT_VERSION: [FORMAT_VERSION, ''] }),
  field('headerLength', 'u32', 'bytes of this header'),
  field('segmentLength', 'u64', 'bytes of the segment'),
  field('ringOffset', 'u64', 'where the ring begins, a multiple of 4096'),
  field('ringCapacity', 'u64', 'bytes of the ring, a power of two'),
  field('participantsOffset', 'u32', 'where the table of participants begins'),
  field('participantCount', 'u32', 'slots in that table, 2 to 1024'),
  field('participantLength', 'u32', 'bytes of a slot'),
  field(
    'maxPayload',
    'u32',
    'most bytes of payload in one frame: a quarter of the ring less its header, or `maxMessage` + 64 if that is less',
  ),
  field('schemaOffset', 'u32', 'where the text of the schema begins; 0 for none'),
  field('schemaLength', 'u32', 'bytes of that text'),

  field('codec', 'u8[32]', 'id of the codec, ASCII, padded with zeros'),
  field('schema', 'u8[32]', 'SHA-256 of the text of the schema; zero for none'),

  field(
    'history',
    'u64',
    'how many of the last messages stay in the ring for late joiners; 0 for no promise',
  ),
  field('maxMessage', 'u64', 'most bytes of one message'),
  field('createdAt', 'u64', 'when the segment was created, milliseconds since 1970'),
  field('pattern', 'u32', 'what the segment is for; 5 and 6 are reserved', {
    PATTERN_CHANNEL: [PATTERN_CHANNEL, 'a channel'],
    PATTERN_REGISTRY: [PATTERN_REGISTRY, 'the registry of a service'],
    PATTERN_CALLS: [PATTERN_CALLS, 'the inbox of a server'],
    PATTERN_REPLIES: [PATTERN_REPLIES, 'the mailbox of a client'],
    PATTERN_DIRECTORY: [PATTERN_DIRECTORY, 'a directory'],
  }),
  field('requiredFeatures', 'u32', 'bits of features that a program must know to join; none is defined'),
  field('optionalFeatures', 'u32', 'bits of features that a program may leave out; none is defined'),
  spare(4),
  field('incarnation', 'u64', 'random, never 0: tells this life of the channel from all others of its name'),
  spare(16),

  field('publisherLock', 'u32', '0 free; else generation × 1024 + slot of its holder'),
  spare(60),

  field('tail', 'i64', 'position after the last committed frame'),
  spare(56),

  field('head', 'i64', 'position of the oldest intact frame'),
  spare(56),

  field('epoch', 'u32', 'raised when any participant joins, leaves, dies or is disconnected'),
  field('sleepers', 'u32', 'number of participants that sleep for frames; may be too high, never too low'),
  field('roomWaiters', 'u32', 'number of participants that sleep for room; may be too high, never too low'),
  field('closedEpoch', 'u32', 'raised when the last publisher has left or died'),
  field('closedReason', 'u32', 'why', {
    CLOSED_BY_LEAVING: [CLOSED_BY_LEAVING, 'it left'],
    CLOSED_BY_DEATH: [CLOSED_BY_DEATH, 'it died'],
  }),
  field('slotsUsed', 'u32', 'one more than the highest slot that was ever claimed'),
  field(
    'memberWaiters',
    'u32',
    'number of participants that sleep for others to come and go; may be too high, never too low',
  ),
  spare(36),

  spare(64),
]);

/** The first region of a channel's segment. */
export const headerLayout: Layout = header;

/** Bytes of the header. */
export const HEADER_LENGTH: number = header.length;
/** `mmfbusch` read as a little-endian number. */
export const MAGIC = 0x6863737562666d6dn;

export const MAGIC_OFFSET: number = header.offsetOf('magic');
export const FORMAT_VERSION_OFFSET: number = header.offsetOf('formatVersion');
export const HEADER_LENGTH_OFFSET: number = header.offsetOf('headerLength');
export const SEGMENT_LENGTH_OFFSET: number = header.offsetOf('segmentLength');
export const RING_OFFSET_OFFSET: number = header.offsetOf('ringOffset');
export const RING_CAPACITY_OFFSET: number = header.offsetOf('ringCapacity');
export const PARTICIPANTS_OFFSET_OFFSET: number = header.offsetOf('participantsOffset');
export const PARTICIPANT_COUNT_OFFSET: number = header.offsetOf('participantCount');
export const PARTICIPANT_LENGTH_OFFSET: number = header.offsetOf('participantLength');
export const MAX_PAYLOAD_OFFSET: number = header.offsetOf('maxPayload');
export const CODEC_OFFSET: number = header.offsetOf('codec');
export const CODEC_LENGTH = 32;
export const SCHEMA_OFFSET_OFFSET: number = header.offsetOf('schemaOffset');
export const SCHEMA_LENGTH_OFFSET: number = header.offsetOf('schemaLength');
export const SCHEMA_HASH_OFFSET: number = header.offsetOf('schema');
export const SCHEMA_HASH_LENGTH = 32;
export const HISTORY_OFFSET: number = header.offsetOf('history');
export const MAX_MESSAGE_OFFSET: number = header.offsetOf('maxMessage');
export const CREATED_AT_OFFSET: number = header.offsetOf('createdAt');
export const PATTERN_OFFSET: number = header.offsetOf('pattern');
export const REQUIRED_FEATURES_OFFSET: number = header.offsetOf('requiredFeatures');
export const INCARNATION_OFFSET: number = header.offsetOf('incarnation');
export const PUBLISHER_LOCK_OFFSET: number = header.offsetOf('publisherLock');
export const TAIL_OFFSET: number = header.offsetOf('tail');
export const HEAD_OFFSET: number = header.offsetOf('head');
export const EPOCH_OFFSET: number = header.offsetOf('epoch');
export const SLEEPERS_OFFSET: number = header.offsetOf('sleepers');
export const ROOM_WAITERS_OFFSET: number = header.offsetOf('roomWaiters');
export const CLOSED_EPOCH_OFFSET: number = header.offsetOf('closedEpoch');
export const CLOSED_REASON_OFFSET: number = header.offsetOf('closedReason');
export const SLOTS_USED_OFFSET: number = header.offsetOf('slotsUsed');
export const MEMBER_WAITERS_OFFSET: number = header.offsetOf('memberWaiters');

/** Bits of `requiredFeatures` that this code understands. */
export const KNOWN_FEATURES = 0;
