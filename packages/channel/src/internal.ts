/**
 * What the other packages of mmfbus use of this one. It is no API: it changes without notice.
 *
 * @module
 */
import * as callLayout from './format/call-layout.js';

export { inspectMemory } from './directory/inspection.js';
export { type Joining, joinSegment } from './directory/join-segment.js';
export { Registration } from './directory/registration.js';
export { type Append, MessageAppend, OriginAppend, OriginBatch, SplitAppend } from './endpoint/append.js';
export type { AppendOutcome } from './endpoint/appender.js';
export { leaveAtExit, leaveSoon } from './endpoint/leaving.js';
export { DEFAULT_POLL_WINDOW } from './endpoint/look-window.js';
export { PublisherWatch } from './endpoint/publisher-watch.js';
export { Pump, type Pumped } from './endpoint/pump.js';
export { Receiver } from './endpoint/receiver.js';
export { Sender } from './endpoint/sender.js';
export {
  type ChannelDefinition,
  checkDefinition,
  definePattern,
  isChannelName,
  registryName,
  serviceOf,
} from './format/definition.js';
export { maxWholeOf } from './format/geometry.js';
export { EPOCH_OFFSET, TAIL_OFFSET } from './format/header-layout.js';
export { MAX_SERVICE_NAME_LENGTH } from './format/limits.js';
export { incarnationWords, ORIGIN_LENGTH, type Origin, type OriginWords } from './format/origin.js';
export {
  PHASE_DRAINING,
  PHASE_SERVING,
  STATE_LOSSY,
  STATE_PUBLISHER,
  STATE_RELIABLE,
  WANTS_FRAMES,
} from './format/participant-layout.js';
export { PATTERN_CALLS, PATTERN_CHANNEL, PATTERN_REGISTRY, PATTERN_REPLIES } from './format/patterns.js';
export { namespaceOf } from './format/scope.js';
export { readLong, writeLong } from './format/words.js';
export { unlessAborted, withDeadline } from './foundation/deadline.js';
export { Events } from './foundation/events.js';
export { showAs } from './foundation/inspect.js';
export {
  abortSignal,
  anyBoolean,
  anyPollWindow,
  anyString,
  type Check,
  milliseconds,
  oneOf,
  shown,
  wholeNumber,
} from './foundation/options.js';
export {
  type ChannelMemory,
  openChannelMemory,
  openForeignMemory,
  readEncoding,
  viewChannelMemory,
} from './membership/channel-memory.js';
export { Participant } from './membership/participant.js';
export { ParticipantTable } from './membership/participant-table.js';
export { RingReader } from './ring/ring-reader.js';
export { callLayout };
