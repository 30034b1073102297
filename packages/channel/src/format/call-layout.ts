import { field, type Layout, layout, spare } from './layout.js';

/** States of a cell: the low bits of its `word`. */
export const CELL_FREE = 0;
export const CELL_WAITING = 1;
export const CELL_STARTED = 2;
export const CELL_CANCELLED = 3;
export const CELL_WITHDRAWN = 4;
export const CELL_STATE_BITS = 3;
/** How many cells a mailbox has. */
export const CELLS = 1024;

/** Bits of `waits`. */
export const SERVER_WAITS = 1;
export const CALLER_WAITS = 2;

/** Values of `kind` in an envelope. */
export const ENVELOPE_CALL = 1;
export const ENVELOPE_ONE_WAY = 2;
export const ENVELOPE_ITEM = 3;
export const ENVELOPE_END = 4;

/** Values of `kind` in an answer. */
export const ANSWER_VALUE = 1;
export const ANSWER_ITEM = 2;
export const ANSWER_END = 3;
export const ANSWER_ERROR = 4;
export const ANSWER_REMOTE = 5;
export const ANSWER_BUSY = 6;
export const ANSWER_REFUSED = 7;
export const ANSWER_NO_METHOD = 8;

/** Values of `outcome`. */
export const OUTCOME_RUNNING = 0;
export const OUTCOME_ANSWERED = 1;
export const OUTCOME_FAILED = 2;
export const OUTCOME_CANCELLED = 3;

/** How many methods a server counts its calls of: the most that a service has. */
export const METHODS = 128;
/** How many of its last calls a server shows. */
export const RECENT_CALLS = 256;
/** How many numbers the field `times` has. */
export const TIME_BUCKETS = 100;
/** `times` counts in units of so many nanoseconds, as a power of two. */
export const TIME_UNIT_BITS = 8;
/** Bytes of a stream that its sender may have sent and its taker not yet taken. */
export const STREAM_WINDOW = 65536;

const cell = layout('Cell of a mailbox', [
  field('word', 'u32', 'low 29 bits of the id of the call << 3 | state', {
    CELL_FREE: [CELL_FREE, 'free'],
    CELL_WAITING: [CELL_WAITING, 'waiting'],
    CELL_STARTED: [CELL_STARTED, 'started'],
    CELL_CANCELLED: [CELL_CANCELLED, 'cancelled'],
    CELL_WITHDRAWN: [CELL_WITHDRAWN, 'withdrawn'],
  }),
  field('granted', 'u32', 'bytes of the stream of answers that the caller permits, modulo 2^32'),
  field('accepted', 'u32', 'bytes of the stream of inputs that the server permits, modulo 2^32'),
  field('waits', 'u32', 'which side waits for credit, bit by bit', {
    SERVER_WAITS: [SERVER_WAITS, 'the server'],
    CALLER_WAITS: [CALLER_WAITS, 'the caller'],
  }),
]);

const envelope = layout('Envelope of a call', [
  field('kind', 'u8', '', {
    ENVELOPE_CALL: [ENVELOPE_CALL, 'a call'],
    ENVELOPE_ONE_WAY: [ENVELOPE_ONE_WAY, 'a one-way call'],
    ENVELOPE_ITEM: [ENVELOPE_ITEM, 'an item of the stream of inputs'],
    ENVELOPE_END: [ENVELOPE_END, 'the end of that stream'],
  }),
  spare(1),
  field('cell', 'u16', 'cell of the call; 0 in a one-way call'),
  field('method', 'u32', 'hash of the name of the method'),
  field('id', 'u64', 'id of the call, from 1 to 2^53 − 1; 0 in a one-way call'),
  field('mailbox', 'u64', "id of the client's mailbox; 0 in a one-way call"),
  field('incarnation', 'u64', 'incarnation of that mailbox; 0 in a one-way call'),
  field('deadline', 'u64', 'when the call is given up, nanoseconds of the monotonic clock; 0 never'),
]);

const answer = layout('Envelope of an answer', [
  field('kind', 'u8', '', {
    ANSWER_VALUE: [ANSWER_VALUE, 'the value'],
    ANSWER_ITEM: [ANSWER_ITEM, 'an item of the stream of answers'],
    ANSWER_END: [ANSWER_END, 'the end of that stream, or of a handler that answers nothing'],
    ANSWER_ERROR: [ANSWER_ERROR, 'a declared error'],
    ANSWER_REMOTE: [ANSWER_REMOTE, 'any other error of the handler'],
    ANSWER_BUSY: [ANSWER_BUSY, 'the server has too much to do'],
    ANSWER_REFUSED: [ANSWER_REFUSED, 'the input does not fit'],
    ANSWER_NO_METHOD: [ANSWER_NO_METHOD, 'there is no such method'],
  }),
  spare(1),
  field('cell', 'u16', 'cell of the call'),
  field('textLength', 'u32', 'bytes of the text behind this envelope'),
  field('id', 'u64', 'id of the call'),
]);

