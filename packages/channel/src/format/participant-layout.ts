import { field, type Layout, layout, spare } from './layout.js';

/** Values of `state`. */
export const STATE_NONE = 0;
export const STATE_PUBLISHER = 1;
export const STATE_RELIABLE = 2;
export const STATE_LOSSY = 3;
export const STATE_DISCONNECTED = 4;

/** Bits of `wants`. */
export const WANTS_FRAMES = 1;
export const WANTS_ROOM = 2;
export const WANTS_MEMBERS = 4;

/** Low bits of `lastEnd`. */
export const ENDED_BY_LEAVING = 1;
export const ENDED_BY_DEATH = 2;
export const END_BITS = 2;

/** Values of `phase`. */
export const PHASE_SERVING = 1;
export const PHASE_DRAINING = 2;

/** Values of `disconnectReason`. */
export const DISCONNECTED_AS_SLOW = 1;
export const DISCONNECTED_AS_WRONG = 2;

const slot = layout('Slot of a participant', [
  field('nonce', 'i64', "0 free; else the nonce of its owner's port"),
  field('identityNonce', 'i64', 'equal to `nonce` while the identity beside it is that of its owner'),
  field('startTime', 'u64', "start of the owner's process in the operating system's unit; 0 unknown"),
  field('pidNamespace', 'u64', "PID namespace of the owner's process; 0 unknown"),
  field('pid', 'u32', "id of the owner's process in that namespace"),
  field('generation', 'u32', 'raised at each claim, from 1 to 4194303 and round again; never reset'),
  field('joinedAt', 'u64', 'when it was claimed, nanoseconds of the monotonic clock'),
  field('threadStartTime', 'u64', "Windows: creation of the owner's thread; 0 unknown, and elsewhere"),
  field('threadId', 'u32', "Windows: id of the owner's thread; 0 unknown, and elsewhere"),
  spare(4),

  field('cursor', 'i64', 'subscriber: it no longer needs anything before this position'),
  field('state', 'u32', '', {
    STATE_NONE: [STATE_NONE, 'none'],
    STATE_PUBLISHER: [STATE_PUBLISHER, 'publisher'],
    STATE_RELIABLE: [STATE_RELIABLE, 'reliable subscriber'],
    STATE_LOSSY: [STATE_LOSSY, 'lossy subscriber'],
    STATE_DISCONNECTED: [STATE_DISCONNECTED, 'disconnected'],
  }),
  field('asleep', 'u32', '0 awake; else the number of this sleep, from `sleeps`'),
  field(
    'sleeps',
    'u32',
    'number of the last sleep of any owner of the slot; never reset, never 0 after the first',
  ),
  field('disconnectReason', 'u32', 'with state 4', {
    DISCONNECTED_AS_SLOW: [DISCONNECTED_AS_SLOW, 'too slow'],
    DISCONNECTED_AS_WRONG: [DISCONNECTED_AS_WRONG, 'invalid cursor'],
  }),
  field('wants', 'u32', 'what this sleep is for, bit by bit', {
    WANTS_FRAMES: [WANTS_FRAMES, 'frames, and publishers that come and go'],
    WANTS_ROOM: [WANTS_ROOM, 'room'],
    WANTS_MEMBERS: [WANTS_MEMBERS, 'participants that come and go'],
  }),
  field('lastEnd', 'u32', 'generation × 4 + how: the last participation that ended here', {
    ENDED_BY_LEAVING: [ENDED_BY_LEAVING, 'it left'],
    ENDED_BY_DEATH: [ENDED_BY_DEATH, 'it died'],
  }),
  field('phase', 'u32', 'of a server; zero in a channel', {
    PHASE_SERVING: [PHASE_SERVING, 'serving'],
    PHASE_DRAINING: [PHASE_DRAINING, 'draining'],
  }),
  spare(4),
  field('done', 'u64', 'of a server: messages of its inbox that it is done with; zero in a channel'),
  field('detail', 'u64', 'of a server: id of its inbox; of a client: id of its mailbox; zero in a channel'),
  spare(8),

  field('messages', 'u64', 'counter: messages published, or received'),
  field('bytes', 'u64', 'counter: bytes of their payloads'),
  field('full', 'u64', 'counter: publishes that found no room'),
  field('missed', 'u64', 'counter: messages that a subscriber lost'),
  field('wakeUps', 'u64', 'counter: bells that it rang'),
  field('busy', 'u64', 'counter: publishes for which the lock was held for too long'),
  spare(16),

  field('name', 'u8[48]', 'name of the participant, UTF-8, padded with zeros'),
  spare(16),
]);

/** One slot of the table of participants. */
export const participantLayout: Layout = slot;

/** Bytes of a slot. */
export const PARTICIPANT_LENGTH: number = slot.length;
/** Bits of the publisher lock that hold the slot; the others hold the generation. */
export const SLOT_BITS = 10;
/** Most slots that a table can have. */
export const MAX_PARTICIPANTS: number = 2 ** SLOT_BITS;
/** Largest generation. */
export const MAX_GENERATION: number = 2 ** (32 - SLOT_BITS) - 1;

export const NONCE_OFFSET: number = slot.offsetOf('nonce');
export const IDENTITY_NONCE_OFFSET: number = slot.offsetOf('identityNonce');
export const START_TIME_OFFSET: number = slot.offsetOf('startTime');
export const PID_NAMESPACE_OFFSET: number = slot.offsetOf('pidNamespace');
export const PID_OFFSET: number = slot.offsetOf('pid');
export const GENERATION_OFFSET: number = slot.offsetOf('generation');
export const JOINED_AT_OFFSET: number = slot.offsetOf('joinedAt');
export const THREAD_START_TIME_OFFSET: number = slot.offsetOf('threadStartTime');
export const THREAD_ID_OFFSET: number = slot.offsetOf('threadId');
export const CURSOR_OFFSET: number = slot.offsetOf('cursor');
export const STATE_OFFSET: number = slot.offsetOf('state');
export const ASLEEP_OFFSET: number = slot.offsetOf('asleep');
export const SLEEPS_OFFSET: number = slot.offsetOf('sleeps');
export const DISCONNECT_REASON_OFFSET: number = slot.offsetOf('disconnectReason');
export const WANTS_OFFSET: number = slot.offsetOf('wants');
export const LAST_END_OFFSET: number = slot.offsetOf('lastEnd');
export const PHASE_OFFSET: number = slot.offsetOf('phase');
export const DONE_OFFSET: number = slot.offsetOf('done');
export const DETAIL_OFFSET: number = slot.offsetOf('detail');
export const MESSAGES_OFFSET: number = slot.offsetOf('messages');
export const BYTES_OFFSET: number = slot.offsetOf('bytes');
export const FULL_OFFSET: number = slot.offsetOf('full');
export const MISSED_OFFSET: number = slot.offsetOf('missed');
export const WAKE_UPS_OFFSET: number = slot.offsetOf('wakeUps');
export const BUSY_OFFSET: number = slot.offsetOf('busy');
export const NAME_OFFSET: number = slot.offsetOf('name');
export const NAME_LENGTH = 48;