const method = layout('Counters of a method', [
  field('hash', 'u32', 'hash of the name of the method; 0 ends the list'),
  field('running', 'u32', 'calls whose handlers run now'),
  field('started', 'u64', 'calls whose handlers were started'),
  field('failed', 'u64', 'of these, those that an error has ended'),
  field('cancelled', 'u64', 'of these, those that ended after they were cancelled'),
  field('time', 'u64', 'how long all handlers took that have ended, nanoseconds'),
  field('longest', 'u64', 'how long the slowest of them took, nanoseconds'),
  field('times', 'u8[400]', '100 numbers of type u32: the calls that have ended, by how long they took'),
]);

const recent = layout('One of the last calls', [
  field('started', 'u64', 'when its handler was started, nanoseconds of the monotonic clock'),
  field('ended', 'u64', 'when it ended; 0 while it runs'),
  field('method', 'u32', 'hash of the name of the method'),
  field('caller', 'u32', "id of the caller's process"),
  field('outcome', 'u32', '', {
    OUTCOME_RUNNING: [OUTCOME_RUNNING, 'it runs'],
    OUTCOME_ANSWERED: [OUTCOME_ANSWERED, 'it was answered'],
    OUTCOME_FAILED: [OUTCOME_FAILED, 'an error ended it'],
    OUTCOME_CANCELLED: [OUTCOME_CANCELLED, 'it ended after it was cancelled'],
  }),
  field('number', 'u32', 'number of the call, from 1 on, modulo 2^32; stored last'),
]);

/** What a call's state and credit stand in, behind the participants of a mailbox. */
export const cellLayout: Layout = cell;
/** What the payload of a message in an inbox begins with. */
export const envelopeLayout: Layout = envelope;
/** What the payload of a message in a mailbox begins with. */
export const answerLayout: Layout = answer;
/** One entry of the table of methods in an inbox. */
export const methodLayout: Layout = method;
/** One entry of the table of the last calls in an inbox. */
export const recentLayout: Layout = recent;

/** Bytes of a cell. */
export const CELL_LENGTH: number = cell.length;
export const WORD_OFFSET: number = cell.offsetOf('word');
export const GRANTED_OFFSET: number = cell.offsetOf('granted');
export const ACCEPTED_OFFSET: number = cell.offsetOf('accepted');
export const WAITS_OFFSET: number = cell.offsetOf('waits');

/** Bytes of the envelope of a call, and of an item or an end: the first fields of it. */
export const ENVELOPE_LENGTH: number = envelope.length;
export const ITEM_LENGTH: number = envelope.offsetOf('incarnation');
export const ENVELOPE_METHOD_OFFSET: number = envelope.offsetOf('method');
export const ENVELOPE_ID_OFFSET: number = envelope.offsetOf('id');
export const MAILBOX_OFFSET: number = envelope.offsetOf('mailbox');
export const MAILBOX_INCARNATION_OFFSET: number = envelope.offsetOf('incarnation');
export const DEADLINE_OFFSET: number = envelope.offsetOf('deadline');

/** Bytes of the envelope of an answer. */
export const ANSWER_LENGTH: number = answer.length;
export const TEXT_LENGTH_OFFSET: number = answer.offsetOf('textLength');
export const ANSWER_ID_OFFSET: number = answer.offsetOf('id');

/** Bytes of the counters of a method. */
export const METHOD_LENGTH: number = method.length;
export const METHOD_HASH_OFFSET: number = method.offsetOf('hash');
export const RUNNING_OFFSET: number = method.offsetOf('running');
export const METHOD_STARTED_OFFSET: number = method.offsetOf('started');
export const FAILED_OFFSET: number = method.offsetOf('failed');
export const CANCELLED_OFFSET: number = method.offsetOf('cancelled');
export const TIME_OFFSET: number = method.offsetOf('time');
export const LONGEST_OFFSET: number = method.offsetOf('longest');
export const TIMES_OFFSET: number = method.offsetOf('times');

/** Bytes of one of the last calls. */
export const RECENT_LENGTH: number = recent.length;
export const RECENT_STARTED_OFFSET: number = recent.offsetOf('started');
export const ENDED_OFFSET: number = recent.offsetOf('ended');
export const RECENT_METHOD_OFFSET: number = recent.offsetOf('method');
export const CALLER_OFFSET: number = recent.offsetOf('caller');
export const OUTCOME_OFFSET: number = recent.offsetOf('outcome');
export const NUMBER_OFFSET: number = recent.offsetOf('number');

/** Bytes of an inbox's words by which the server refuses a caller: one for each slot. */
export function refusedLength(participantCount: number): number {
  return participantCount * Uint32Array.BYTES_PER_ELEMENT;
}

/** Bytes between the participants of an inbox and its schema. */
export function inboxRegion(participantCount: number): number {
  return refusedLength(participantCount) + METHODS * METHOD_LENGTH + RECENT_CALLS * RECENT_LENGTH;
}

/** Bytes between the participants of a mailbox and its ring. */
export function mailboxRegion(): number {
  return CELLS * CELL_LENGTH;
}
