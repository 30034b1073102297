"""mmfbus: messages between the processes of one machine, through named shared memory.

Joins the same channels as `@mmfbus/channel` in Node and `mmfbus.h` in C. One file, the standard library of Python 3.9 and
up, no thread and no server. Written from FORMAT.md of `@mmfbus/channel`.

Publishing and receiving, with the codec `msgpack` (which needs the package of that name), `json`, `raw`, or one of your own:

    with mmfbus.Publisher("readings", codec="json") as publisher:
        publisher.publish({"sensor": "boiler", "celsius": 60.5})

    with mmfbus.Subscriber("readings", codec="json", start="earliest") as subscriber:
        for message in subscriber:
            print(message.sequence, message.value)

NAMES of options, outcomes and errors are those of Node, C and Rust: API.md of `@mmfbus/channel` has all of them in one table.

WAITING. What begins with `try_` never waits, and returns what it came to: `try_publish` gives 'published', 'full' or 'busy',
`try_receive` None where there is nothing now. The others wait, at most `timeout` seconds; None is for ever.

RESULTS. `publish` returns the number of the message, and raises `Timeout` when the time is over. `receive` returns a
`Message`, a `Gap`, `PublishersGone`, or None when the time is over; with `publisher_events` also `PublisherJoined` and
`PublisherLeft`. Failures are `Error`, with a `code` for programs.

POSITIONS. A `Position` is the incarnation of a channel, which no other channel of its name has, and the number of a message. A
program that keeps `subscriber.position` goes on after it later, also in another process: `Subscriber(..., start=position)`.

EVENT LOOPS. `arm()` says how long to wait at most for `fileno()` to be readable; then `try_receive()` until it
returns None, and arm again. With asyncio: `loop.add_reader(subscriber.fileno(), ...)`.

THREADS. A publisher or subscriber is used by one thread at a time; several of them by several threads.

FORK. A child gets nothing of its parent's channels: there every call raises `Error` with the code `FORKED`.

DIRECTORY. Channels are listed there, so that tools find them and hear of their coming and going, unless the option
`discoverable` is False. A failure of it never affects the channel: `directory_failure` tells it.

SIGNALS. Close a publisher or subscriber that an exception out of a signal handler, such as KeyboardInterrupt, interrupted;
no other process is harmed by it. SIGPIPE must be ignored, as Python does by itself.

LIMITS. Linux and macOS (which it was not run on) on 64-bit little-endian machines, with libatomic.so.1 on Linux (the
package `libatomic1`). A subscriber takes up to 64 KiB out of the ring at once; publishers may overwrite what it has taken.
A segment that another program truncates ends every process that uses it.

The comments `# step:` name the points at which tests kill a process.
"""

import atexit
import collections
import ctypes
import errno
import fcntl
import grp
import hashlib
import itertools
import json
import mmap
import os
import re
import secrets
import selectors
import stat
import struct
import sys
import threading
import time

__version__ = "0.0.0"
__all__ = [
    "Publisher", "Subscriber", "Message", "Gap", "PublishersGone", "PublisherJoined", "PublisherLeft", "Position", "Codec",
    "Error", "Timeout", "Disconnected"
]  # fmt: skip

if os.name != "posix":
    raise ImportError("mmfbus for Python works on Linux and macOS only")
if sys.byteorder != "little" or sys.maxsize < 2**32:
    raise ImportError("mmfbus needs a little-endian machine of 64 bits")

# ---------------------------------------------------------------------------------------------------------- Results


class Error(Exception):
    """A failure. `code` says which one:

    INVALID_ARGUMENT        an argument or option is unknown, of the wrong type or outside its limits
    INVALID_NAME            a channel's name is not 1 to 128 characters of A-Z a-z 0-9 . _ -
    NOT_FOUND               there is no such channel, and the call was not to create it
    EXISTS                  there is such a channel already, and the call was to create it
    NOT_A_CHANNEL           the memory of that name is not a channel
    VERSION_MISMATCH        the channel has another version of the format, or requires features that are unknown here
    PATTERN_MISMATCH        the memory of that name is of this format and no channel, but something else
    CAPACITY_MISMATCH       the channel has another capacity
    HISTORY_MISMATCH        the channel has another history
    MAX_MESSAGE_MISMATCH    the channel has another limit of messages
    CODEC_MISMATCH          the channel has another codec
    SCHEMA_MISMATCH         the channel has another schema, or only one of channel and program has one
    TOO_MANY_PARTICIPANTS   living participants hold all slots of the channel
    TOO_MANY_CHANNELS       of `directory_failure`: the directory is full; the channel works, and is not listed
    TOO_LARGE               more than the channel carries, or than one call can publish without waiting
    TIMEOUT                 the time that the call was given is over: `Timeout`
    SEQUENCE_AHEAD          the subscription was to begin after a message that was not published yet
    OTHER_INCARNATION       it was to begin after a message of an earlier channel of that name, which has ended
    UNENCODABLE             the codec refused a value; what it raised is the cause
    UNDECODABLE             the codec refused the bytes of a message; what it raised is the cause
    DISCONNECTED            a publisher gave this reliable subscriber up, because it was too slow: `Disconnected`
    CORRUPTED               the shared memory holds what no participant writes
    CLOSED                  the publisher or subscriber was closed before
    NO_SPACE                the operating system cannot supply that much shared memory
    ACCESS_DENIED           the operating system refuses access
    OS_ERROR                any other failure of a call to the operating system, which is the cause
    FORKED                  it was opened by a process that this one was forked from
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Timeout(Error):
    """The time is over: there was no room, or a living participant held the publisher lock. Nothing was done."""


class Disconnected(Error):
    """This reliable subscriber was too slow. Close it."""


# What codecs raise of what they do not take. Anything else, such as what a signal handler raises, is left as it is.
_REFUSALS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def _refused(error, what):
    """The error for what the system has refused."""
    codes = {errno.EACCES: "ACCESS_DENIED", errno.EPERM: "ACCESS_DENIED", errno.ENOSPC: "NO_SPACE"}
    return Error(codes.get(error.errno, "OS_ERROR"), f"{what}: {error}")


class Message:
    """A message: `sequence` (from 1 on in each channel, without holes), `timestamp` (compare with time.monotonic_ns()),
    `publisher` (its slot), `data` (bytes of its own)."""

    __slots__ = ("sequence", "timestamp", "publisher", "data", "_codec")

    def __init__(self, sequence, timestamp, publisher, data, codec):
        self.sequence, self.timestamp, self.publisher, self.data, self._codec = sequence, timestamp, publisher, data, codec

    @property
    def value(self):
        """What the codec makes of `data`. Raises `Error` with the code UNDECODABLE."""
        try:
            return self._codec.decode(self.data)
        except _REFUSALS as error:
            raise Error("UNDECODABLE", f"the message {self.sequence}: {error}") from error

    def __repr__(self):
        return f"Message(sequence={self.sequence}, data={self.data!r})"


Gap = collections.namedtuple("Gap", "first last")
Gap.__doc__ = "The messages with the numbers from `first` to `last` are lost."
PublishersGone = collections.namedtuple("PublishersGone", "reason")
PublishersGone.__doc__ = "The last publisher has 'left' or 'died', as `reason` says. Another one may come."
PublisherJoined = collections.namedtuple("PublisherJoined", "slot name pid")
PublisherJoined.__doc__ = """A publisher has joined: its slot, as messages name it; what it calls itself, or ''; the id of its
process in its PID namespace, 0 where it is not known."""
PublisherLeft = collections.namedtuple("PublisherLeft", "slot name pid reason remaining")
PublisherLeft.__doc__ = """A publisher has 'left' or 'died', as `reason` says, or 'unknown' where several participants had its
slot between two looks; `remaining` publishers are left. All that it published before it was found to be gone has come before."""
Position = collections.namedtuple("Position", "incarnation sequence")
Position.__doc__ = """A place among the messages of a channel: `incarnation`, 16 hexadecimal digits of this life of the channel,
and `sequence`, the number of a message, 0 before the first. It never means another message, not even when the channel has
ended meanwhile and another one has its name."""
Codec = collections.namedtuple("Codec", "id encode decode")
Codec.__doc__ = "A codec of your own: its id, up to 31 ASCII characters, value to bytes, bytes to value."


def _codec_of(codec):
    if isinstance(codec, Codec):
        return codec
    if codec == "raw":
        return Codec("raw", lambda value: bytes(memoryview(value)), bytes)
    if codec == "json":
        return Codec("json", lambda value: json.dumps(value, separators=(",", ":")).encode(), json.loads)
    if codec == "msgpack":
        import msgpack

        return Codec(
            "msgpack",
            lambda value: msgpack.packb(value, datetime=True),
            lambda data: msgpack.unpackb(_few_values(data), strict_map_key=False, timestamp=3),
        )
    raise Error("INVALID_ARGUMENT", f"there is no codec {codec!r}")


_MOST_VALUES = 1 << 20
# By the first byte from 0xc0 on: bytes of the length that follows, bytes after that, and values for each of that length.
_HEADS = {0xC7: (1, 1, 0), 0xC8: (2, 1, 0), 0xC9: (4, 1, 0), 0xDC: (2, 0, 1), 0xDD: (4, 0, 1), 0xDE: (2, 0, 2), 0xDF: (4, 0, 2)}
_HEADS.update({first: (size, 0, 0) for first, size in ((0xC4, 1), (0xC5, 2), (0xC6, 4), (0xD9, 1), (0xDA, 2), (0xDB, 4))})
_SIZES = dict(zip((*range(0xCA, 0xD4), *range(0xD4, 0xD9)), (4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17)))


def _few_values(data):
    """The same msgpack; raises ValueError where it has more than 1,048,576 values, which need many times its bytes."""
    at, end, left, seen = 0, len(data), 1, 0
    # Each value takes a byte at least.
    while end > _MOST_VALUES and left > 0 and at < end:
        seen, left = seen + 1, left - 1
        if seen > _MOST_VALUES:
            raise ValueError(f"a message of more than {_MOST_VALUES} values")
        first = data[at]
        at += 1
        if 0x80 <= first < 0xA0:
            left += (first & 15) * (2 if first < 0x90 else 1)
        elif 0xA0 <= first < 0xC0:
            at += first & 31
        elif first in _HEADS:
            size, more, values = _HEADS[first]
            length = int.from_bytes(data[at : at + size], "big")
            at += size + more + (0 if values else length)
            left += values * length
        else:
            at += _SIZES.get(first, 0)
    return data


# ---------------------------------------------------------------------------------------------------------- Atomics

# Python has no atomic operations on memory, and promises nothing about the order of plain ones; these do.
_SEQ_CST = 5
try:
    _library = ctypes.PyDLL("libatomic.so.1" if sys.platform == "linux" else None)
except OSError as error:
    raise ImportError("mmfbus needs libatomic.so.1, of the package libatomic1 or libatomic") from error


def _atomic(name, result, *arguments):
    function = getattr(_library, f"__atomic_{name}", None)
    if function is None:
        raise ImportError(f"no library of this system has __atomic_{name}")
    function.restype, function.argtypes = result, arguments
    return function


_u32, _i64, _at, _order = ctypes.c_uint32, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int
_load_4 = _atomic("load_4", _u32, _at, _order)
_load_8 = _atomic("load_8", _i64, _at, _order)
_store_4 = _atomic("store_4", None, _at, _u32, _order)
_store_8 = _atomic("store_8", None, _at, _i64, _order)
_exchange_4 = _atomic("exchange_4", _u32, _at, _u32, _order)
_exchange_8 = _atomic("exchange_8", _i64, _at, _i64, _order)
_fetch_add_4 = _atomic("fetch_add_4", _u32, _at, _u32, _order)
_swap_4 = _atomic("compare_exchange_4", ctypes.c_bool, _at, ctypes.POINTER(_u32), _u32, _order, _order)
_swap_8 = _atomic("compare_exchange_8", ctypes.c_bool, _at, ctypes.POINTER(_i64), _i64, _order, _order)
_own_word = _u32()
_own_word_at = ctypes.addressof(_own_word)


class _Words:
    """Atomic operations on mapped memory, all sequentially consistent, by offset. Offsets are the caller's to check."""

    def __init__(self, memory):
        # The object that tells the address is gone at once: while it is there, the memory cannot be unmapped.
        self._at = ctypes.addressof(ctypes.c_char.from_buffer(memory))

    def load32(self, offset):
        return _load_4(self._at + offset, _SEQ_CST)

    def load64(self, offset):
        return _load_8(self._at + offset, _SEQ_CST)

    def store32(self, offset, value):
        _store_4(self._at + offset, value, _SEQ_CST)

    def store64(self, offset, value):
        _store_8(self._at + offset, value, _SEQ_CST)

    def exchange32(self, offset, value):
        return _exchange_4(self._at + offset, value, _SEQ_CST)

    def exchange64(self, offset, value):
        return _exchange_8(self._at + offset, value, _SEQ_CST)

    def add32(self, offset, value):
        _fetch_add_4(self._at + offset, value & 0xFFFFFFFF, _SEQ_CST)

    def swap32(self, offset, old, new):
        return _swap_4(self._at + offset, _u32(old), new, _SEQ_CST, _SEQ_CST)

    def swap64(self, offset, old, new):
        return _swap_8(self._at + offset, _i64(old), new, _SEQ_CST, _SEQ_CST)


def _fence():
    """A read-modify-write of a word of one's own: what was copied before it was copied before what is loaded after it."""
    _fetch_add_4(_own_word_at, 1, _SEQ_CST)


# ----------------------------------------------------------------------------------------------------------- Layout

# generated from the layouts of @mmfbus/channel
# Segment header.
_HEADER_MAGIC = 0
_HEADER_FORMAT_VERSION = 8
_FORMAT_VERSION = 2
_HEADER_HEADER_LENGTH = 12
_HEADER_SEGMENT_LENGTH = 16
_HEADER_RING_OFFSET = 24
_HEADER_RING_CAPACITY = 32
_HEADER_PARTICIPANTS_OFFSET = 40
_HEADER_PARTICIPANT_COUNT = 44
_HEADER_PARTICIPANT_LENGTH = 48
_HEADER_MAX_PAYLOAD = 52
_HEADER_SCHEMA_OFFSET = 56
_HEADER_SCHEMA_LENGTH = 60
_HEADER_CODEC = 64
_HEADER_CODEC_SIZE = 32
_HEADER_SCHEMA = 96
_HEADER_SCHEMA_SIZE = 32
_HEADER_HISTORY = 128
_HEADER_MAX_MESSAGE = 136
_HEADER_CREATED_AT = 144
_HEADER_PATTERN = 152
_PATTERN_CHANNEL = 1
_PATTERN_REGISTRY = 2
_PATTERN_CALLS = 3
_PATTERN_REPLIES = 4
_PATTERN_DIRECTORY = 7
_HEADER_REQUIRED_FEATURES = 156
_HEADER_OPTIONAL_FEATURES = 160
_HEADER_INCARNATION = 168
_HEADER_PUBLISHER_LOCK = 192
_HEADER_TAIL = 256
_HEADER_HEAD = 320
_HEADER_EPOCH = 384
_HEADER_SLEEPERS = 388
_HEADER_ROOM_WAITERS = 392
_HEADER_CLOSED_EPOCH = 396
_HEADER_CLOSED_REASON = 400
_CLOSED_BY_LEAVING = 1
_CLOSED_BY_DEATH = 2
_HEADER_SLOTS_USED = 404
_HEADER_MEMBER_WAITERS = 408
_HEADER_SIZE = 512

# Slot of a participant.
_SLOT_NONCE = 0
_SLOT_IDENTITY_NONCE = 8
_SLOT_START_TIME = 16
_SLOT_PID_NAMESPACE = 24
_SLOT_PID = 32
_SLOT_GENERATION = 36
_SLOT_JOINED_AT = 40
_SLOT_THREAD_START_TIME = 48
_SLOT_THREAD_ID = 56
_SLOT_CURSOR = 64
_SLOT_STATE = 72
_STATE_NONE = 0
_STATE_PUBLISHER = 1
_STATE_RELIABLE = 2
_STATE_LOSSY = 3
_STATE_DISCONNECTED = 4
_SLOT_ASLEEP = 76
_SLOT_SLEEPS = 80
_SLOT_DISCONNECT_REASON = 84
_DISCONNECTED_AS_SLOW = 1
_DISCONNECTED_AS_WRONG = 2
_SLOT_WANTS = 88
_WANTS_FRAMES = 1
_WANTS_ROOM = 2
_WANTS_MEMBERS = 4
_SLOT_LAST_END = 92
_ENDED_BY_LEAVING = 1
_ENDED_BY_DEATH = 2
_SLOT_PHASE = 96
_PHASE_SERVING = 1
_PHASE_DRAINING = 2
_SLOT_DONE = 104
_SLOT_DETAIL = 112
_SLOT_MESSAGES = 128
_SLOT_BYTES = 136
_SLOT_FULL = 144
_SLOT_MISSED = 152
_SLOT_WAKE_UPS = 160
_SLOT_BUSY = 168
_SLOT_NAME = 192
_SLOT_NAME_SIZE = 48
_SLOT_SIZE = 256

# Header of a frame.
_FRAME_LENGTH = 0
_FRAME_KIND = 4
_KIND_MESSAGE = 1
_KIND_PADDING = 2
_KIND_TERMINATOR = 3
_KIND_FRAGMENT = 4
_KIND_LAST_FRAGMENT = 5
_FRAME_FLAGS = 5
_FLAG_EXTENSION = 1
_FRAME_PUBLISHER = 6
_FRAME_SEQUENCE = 8
_FRAME_TIMESTAMP = 16
_FRAME_SIZE = 24

# Header of a fragment.
_FRAGMENT_BEGAN = 0
_FRAGMENT_TOTAL = 8
_FRAGMENT_OFFSET = 12
_FRAGMENT_GENERATION = 16
_FRAGMENT_SIZE = 24

# Entry of the directory.
_ENTRY_STATE = 0
_ENTRY_NAME = 64
_ENTRY_NAME_SIZE = 128
_ENTRY_SIZE = 192

# Notice of the directory.
_NOTICE_KIND = 0
_NOTICE_OPENED = 1
_NOTICE_CLOSED = 2
_NOTICE_CHANGED = 3
_NOTICE_CHANNEL = 8
_NOTICE_CHANNEL_SIZE = 128
_NOTICE_SIZE = 136

# Cell of a mailbox.
_CELL_WORD = 0
_CELL_FREE = 0
_CELL_WAITING = 1
_CELL_STARTED = 2
_CELL_CANCELLED = 3
_CELL_WITHDRAWN = 4
_CELL_GRANTED = 4
_CELL_ACCEPTED = 8
_CELL_WAITS = 12
_SERVER_WAITS = 1
_CALLER_WAITS = 2
_CELL_SIZE = 16

# Envelope of a call.
_ENVELOPE_KIND = 0
_ENVELOPE_CALL = 1
_ENVELOPE_ONE_WAY = 2
_ENVELOPE_ITEM = 3
_ENVELOPE_END = 4
_ENVELOPE_CELL = 2
_ENVELOPE_METHOD = 4
_ENVELOPE_ID = 8
_ENVELOPE_MAILBOX = 16
_ENVELOPE_INCARNATION = 24
_ENVELOPE_DEADLINE = 32
_ENVELOPE_SIZE = 40

# Envelope of an answer.
_ANSWER_KIND = 0
_ANSWER_VALUE = 1
_ANSWER_ITEM = 2
_ANSWER_END = 3
_ANSWER_ERROR = 4
_ANSWER_REMOTE = 5
_ANSWER_BUSY = 6
_ANSWER_REFUSED = 7
_ANSWER_NO_METHOD = 8
_ANSWER_CELL = 2
_ANSWER_TEXT_LENGTH = 4
_ANSWER_ID = 8
_ANSWER_SIZE = 16

# Counters of a method.
_METHOD_HASH = 0
_METHOD_RUNNING = 4
_METHOD_STARTED = 8
_METHOD_FAILED = 16
_METHOD_CANCELLED = 24
_METHOD_TIME = 32
_METHOD_LONGEST = 40
_METHOD_TIMES = 48
_METHOD_TIMES_SIZE = 400
_METHOD_SIZE = 448

# One of the last calls.
_RECENT_STARTED = 0
_RECENT_ENDED = 8
_RECENT_METHOD = 16
_RECENT_CALLER = 20
_RECENT_OUTCOME = 24
_OUTCOME_RUNNING = 0
_OUTCOME_ANSWERED = 1
_OUTCOME_FAILED = 2
_OUTCOME_CANCELLED = 3
_RECENT_NUMBER = 28
_RECENT_SIZE = 32

# Limits.
_FRAME_ALIGNMENT = 32
_EXTENSION_UNIT = 8
_END_BITS = 2
_SLOT_BITS = 10
_MAX_PARTICIPANTS = 1024
_MAX_GENERATION = 4194303
_CELL_STATE_BITS = 3
_CELLS = 1024
_METHODS = 128
_RECENT_CALLS = 256
_TIME_BUCKETS = 100
_TIME_UNIT_BITS = 8
_STREAM_WINDOW = 65536
_MIN_CAPACITY = 4096
_MAX_CAPACITY = 1073741824
_LARGEST_MESSAGE = 1073741824
_MAX_EXTENSION_LENGTH = 64
_MAX_SCHEMA_LENGTH = 1048576
_MAX_NAME_LENGTH = 128
_MAX_SERVICE_NAME_LENGTH = 100
_DEFAULT_CAPACITY = 8388608
_DEFAULT_PARTICIPANTS = 64

# The regions as a whole.
_HEADER = struct.Struct("<QIIQQQIIIIII32s32sQQQIII4xQ16xI60xq56xq56xIIIIIII36x64x")
_SLOT = struct.Struct("<qqQQIIQQI4xqIIIIIII4xQQ8xQQQQQQ16x48s16x")
_FRAME = struct.Struct("<IBBHQQ")
_FRAGMENT = struct.Struct("<qIII4x")
_ENTRY = struct.Struct("<I60x128s")
_NOTICE = struct.Struct("<I4x128s")
_CELL = struct.Struct("<IIII")
_ENVELOPE = struct.Struct("<B1xHIQQQQ")
_ANSWER = struct.Struct("<B1xHIQ")
_METHOD = struct.Struct("<IIQQQQQ400s")
_RECENT = struct.Struct("<QQIIII")
# end of what is generated

_MAGIC = b"mmfbusch"
# Counters of a slot, which lie side by side.
_COUNTERS = struct.Struct(f"<{(_SLOT_WAKE_UPS - _SLOT_MESSAGES) // 8 + 1}Q")
_FRAMES, _BYTES, _FULL, _MISSED, _WAKE_UPS = (
    (offset - _SLOT_MESSAGES) // 8 for offset in (_SLOT_MESSAGES, _SLOT_BYTES, _SLOT_FULL, _SLOT_MISSED, _SLOT_WAKE_UPS)
)

_PAGE = 4096
_KNOWN_FEATURES = 0  # bits of `requiredFeatures` that are understood here
_MARK = b"mmfbus\0\1"
_MARK_LENGTH = 64
_LARGEST_NUMBER = 2**53 - 1
_CHUNK = 65536  # bytes a subscriber copies at once
_PATIENCE = 0.002  # seconds to wait at least for another publisher at work, which needs some microseconds
_LOOKS_AT_MOST = 8  # looks at who is there before the tail is taken as it is, although participants come and go all the time
_LAPS_AT_HEAD = 8  # laps in a row after which a subscriber goes on at the tail, which has a whole ring before it


def _u32_of(data, offset):
    return int.from_bytes(data[offset : offset + 4], "little")


def _u64_of(data, offset):
    return int.from_bytes(data[offset : offset + 8], "little")


# Control characters, line and paragraph separators, and what changes the direction of the text that follows.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def _showable(data):
    """Text that others wrote, padded with zeros, fit to be shown: what a terminal might obey stands as an escape."""
    text = data.partition(b"\0")[0].decode("utf-8", "replace")
    return _UNSHOWABLE.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)


def _max_payload(capacity, max_message):
    """Most bytes of payload in one frame, with room for a header extension, whatever the message."""
    return min(capacity // 4 - _FRAME_SIZE, max_message + _MAX_EXTENSION_LENGTH)


def _frame_size(length):
    return (_FRAME_SIZE + length + _FRAME_ALIGNMENT - 1) & -_FRAME_ALIGNMENT


def _room_of(pattern, participants):
    """Bytes of the tables that follow the participants, before the schema."""
    if pattern == _PATTERN_DIRECTORY:
        return 2048 * _ENTRY_SIZE
    if pattern == _PATTERN_CALLS:
        return participants * 4 + _METHODS * _METHOD_SIZE + _RECENT_CALLS * _RECENT_SIZE
    return _CELLS * _CELL_SIZE if pattern == _PATTERN_REPLIES else 0


_FIELDS = "capacity participants ring max_payload max_message history codec schema pattern incarnation"


class _Geometry(collections.namedtuple("_Geometry", _FIELDS)):
    """A private copy of what the header says, checked; `schema` is the text, as bytes."""

    @classmethod
    def plan(cls, pattern, capacity, participants, history, max_message, codec, schema):
        """The geometry of a new channel. Defaults are chosen for the sizes that are not given."""
        capacity, history = capacity or (64 << 10 if pattern == _PATTERN_DIRECTORY else _DEFAULT_CAPACITY), history or 0
        if max_message is None:
            share = min(capacity // 2 // max(history, 1) & -_FRAME_ALIGNMENT, capacity // 4)
            max_message = max(1, share - _FRAME_SIZE - _MAX_EXTENSION_LENGTH) if history else 64 << 20
        end = _HEADER_SIZE + participants * _SLOT_SIZE + _room_of(pattern, participants) + len(schema)
        ring = -(-end // _PAGE) * _PAGE
        payload, incarnation = _max_payload(capacity, max_message), secrets.randbits(64) or 1
        plan = cls(capacity, participants, ring, payload, max_message, history, codec, schema, pattern, incarnation)
        return plan._checked("INVALID_ARGUMENT")

    @classmethod
    def read(cls, memory):
        """Of a channel that is there."""
        if len(memory) < _HEADER_SIZE:
            raise Error("NOT_A_CHANNEL", "the memory of that name is not a channel")
        # One copy of it all: what is checked is what is used. The slice of a mapping is such a copy.
        header = memory[:_HEADER_SIZE]
        if header[_HEADER_MAGIC : _HEADER_MAGIC + 8] != _MAGIC:
            raise Error("NOT_A_CHANNEL", "the memory of that name is not a channel")
        version = _u32_of(header, _HEADER_FORMAT_VERSION)
        if version != _FORMAT_VERSION:
            raise Error("VERSION_MISMATCH", f"the channel has version {version} of the format, this is for {_FORMAT_VERSION}")
        unknown = _u32_of(header, _HEADER_REQUIRED_FEATURES) & ~_KNOWN_FEATURES
        if unknown:
            raise Error("VERSION_MISMATCH", f"the channel requires features that are unknown here: bits {unknown:#x}")
        pattern, incarnation = _u32_of(header, _HEADER_PATTERN), _u64_of(header, _HEADER_INCARNATION)
        segment, ring = _u64_of(header, _HEADER_SEGMENT_LENGTH), _u64_of(header, _HEADER_RING_OFFSET)
        capacity, slots = _u64_of(header, _HEADER_RING_CAPACITY), _u32_of(header, _HEADER_PARTICIPANT_COUNT)
        text_at, text = _u32_of(header, _HEADER_SCHEMA_OFFSET), _u32_of(header, _HEADER_SCHEMA_LENGTH)
        digest = header[_HEADER_SCHEMA : _HEADER_SCHEMA + _HEADER_SCHEMA_SIZE]
        codec = header[_HEADER_CODEC : _HEADER_CODEC + _HEADER_CODEC_SIZE]
        history, max_message = _u64_of(header, _HEADER_HISTORY), _u64_of(header, _HEADER_MAX_MESSAGE)
        payload = _u32_of(header, _HEADER_MAX_PAYLOAD)
        lengths = (_HEADER_HEADER_LENGTH, _HEADER_PARTICIPANTS_OFFSET, _HEADER_PARTICIPANT_LENGTH)
        tables_end = _HEADER_SIZE + slots * _SLOT_SIZE
        # A directory has as many entries as there is room for.
        tables_end += 0 if pattern == _PATTERN_DIRECTORY else _room_of(pattern, slots)
        if [_u32_of(header, offset) for offset in lengths] != [_HEADER_SIZE, _HEADER_SIZE, _SLOT_SIZE]:
            raise Error("CORRUPTED", "the header has wrong lengths")
        if ring % _PAGE or ring < tables_end or ring + capacity > segment or segment > len(memory):
            raise Error("CORRUPTED", "the ring is not within the segment")
        if text > _MAX_SCHEMA_LENGTH or (text and not tables_end <= text_at <= ring - text):
            raise Error("CORRUPTED", "the schema is not in its place")
        schema = memory[text_at : text_at + text] if text else b""
        if schema and hashlib.sha256(schema).digest() != digest:
            raise Error("CORRUPTED", "the text of the schema is not what its digest says")
        codec = codec.rstrip(b"\0").decode("latin-1")
        read = cls(capacity, slots, ring, payload, max_message, history, codec, schema, pattern, incarnation)
        return read._checked("CORRUPTED")

    def _checked(self, code):
        capacity, history = self.capacity, self.history
        if not _MIN_CAPACITY <= capacity <= _MAX_CAPACITY or capacity & (capacity - 1):
            raise Error(code, f"a capacity of {capacity} is no power of two from 4 KiB to 1 GiB")
        if not 2 <= self.participants <= _MAX_PARTICIPANTS:
            raise Error(code, f"{self.participants} participants are not from 2 to 1024")
        if not 1 <= self.max_message <= _LARGEST_MESSAGE or self.max_payload != _max_payload(capacity, self.max_message):
            raise Error(code, f"messages cannot have up to {self.max_message} bytes")
        extended = self.max_message + _MAX_EXTENSION_LENGTH
        promised = history * _frame_size(extended)
        if history < 0 or history and (self.max_payload != extended or promised > capacity // 2):
            raise Error(code, f"a ring of {capacity} bytes cannot keep {history} messages of up to {self.max_message} bytes")
        return self

    @property
    def max_whole(self):
        """Most bytes of a message that is published in one frame."""
        return min(self.max_payload, self.max_message)

    def write(self, memory):
        """Into memory that is all zero; the magic last."""
        tables_end = _HEADER_SIZE + self.participants * _SLOT_SIZE + _room_of(self.pattern, self.participants)
        text_at = tables_end if self.schema else 0
        digest = hashlib.sha256(self.schema).digest() if self.schema else b""
        numbers = (
            ("<I", _HEADER_FORMAT_VERSION, _FORMAT_VERSION),
            ("<I", _HEADER_HEADER_LENGTH, _HEADER_SIZE),
            ("<Q", _HEADER_SEGMENT_LENGTH, self.ring + self.capacity),
            ("<Q", _HEADER_RING_OFFSET, self.ring),
            ("<Q", _HEADER_RING_CAPACITY, self.capacity),
            ("<I", _HEADER_PARTICIPANTS_OFFSET, _HEADER_SIZE),
            ("<I", _HEADER_PARTICIPANT_COUNT, self.participants),
            ("<I", _HEADER_PARTICIPANT_LENGTH, _SLOT_SIZE),
            ("<I", _HEADER_MAX_PAYLOAD, self.max_payload),
            ("<I", _HEADER_SCHEMA_OFFSET, text_at),
            ("<I", _HEADER_SCHEMA_LENGTH, len(self.schema)),
            ("<Q", _HEADER_HISTORY, self.history),
            ("<Q", _HEADER_MAX_MESSAGE, self.max_message),
            ("<Q", _HEADER_CREATED_AT, time.time_ns() // 10**6),
            ("<I", _HEADER_PATTERN, self.pattern),
            ("<Q", _HEADER_INCARNATION, self.incarnation),
        )
        for form, offset, number in numbers:
            struct.pack_into(form, memory, offset, number)
        for offset, data in ((_HEADER_CODEC, self.codec.encode()), (_HEADER_SCHEMA, digest), (text_at, self.schema)):
            memory[offset : offset + len(data)] = data
        _FRAME.pack_into(memory, self.ring, 0, _KIND_TERMINATOR, 0, 0, 1, 0)
        _Words(memory).store64(_HEADER_MAGIC, int.from_bytes(_MAGIC, "little"))


# ------------------------------------------------------------------------------------------------------- The system


def _directory():
    default = "/dev/shm" if sys.platform == "linux" else os.environ.get("TMPDIR") or "/tmp"
    return os.environ.get("MMFBUS_DIRECTORY") or default


def _start_time(pid):
    """Clock ticks since boot; 0 unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program, field 2, may hold anything, so count from its end.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _pid_namespace():
    if sys.platform != "linux":
        return 1
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _is_process_gone(start_time, pid_namespace, pid):
    """Whether that is proved, of what a participant said of itself; 0 proves nothing."""
    if not 0 < pid < 2**31 or not pid_namespace or pid_namespace != _pid_namespace():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    actual = _start_time(pid)
    return actual != 0 and start_time != 0 and actual != start_time


def _temporary_path():
    """A name for what is not finished; it says who makes it."""
    pid = os.getpid()
    name = f"mmfbus~new.{_pid_namespace()}.{pid}.{_start_time(pid)}.{secrets.token_hex(8)}"
    return os.path.join(_directory(), name)


def _unlink(path):
    try:
        os.unlink(path)
    except (FileNotFoundError, PermissionError):
        # Gone, or another user's.
        pass


def _port_path(nonce, part):
    return os.path.join(_directory(), f"mmfbus~{nonce:016x}.{part}")


def _open_fifo(path, flags):
    """A descriptor, or the errno of why there is none. Opens nothing but FIFOs."""
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        return None, error.errno
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd, 0
    os.close(fd)
    return None, errno.EINVAL


def _open_spare(required=True):
    """A descriptor to be given up for a moment where none is left to ring with."""
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except OSError:
        if required:
            raise
        return None


def _open_bell(nonce):
    return _open_fifo(_port_path(nonce, "bell"), os.O_WRONLY)


def _is_at_end(life_line):
    """Whether the owner of a life line, open for reading, is dead."""
    try:
        return os.read(life_line, 1) == b""
    except BlockingIOError:
        return False


def _is_port_dead(nonce):
    """By its bell, and where that is gone by the end of its life line."""
    fd, why = _open_bell(nonce)
    if fd is None and why == errno.ENOENT:
        fd, why = _open_fifo(_port_path(nonce, "life"), os.O_RDONLY)
        try:
            return fd is not None and _is_at_end(fd)
        finally:
            if fd is not None:
                os.close(fd)
    if fd is not None:
        os.close(fd)
    return why == errno.ENXIO


def _named_nonces():
    """All ports that any segment of the directory names. Raises OSError where that cannot be found out."""
    named = set()
    with os.scandir(_directory()) as entries:
        paths = [
            entry.path
            for entry in entries
            if not entry.name.startswith("mmfbus~") and entry.is_file(follow_symlinks=False)
        ]
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError as error:
            # What is gone, is no file any more, or may not be read by us, is nothing that we can join.
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                raise
            continue
        try:
            if _read_mark(fd) is None or os.pread(fd, 8, _HEADER_MAGIC) != _MAGIC:
                continue
            count = min(_u32_of(os.pread(fd, 4, _HEADER_PARTICIPANT_COUNT), 0), _MAX_PARTICIPANTS)
            table = os.pread(fd, count * _SLOT_SIZE, _HEADER_SIZE)
        finally:
            os.close(fd)
        named.update(_u64_of(table, at + _SLOT_NONCE) for at in range(0, len(table), _SLOT_SIZE))
    return named


def _remove_ports(nonces):
    """Removes the FIFOs of those ports that are dead and that no segment names any more. Not with a lock held: it looks
    into all segments."""
    dead = [nonce for nonce in nonces if _is_port_dead(nonce)]
    try:
        named = _named_nonces() if dead else ()
        for nonce in dead:
            if nonce not in named:
                _unlink(_port_path(nonce, "bell"))
                _unlink(_port_path(nonce, "life"))
    except OSError:
        # The next participant does it.
        pass


_SWEPT = 256  # ports that are swept at a time; those beyond are for the next one


def _is_own(path):
    """Whether it is a file or FIFO of this user."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode))


def _sweep():
    """Removes what the dead of this user have left: unfinished files, and ports that no channel names."""
    ports = set()
    for name in os.listdir(_directory()):
        path = os.path.join(_directory(), name)
        if not name.startswith("mmfbus~") or not _is_own(path):
            continue
        unfinished = re.match(r"mmfbus~new\.(\d{1,20})\.(\d{1,10})\.(\d{1,20})\.", name)
        port = re.fullmatch(r"mmfbus~([0-9a-f]{16})\.(bell|life)", name)
        if port and len(ports) < _SWEPT and _is_port_dead(int(port[1], 16)):
            ports.add(int(port[1], 16))
        elif unfinished and _is_process_gone(int(unfinished[3]), int(unfinished[1]), int(unfinished[2])):
            _unlink(path)
    _remove_ports(ports)


# --------------------------------------------------------------------------------------------------------- Segments


def _read_mark(fd):
    """Bytes of the segment in that file; None where it has no mark that makes sense."""
    size = os.fstat(fd).st_size
    mark = os.pread(fd, _MARK_LENGTH, size - _MARK_LENGTH) if size > _MARK_LENGTH else b""
    length = _u64_of(mark, 8)
    return length if mark[:8] == _MARK and 0 < length <= size - _MARK_LENGTH else None


def _leads_to(path, fd):
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _try_flock(fd, operation):
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _remove_unused(path, fd):
    """Removes the name when no process has the file open. Hold no lock on it that you need: this may convert it."""
    if not _try_flock(fd, fcntl.LOCK_EX):
        return False
    if _leads_to(path, fd):
        _unlink(path)
    return True


def _is_leftover(path, fd):
    """Whether that took the lock, and could not take the name away: another user alone may do that."""
    return _try_flock(fd, fcntl.LOCK_EX) and _leads_to(path, fd)


def _file_size(length):
    page = mmap.PAGESIZE
    return -(-length // page) * page + page


class _Segment:
    """Named memory. The lock of its file says that a process has it open."""

    def __init__(self, path, fd, memory, geometry=None):
        """With the geometry where it was made here."""
        self.path, self.fd, self.memory, self.geometry = path, fd, memory, geometry

    @classmethod
    def open(cls, path, is_own, plan=None):
        """None where there is none. With `is_own` it must belong to this user. A leftover that this user may not remove is as
        good as none, unless `plan` says of which geometry a new segment is."""
        for _ in range(5000):
            try:
                fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
            try:
                memory, geometry = cls._try_open(path, fd, is_own), None
                if memory is None and _is_leftover(path, fd):
                    if plan is None:
                        os.close(fd)
                        return None
                    geometry = plan()
                    memory = cls._renew(path, fd, geometry.ring + geometry.capacity, geometry.write)
            except BaseException:
                os.close(fd)
                raise
            if memory is not None:
                return cls(path, fd, memory, geometry)
            os.close(fd)
            time.sleep(0.001)
        raise Timeout("TIMEOUT", f"{path} is opened and closed all the time")

    @staticmethod
    def _try_open(path, fd, is_own):
        status, length = os.fstat(fd), _read_mark(fd)
        if not stat.S_ISREG(status.st_mode) or length is None:
            raise Error("NOT_A_CHANNEL", f"{path} is not a channel")
        if is_own and status.st_uid != os.geteuid():
            raise Error("ACCESS_DENIED", f"{path} belongs to another user")
        # What no process has open is a leftover.
        if _remove_unused(path, fd) or not _try_flock(fd, fcntl.LOCK_SH) or not _leads_to(path, fd):
            return None
        return mmap.mmap(fd, length)

    @staticmethod
    def _renew(path, fd, length, fill):
        """Makes the segment anew in a leftover on which we hold the exclusive lock. None where that was lost."""
        size, needed = os.fstat(fd).st_size, _file_size(length)
        if needed > size:
            owner = f"user {os.fstat(fd).st_uid}, who alone may remove it"
            raise Error("ACCESS_DENIED", f"{path} was left behind by {owner}, and has {size} bytes; {needed} are needed")
        _allocate(fd, needed)
        memory = mmap.mmap(fd, length)
        for at in range(0, length, 1 << 20):
            memory[at : min(at + (1 << 20), length)] = bytes(min(1 << 20, length - at))
        fill(memory)
        os.pwrite(fd, _MARK + length.to_bytes(8, "little") + bytes(_MARK_LENGTH - 16), size - _MARK_LENGTH)
        if _try_flock(fd, fcntl.LOCK_SH) and _leads_to(path, fd):
            return memory
        memory.close()
        return None

    @classmethod
    def create(cls, path, length, mode, group, fill):
        """None where another process was faster."""
        temporary = _temporary_path()
        size = _file_size(length)
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        memory = None
        try:
            # The lock comes before the name, so that no process takes the new file for a leftover.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if group is not None:
                _give_to(fd, gid=group)
            os.fchmod(fd, 0o600 if mode is None else mode)
            _allocate(fd, size)
            os.pwrite(fd, _MARK + length.to_bytes(8, "little") + bytes(_MARK_LENGTH - 16), size - _MARK_LENGTH)
            memory = mmap.mmap(fd, length)
            fill(memory)
            # step: create: filled
            os.link(temporary, path)
            return cls(path, fd, memory)
        except BaseException as error:
            if memory is not None:
                memory.close()
            os.close(fd)
            if isinstance(error, FileExistsError):
                return None
            raise
        finally:
            _unlink(temporary)

    def close(self):
        """Removes the name with it where no other process has it open."""
        self.memory.close()
        # Dropped first: of two that close at once, both holding it, neither would get the exclusive one.
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        # step: leave: unmapped
        _remove_unused(self.path, self.fd)
        os.close(self.fd)


def _allocate(fd, size):
    """All blocks of a file: of one with holes the first store beyond what is free would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    for at in range(0, size, 1 << 20):
        os.pwrite(fd, bytes(min(1 << 20, size - at)), at)


def _is_channel_name(name):
    return re.fullmatch(r"[A-Za-z0-9._-]{1,128}", name) is not None


def _is_entry_name(name):
    """What an entry of the directory names: a channel, or the registry of a service."""
    return _is_channel_name(name) or re.fullmatch(r"[A-Za-z0-9._-]{1,100}~service", name) is not None


def _segment_path(channel, scope):
    prefixes = {"user": f"mmfbus.{os.geteuid()}.", "machine": "mmfbus.g."}
    return os.path.join(_directory(), prefixes[scope] + channel)


# ----------------------------------------------------------------------------------------------------------- Ports


class _Audience:
    """Whom a segment lets in, which is whom its port lets in: exactly, and never more."""

    def __init__(self, channel, fd):
        """Of that segment; of this user alone where there is none."""
        self.uid, self.gid, self.bell, self.life = None, None, 0o600, 0o600
        if fd is None:
            return
        status, me = os.fstat(fd), os.geteuid()
        mode = stat.S_IMODE(status.st_mode)
        shown = f"{channel} belongs to user {status.st_uid} and group {status.st_gid} and has the mode {mode:#o}"
        if mode & 0o066 == 0o066:
            self.bell, self.life = 0o622, 0o644
        elif mode & 0o060 == 0o060:
            if me != 0 and status.st_gid != os.getegid() and status.st_gid not in os.getgroups():
                raise Error("ACCESS_DENIED", f"{shown}, and user {me} is no member of that group")
            self.gid, self.bell, self.life = status.st_gid, 0o620, 0o640
        elif me not in (0, status.st_uid):
            raise Error("ACCESS_DENIED", f"{shown}, which lets in user {status.st_uid} alone, not user {me}")
        else:
            self.uid = status.st_uid


def _give_to(fd, uid=None, gid=None):
    """Gives a new file to that user and that group, where it is not theirs yet."""
    status = os.fstat(fd)
    if uid not in (None, status.st_uid) or gid not in (None, status.st_gid):
        try:
            os.fchown(fd, -1 if uid is None else uid, -1 if gid is None else gid)
        except PermissionError as error:
            whom = f"user {uid}" if uid is not None else f"group {gid}"
            raise Error("ACCESS_DENIED", f"user {os.geteuid()} may not give files to {whom}") from error


def _group_id(group):
    if group is None or isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Error("INVALID_ARGUMENT", f"there is no group {group!r} on this system") from None


class _Port:
    """What others ring (the bell) and whose end tells them that we are dead (the life line). A participant has one of its own, or
    shares that of others, which then wait together."""

    def __init__(self, audience):
        self.nonce = secrets.randbits(63) or 1
        self.fds = []
        self.poller = self.spare = None
        self.is_proof = False  # a sharer left its slot as the dead do: the files must stay, to prove it
        try:
            for part in ("life", "bell"):
                self._make(part, audience, getattr(audience, part))
            self.poller = selectors.DefaultSelector()
            self.poller.register(self.bell, selectors.EVENT_READ)
            self.spare = _open_spare()
        except BaseException:
            self.close(remove=True)
            raise

    def _make(self, part, audience, mode):
        # Open before it has its name: who finds the name finds a living owner.
        temporary = _temporary_path()
        os.mkfifo(temporary, 0o600)
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
            self.fds.append(fd)
            _give_to(fd, audience.uid, audience.gid)
            os.fchmod(fd, mode)
            os.rename(temporary, _port_path(self.nonce, part))
        except BaseException:
            _unlink(temporary)
            raise

    @property
    def bell(self):
        return self.fds[1]

    def listen(self, timeout):
        """Waits for the bell or the end of a life line."""
        for key, _ in self.poller.select(timeout):
            heard = _drain(key.fd)
            if key.data is not None and not heard:
                watcher, slot = key.data
                watcher._life_has_ended(slot)

    def ring(self):
        """Rings this port's own bell."""
        try:
            os.write(self.bell, b"!")
        except BlockingIOError:
            # It rings already.
            pass

    def close(self, remove):
        if self.poller is not None:
            self.poller.close()
        if self.spare is not None:
            self.fds.append(self.spare)
        self.poller = self.spare = None
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()
        if remove:
            _unlink(_port_path(self.nonce, "bell"))
            _unlink(_port_path(self.nonce, "life"))


def _drain(fd):
    """False at the end of the file."""
    try:
        while True:
            data = os.read(fd, 4096)
            if len(data) < 4096:
                return data != b""
    except BlockingIOError:
        return True


# ----------------------------------------------------------------------------------------------------- Participants

_open_participants = set()


def _check_choice(option, value, choices):
    if value not in choices:
        raise Error("INVALID_ARGUMENT", f"{option} is one of {', '.join(map(repr, choices))}, not {value!r}")


class _Participant:
    """A slot in a channel, a port, and the ways to reach the others."""

    _pattern = _PATTERN_CHANNEL
    _shared_port = None  # in place of one of its own
    _phase = _detail = 0  # words of its slot, from before it takes its role

    def __init__(self, channel, codec, *, schema, capacity, history, max_message, max_participants, mode, group, scope, open,
                 name, timeout, discoverable):  # fmt: skip
        self.channel = channel
        self._codec = _codec_of(codec)
        self._timeout = timeout
        self._name = (name or "").encode()
        self._takes_any = schema == "any"
        wanted = (capacity, history, max_message, schema.encode() if schema else b"")
        _check_choice("scope", scope, ("user", "machine"))
        _check_choice("open", open, ("open-or-create", "open", "create"))
        texts = ((self._codec.id.encode(), _HEADER_CODEC_SIZE - 1), (self._name, _SLOT_NAME_SIZE), (wanted[3], _MAX_SCHEMA_LENGTH))
        if not self._codec.id or any(len(text) > most for text, most in texts):
            raise Error("INVALID_ARGUMENT", "the codec's id, the name or the schema is too long")
        if mode is not None and mode & ~0o777:
            raise Error("INVALID_ARGUMENT", f"the mode {mode:#o} has other bits than those of permissions")
        if self._takes_any and not isinstance(self, Subscriber):
            raise Error("INVALID_ARGUMENT", "the schema 'any' is for subscribers only")
        if self._takes_any and open == "create":
            raise Error("INVALID_ARGUMENT", "a channel is created with a schema of its own, not 'any'")
        self._fate = None  # why it cannot be used any more: CLOSED or FORKED
        self._watches = {}  # slot: (nonce, descriptor of the life line)
        self._bells = {}  # slot: (nonce, descriptor)
        self._dead = {}  # slot: nonce of who is proved dead and not yet reclaimed
        self._reclaimed = []  # nonces of ports whose files are to be removed when we hold no lock
        self._watched_epoch = None  # the epoch whose life lines are watched; None: look at all of them
        self._is_watch_complete = True
        self._wants = 0  # what we sleep for; 0 while we are awake
        self._has_joined = False
        self._counters = [0] * (_COUNTERS.size // 8)
        if self._pattern == _PATTERN_CHANNEL and not _is_channel_name(channel):
            raise Error("INVALID_NAME", f"{channel!r} is not 1 to 128 characters of A-Z a-z 0-9 . _ -")
        self._registration = None
        try:
            self._open(scope, open, wanted, max_participants, mode, _group_id(group), discoverable)
        except OSError as error:
            if error.errno is None:
                raise
            raise _refused(error, f"the channel {channel}") from error
        if self._registration is not None:
            try:
                self._registration.enter()
            except BaseException:
                self.close()
                raise

    def _open(self, scope, open, wanted, max_participants, mode, group, discoverable):
        self._segment, self._geometry = self._open_channel(scope, open, wanted, max_participants, mode, group)
        self._memory, self._words = self._segment.memory, _Words(self._segment.memory)
        self._port = self._slot = None
        _open_participants.add(self)
        try:
            if self._takes_any and self.codec != self._codec.id:
                if self.codec not in ("msgpack", "json", "raw"):
                    raise Error("CODEC_MISMATCH", f"the channel {self.channel} has the codec {self.codec!r}: give it as a Codec")
                self._codec = _codec_of(self.codec)
            audience = _Audience(self.channel, self._segment.fd if scope == "machine" else None)
            self._registration = _Registration(self.channel, scope, audience) if discoverable else None
            self._port = self._shared_port or _Port(audience)
            self._claim()
            self._join(checks_bells=scope == "machine")
            self._reclaim_whoever_is_dead()
        except BaseException:
            self.close()
            raise

    def _check_bells(self):
        """Refuses to stay where this user may not wake another. Each looks after it has claimed its slot: of two that come at
        once, one at least sees the other."""
        for slot in range(min(self._words.load32(_HEADER_SLOTS_USED), self._geometry.participants)):
            nonce = self._words.load64(self._at(slot) + _SLOT_NONCE)
            if nonce in (0, self._port.nonce):
                continue
            fd, code = _open_bell(nonce)
            if fd is not None:
                os.close(fd)
            elif code == errno.EACCES and not self._is_dead(slot, nonce):
                status = os.lstat(_port_path(nonce, "bell"))
                whose = f"user {status.st_uid} and group {status.st_gid} and has the mode {stat.S_IMODE(status.st_mode):#o}"
                raise Error("ACCESS_DENIED", f"{self.channel}: this user may not wake the participant in slot {slot}: its bell "
                                             f"belongs to {whose}")  # fmt: skip

    def _check_access(self, fd, mode, group):
        """Refuses a channel that lets in others than this program asks for."""
        status = os.fstat(fd)
        there = stat.S_IMODE(status.st_mode)
        whose = f"{self.channel} belongs to user {status.st_uid} and group {status.st_gid}"
        if group not in (None, status.st_gid):
            raise Error("ACCESS_DENIED", f"{whose}, and this program asks for group {group}")
        # All participants of a directory are to be those that its name says.
        if self._pattern == _PATTERN_DIRECTORY and there != mode:
            raise Error("ACCESS_DENIED", f"{whose} and has the mode {there:#o}; this program asks for {mode:#o}")
        if mode is not None and there & ~mode:
            raise Error("ACCESS_DENIED", f"{whose} and has the mode {there:#o}; this program allows {mode:#o} at most")

    def _open_channel(self, scope, open, wanted, max_participants, mode, group):
        path = _segment_path(self.channel, scope)
        capacity, history, max_message, schema = wanted
        creates = open != "open" and not self._takes_any

        def plan():
            return _Geometry.plan(self._pattern, capacity, max_participants, history, max_message, self._codec.id, schema)

        for _ in range(1000):
            segment = _Segment.open(path, scope == "user", plan if creates else None)
            if segment is not None:
                try:
                    if scope == "machine":
                        self._check_access(segment.fd, mode, group)
                    if segment.geometry is not None:
                        return segment, segment.geometry
                    if open == "create":
                        raise Error("EXISTS", f"there is a channel {self.channel} already")
                    geometry = _Geometry.read(segment.memory)
                    self._compare(geometry, *wanted)
                    return segment, geometry
                except BaseException:
                    segment.close()
                    raise
            if not creates:
                raise Error("NOT_FOUND", f"there is no channel {self.channel}")
            _sweep()
            geometry = plan()
            segment = _Segment.create(path, geometry.ring + geometry.capacity, mode, group, geometry.write)
            if segment is not None:
                return segment, geometry
        raise Timeout("TIMEOUT", f"{path} comes and goes all the time")

    def _compare(self, geometry, capacity, history, max_message, schema):
        if geometry.pattern != self._pattern:
            raise Error("PATTERN_MISMATCH", f"the memory {self.channel} has the pattern {geometry.pattern}, not {self._pattern}: "
                        f"{_PATTERN_CHANNEL} is a channel, {_PATTERN_DIRECTORY} a directory")  # fmt: skip
        numbers = (
            ("CAPACITY_MISMATCH", capacity, geometry.capacity),
            ("HISTORY_MISMATCH", history, geometry.history),
            ("MAX_MESSAGE_MISMATCH", max_message, geometry.max_message),
        )
        # None of it has a default: a channel without a schema has the empty one. That of an inbox is a contract: who calls
        # compares it method by method.
        schema = geometry.schema if self._pattern == _PATTERN_CALLS else schema
        texts = (("CODEC_MISMATCH", self._codec.id, geometry.codec), ("SCHEMA_MISMATCH", schema, geometry.schema))
        differing = [(code, wanted, there) for code, wanted, there in numbers if wanted and wanted != there]
        if not self._takes_any:
            differing += [(code, wanted, there) for code, wanted, there in texts if wanted != there]
        for code, wanted, there in differing:
            raise Error(code, f"the channel {self.channel} has {there or 'none'!r}, not {wanted or 'none'!r}")

    @property
    def capacity(self):
        """Bytes of the ring."""
        return self._geometry.capacity

    @property
    def history(self):
        """How many of the last messages stay for late joiners."""
        return self._geometry.history

    @property
    def max_message(self):
        """Most bytes of one message."""
        return self._geometry.max_message

    @property
    def schema(self):
        """The text that describes the payloads; empty for none."""
        return self._geometry.schema.decode("utf-8", "replace")

    @property
    def codec(self):
        """The id of the channel's codec."""
        return self._geometry.codec

    @property
    def directory_failure(self):
        """Why the channel could not be listed in the directory, an `Error`; None where it was, or was not to be. The channel
        works either way."""
        return self._registration and self._registration.failure

    def fileno(self):
        """What to wait for after `arm()`."""
        self._check()
        return self._port.poller.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Leaves the channel, and removes it when no other participant is left. A second call does nothing."""
        if self._fate is not None:
            return
        freed = self._slot is None
        try:
            # Without our step 4 the slot may have the role of a dead owner in it still: then our death frees it.
            freed = freed or (self._has_joined and self._owns_slot() and self._leave())
        finally:
            self._fate = "CLOSED"
            _open_participants.discard(self)
            self._remove_reclaimed()
            dead = self._left_behind()
            for slot in list(self._watches):
                self._unwatch(slot)
            self._close_bells()
            if self._shared_port is not None:
                self._shared_port.is_proof |= not freed
            elif self._port is not None:
                self._port.close(remove=freed)
            self._segment.close()
            # Only now: as long as there was the channel it named them.
            _remove_ports(dead)
            if self._registration is not None:
                self._registration.end()

    def _left_behind(self):
        """The ports of dead owners that are not reclaimed, when no participant is left that may yet do so."""
        used = min(self._words.load32(_HEADER_SLOTS_USED), self._geometry.participants)
        owners = ((slot, self._words.load64(self._at(slot) + _SLOT_NONCE)) for slot in range(used))
        others = [(slot, nonce) for slot, nonce in owners if nonce != 0 and nonce != (self._port and self._port.nonce)]
        return [nonce for _, nonce in others] if all(self._is_dead(slot, nonce) for slot, nonce in others) else []

    def _forget(self):
        """In a forked child, which must not keep what tells others that its parent lives."""
        self._fate = "FORKED"
        # Closed, and not taken out of the poller, which is the parent's too.
        for _, fd in self._watches.values():
            os.close(fd)
        self._close_bells()
        if self._port is not None:
            self._port.close(remove=False)
        self._memory.close()
        os.close(self._segment.fd)

    def _check(self):
        if self._fate is not None:
            raise Error(self._fate, f"the channel {self.channel} was opened before the fork" if self._fate == "FORKED"
                        else f"this participant of {self.channel} was closed")  # fmt: skip

    def _load_tail(self):
        tail = self._words.load64(_HEADER_TAIL)
        if tail < 0 or tail % _FRAME_ALIGNMENT or tail > _LARGEST_NUMBER:
            raise self._corrupt(f"the tail is {tail}")
        return tail

    def _header_at(self, position):
        """The fields of the header of a frame, from a private copy."""
        place = self._geometry.ring + position % self.capacity
        return _FRAME.unpack(self._memory[place : place + _FRAME_SIZE])

    def _corrupt(self, what):
        return Error("CORRUPTED", f"the memory of the channel {self.channel} makes no sense: {what}")

    # -- The table

    def _at(self, slot):
        return _HEADER_SIZE + slot * _SLOT_SIZE

    def _slots(self):
        """Offsets of the slots that may be in use, by number, but our own."""
        used = min(self._words.load32(_HEADER_SLOTS_USED), self._geometry.participants)
        return [(slot, self._at(slot)) for slot in range(used) if slot != self._slot]

    def _claim(self):
        words, nonce = self._words, self._port.nonce
        slot, inherited = self._claim_nonce(nonce)
        own = self._at(slot)
        # step: claim: nonce stored
        generation = words.load32(own + _SLOT_GENERATION) + 1
        generation = generation if generation <= _MAX_GENERATION else 1
        words.store32(own + _SLOT_GENERATION, generation)
        # step: claim: generation raised
        while (used := words.load32(_HEADER_SLOTS_USED)) <= slot and not words.swap32(_HEADER_SLOTS_USED, used, slot + 1):
            pass
        # step: claim: counted
        words.store64(own + _SLOT_IDENTITY_NONCE, 0)
        # step: claim: identity cleared
        pid = os.getpid()
        struct.pack_into("<Q", self._memory, own + _SLOT_START_TIME, _start_time(pid))
        struct.pack_into("<Q", self._memory, own + _SLOT_PID_NAMESPACE, _pid_namespace())
        struct.pack_into("<I", self._memory, own + _SLOT_PID, pid)
        struct.pack_into("<Q", self._memory, own + _SLOT_JOINED_AT, time.monotonic_ns())
        struct.pack_into("<Q", self._memory, own + _SLOT_THREAD_START_TIME, 0)
        struct.pack_into("<I", self._memory, own + _SLOT_THREAD_ID, 0)
        struct.pack_into("<I", self._memory, own + _SLOT_PHASE, 0)
        struct.pack_into("<QQ", self._memory, own + _SLOT_DONE, 0, 0)
        self._memory[own + _SLOT_MESSAGES : own + _SLOT_MESSAGES + _COUNTERS.size] = bytes(_COUNTERS.size)
        self._memory[own + _SLOT_NAME : own + _SLOT_NAME + _SLOT_NAME_SIZE] = self._name.ljust(_SLOT_NAME_SIZE, b"\0")
        # SYNC: identity written. What it tells was written before this store, and counts for every reader that finds our nonce
        # here.
        words.store64(own + _SLOT_IDENTITY_NONCE, nonce)
        # step: claim: identity written
        self._slot, self._own = slot, own
        self._generation = generation
        self._lock_word = generation << _SLOT_BITS | slot
        if inherited:
            _remove_ports([inherited])

    def _claim_nonce(self, nonce):
        slots = range(self._geometry.participants)
        for slot in slots:
            if self._words.swap64(self._at(slot) + _SLOT_NONCE, 0, nonce):
                return slot, 0
        for slot in slots:
            owner = self._words.load64(self._at(slot) + _SLOT_NONCE)
            if self._is_dead(slot, owner) and self._words.swap64(self._at(slot) + _SLOT_NONCE, owner, nonce):
                return slot, owner
        raise Error("TOO_MANY_PARTICIPANTS", f"all slots of the channel {self.channel} are taken")

    def _owns_slot(self):
        """False when another participant took us for dead, by memory that makes no sense."""
        return self._words.load64(self._own + _SLOT_NONCE) == self._port.nonce

    def _join(self, checks_bells):
        if not self._acquire(time.monotonic() + self._timeout):
            raise Timeout("TIMEOUT", f"another participant has held the lock of the channel {self.channel} for {self._timeout} s")
        try:
            # What its last owner has left.
            self._inherit(self._own, self._generation - 1 if self._generation > 1 else _MAX_GENERATION)
            self._has_joined = True
            self._words.store32(self._own + _SLOT_PHASE, self._phase)
            self._words.store64(self._own + _SLOT_DETAIL, self._detail)
            if checks_bells:
                self._check_bells()
            self._begin()
        finally:
            self._release()
        # step: join: done

    def _take_role(self, state):
        self._words.store32(self._own + _SLOT_STATE, state)
        # step: join: state stored
        self._words.add32(_HEADER_EPOCH, 1)
        # step: join: epoch raised
        self._ring_for_members(state == _STATE_PUBLISHER)

    def _free_slot(self):
        self._words.swap64(self._own + _SLOT_NONCE, self._port.nonce, 0)
        # step: leave: nonce cleared

    def _count(self):
        # In one copy: pack_into clears the place first, and others read it.
        at = self._own + _SLOT_MESSAGES
        self._memory[at : at + _COUNTERS.size] = _COUNTERS.pack(*self._counters)

    # -- Life and death

    def _is_dead(self, slot, nonce):
        """Whether the port with that nonce, which has the slot, is proved dead."""
        if nonce <= 0 or self._port is None or nonce == self._port.nonce:
            return False
        at, words = self._at(slot), self._words
        said = words.load64(at + _SLOT_IDENTITY_NONCE)
        copy = self._memory[at : at + _SLOT_SIZE]
        identity = _u64_of(copy, _SLOT_START_TIME), _u64_of(copy, _SLOT_PID_NAMESPACE), _u32_of(copy, _SLOT_PID)
        _fence()
        same = words.load64(at + _SLOT_IDENTITY_NONCE) == said and words.load64(at + _SLOT_NONCE) == nonce
        # SYNC: identity written. Equal before and after it was read, so it is that of the slot's owner.
        if same and said == nonce and _is_process_gone(*identity):
            return True
        fd, why = _open_bell(nonce)
        if fd is not None:
            os.close(fd)
            return False
        if why == errno.ENXIO:
            return True
        # Who has claimed the slot and not said who it is had a bell the moment before.
        is_known = said == nonce and identity[2] != 0
        return why == errno.ENOENT and same and not is_known and words.load64(at + _SLOT_IDENTITY_NONCE) == said

    def _reclaim_whoever_is_dead(self):
        for slot, at in self._slots():
            nonce = self._words.load64(at + _SLOT_NONCE)
            if self._is_dead(slot, nonce):
                self._dead[slot] = nonce
        self._reclaim_found()

    def _reclaim_found(self):
        """Reclaims those that were found dead on the way. Where the lock is not available, they stay found."""
        for _ in range(self._geometry.participants):
            if not self._dead or not self._acquire(time.monotonic() + 0.1):
                break
            try:
                self._reclaim(*self._dead.popitem())
            finally:
                self._release()
        self._remove_reclaimed()

    def _remove_reclaimed(self):
        """Without the lock."""
        if self._reclaimed:
            nonces, self._reclaimed = self._reclaimed, []
            _remove_ports(nonces)
            # step: reclaim: port removed

    def _reclaim(self, slot, nonce):
        """With the lock held. The slot is freed last: a participant that dies in the middle leaves all of it to the next one."""
        at, words = self._at(slot), self._words
        self._watched_epoch = None
        if words.load64(at + _SLOT_NONCE) != nonce:
            return
        # step: reclaim: begun
        if not self._inherit(at, words.load32(at + _SLOT_GENERATION)):
            # It may have given up the role by itself, and have died before it said so.
            self._tell_of_leaving(True)
        self._ring_for_room()
        # step: reclaim: role taken
        if words.swap64(at + _SLOT_NONCE, nonce, 0):
            self._reclaimed.append(nonce)

    def _inherit(self, at, generation):
        """Takes the role of a dead owner, of that generation, out of a slot; False where there is none. With the lock held."""
        if self._words.load32(at + _SLOT_ASLEEP) != 0:
            self._end_sleep(at, self._words.load32(at + _SLOT_WANTS))
        return self._end_participation(at, generation, _ENDED_BY_DEATH)

    def _end_participation(self, at, generation, how):
        """What a leaving participant does for itself, and a reclaiming one for the dead owner of that
        generation. With the lock held, but by a subscriber that leaves. False where the slot has no role."""
        words = self._words
        state = words.load32(at + _SLOT_STATE)
        if state == _STATE_NONE:
            return False
        used = min(words.load32(_HEADER_SLOTS_USED), self._geometry.participants)
        others = (self._at(slot) for slot in range(used))
        is_publisher = state == _STATE_PUBLISHER
        # The role goes after the word that it was the last one: who dies in between is reclaimed as a publisher.
        if is_publisher and not any(words.load32(other + _SLOT_STATE) == state for other in others if other != at):
            words.store32(_HEADER_CLOSED_REASON, _CLOSED_BY_DEATH if how == _ENDED_BY_DEATH else _CLOSED_BY_LEAVING)
            # step: leave: reason stored
            words.add32(_HEADER_CLOSED_EPOCH, 1)
            # step: leave: closed
        words.store32(at + _SLOT_LAST_END, (generation << _END_BITS | how) & 0xFFFFFFFF)
        # step: leave: end stored
        words.store32(at + _SLOT_STATE, _STATE_NONE)
        # step: leave: state stored
        self._tell_of_leaving(is_publisher)
        return True

    def _tell_of_leaving(self, was_publisher):
        self._words.add32(_HEADER_EPOCH, 1)
        # step: leave: epoch raised
        self._ring_for_members(was_publisher)

    # -- The publisher lock

    def _acquire(self, deadline):
        """Takes the publisher lock; False when the time is over, or `_PATIENCE` where that is longer, and a living process
        has it. None waits for ever."""
        patience = None
        pause = 0.0
        turns = 0
        while not self._words.swap32(_HEADER_PUBLISHER_LOCK, 0, self._lock_word):
            word = self._words.load32(_HEADER_PUBLISHER_LOCK)
            if word == self._lock_word:
                # Ours from before an exception of a signal handler.
                break
            turns += 1
            if turns < 50:
                continue
            if self._take_over(word):
                break
            now = time.monotonic()
            patience = patience or now + _PATIENCE
            if deadline is not None and now >= max(deadline, patience):
                return False
            time.sleep(pause)
            pause = min(pause * 2 or 1e-5, 1e-3)
        # step: lock: taken
        return True

    def _take_over(self, word):
        """Takes the lock over from its holder, if that is proved dead, and reclaims it."""
        if word == 0:
            return False
        slot, generation = word & (1 << _SLOT_BITS) - 1, word >> _SLOT_BITS
        nonce = 0
        is_slot = slot < self._geometry.participants
        if is_slot and self._words.load32(self._at(slot) + _SLOT_GENERATION) == generation:
            nonce = self._words.load64(self._at(slot) + _SLOT_NONCE)
            if nonce != 0 and not self._is_dead(slot, nonce):
                return False
        if not self._words.swap32(_HEADER_PUBLISHER_LOCK, word, self._lock_word):
            return False
        # step: lock: taken over
        if nonce != 0:
            self._reclaim(slot, nonce)
        return True

    def _release(self):
        self._words.swap32(_HEADER_PUBLISHER_LOCK, self._lock_word, 0)
        # step: lock: released

    # -- Bells

    def _ring_for_frames(self):
        # SYNC: going to sleep. What changed was stored before this load; a subscriber counts itself before it looks.
        if self._words.load32(_HEADER_SLEEPERS) != 0:
            self._ring_all(_WANTS_FRAMES)

    def _ring_for_room(self):
        # SYNC: waiting for room. The cursor was stored before this load; a publisher counts itself before it reads cursors.
        if self._words.load32(_HEADER_ROOM_WAITERS) != 0:
            self._ring_all(_WANTS_ROOM)

    def _ring_for_members(self, of_publisher):
        """After the epoch was raised. Of a publisher those hear as well who wait for frames."""
        # SYNC: going to sleep. The epoch was raised before these loads; who sleeps counts itself before it looks at that.
        if self._words.load32(_HEADER_MEMBER_WAITERS) != 0:
            self._ring_all(_WANTS_MEMBERS | _WANTS_FRAMES if of_publisher else _WANTS_MEMBERS)
        elif of_publisher:
            self._ring_for_frames()

    def _ring_all(self, wants):
        for slot, at in self._slots():
            if self._words.load32(at + _SLOT_ASLEEP) != 0 and self._words.load32(at + _SLOT_WANTS) & wants:
                self._ring(slot, at)

    def _ring(self, slot, at):
        nonce = self._words.load64(at + _SLOT_NONCE)
        if nonce <= 0 or nonce == self._port.nonce:
            return
        known, fd = self._bells.get(slot, (0, None))
        if known != nonce:
            self._close_bell(slot)
            fd, why = _open_bell(nonce)
            if why in (errno.EMFILE, errno.ENFILE) and self._port.spare is not None:
                # The one that is kept for this.
                os.close(self._port.spare)
                self._port.spare = None
                fd, _ = _open_bell(nonce)
            if fd is not None:
                self._bells[slot] = (nonce, fd)
        try:
            if fd is not None:
                os.write(fd, b"\0")
                self._counters[_WAKE_UPS] += 1
                # step: ring: sent
                return
        except BlockingIOError:
            # It is full of rings that were not heard yet.
            return
        except OSError:
            self._close_bell(slot)
        finally:
            if self._port.spare is None:
                self._close_bell(slot)
                self._port.spare = _open_spare(required=False)
        if self._is_dead(slot, nonce):
            self._dead[slot] = nonce

    def _close_bell(self, slot):
        _, fd = self._bells.pop(slot, (0, None))
        if fd is not None:
            os.close(fd)

    def _close_bells(self):
        for slot in list(self._bells):
            self._close_bell(slot)

    # -- Sleeping

    def _lie_down(self, wants):
        """Says that we sleep: a participant that changes something from here on rings."""
        words = self._words
        self._wants = wants
        self._count_sleeper(wants, 1)
        # step: sleep: counted
        words.store32(self._own + _SLOT_WANTS, wants)
        # step: sleep: wants stored
        number = (words.load32(self._own + _SLOT_SLEEPS) + 1) & 0xFFFFFFFF or 1
        words.store32(self._own + _SLOT_SLEEPS, number)
        # step: sleep: numbered
        words.store32(self._own + _SLOT_ASLEEP, number)
        # step: sleep: flagged

    def _get_up(self):
        wants, self._wants = self._wants, 0
        if wants and self._owns_slot():
            self._end_sleep(self._own, wants)

    def _end_sleep(self, at, wants):
        """Asleep first, then the counters, so that they are never too low."""
        self._words.store32(at + _SLOT_ASLEEP, 0)
        # step: wake: flag cleared
        self._count_sleeper(wants, -1)
        # step: wake: counted out

    def _count_sleeper(self, wants, one):
        wanted = (_WANTS_FRAMES, _WANTS_ROOM, _WANTS_MEMBERS)
        for want, counter in zip(wanted, (_HEADER_SLEEPERS, _HEADER_ROOM_WAITERS, _HEADER_MEMBER_WAITERS)):
            if wants & want:
                self._words.add32(counter, one)

    def _watch(self, *states):
        """Watches the life lines of all that have one of those states; finds those that are dead by now."""
        self._is_watch_complete = True
        for slot, at in self._slots():
            nonce = self._words.load64(at + _SLOT_NONCE) if self._words.load32(at + _SLOT_STATE) in states else 0
            known, _ = self._watches.get(slot, (0, None))
            if known != nonce:
                self._unwatch(slot)
            if nonce <= 0 or known == nonce or nonce == self._port.nonce:
                continue
            fd, _ = _open_fifo(_port_path(nonce, "life"), os.O_RDONLY)
            if fd is not None:
                self._watches[slot] = (nonce, fd)
                self._port.poller.register(fd, selectors.EVENT_READ, (self, slot))
            else:
                self._is_watch_complete = False
            # A watch that begins after the death hears nothing: so read once. The bell may outlive the life line for a moment.
            if (fd is not None and _is_at_end(fd)) or self._is_dead(slot, nonce):
                self._dead[slot] = nonce

    def _unwatch(self, slot):
        _, fd = self._watches.pop(slot, (0, None))
        if fd is not None:
            self._port.poller.unregister(fd)
            os.close(fd)

    def _life_has_ended(self, slot):
        nonce, _ = self._watches[slot]
        self._unwatch(slot)
        self._dead[slot] = nonce

    def _introduce(self, slot):
        """What the owner of a slot calls itself, or '', and the id of its process, 0 where it is not known."""
        at, words = self._at(slot), self._words
        nonce = words.load64(at + _SLOT_NONCE)
        was_named = words.load64(at + _SLOT_IDENTITY_NONCE) == nonce
        copy = self._memory[at : at + _SLOT_SIZE]
        _fence()
        # SYNC: identity written. Equal before and after it was read, so it is that of the slot's owner.
        is_named = words.load64(at + _SLOT_IDENTITY_NONCE) == nonce and words.load64(at + _SLOT_NONCE) == nonce
        pid = _u32_of(copy, _SLOT_PID) if was_named and is_named else 0
        return _showable(copy[_SLOT_NAME : _SLOT_NAME + _SLOT_NAME_SIZE]), pid


def _left(deadline):
    """Seconds until then; None for ever."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _deadline(timeout):
    return None if timeout is None else time.monotonic() + timeout


def _close_all():
    for participant in list(_open_participants):
        try:
            participant.close()
        except (Error, OSError):
            # The process ends, and others find it dead.
            pass


def _forget_all():
    global _places_lock
    for participant in [*_open_participants, *(place.directory for place in _places.values())]:
        participant._forget()
    _open_participants.clear()
    _places.clear()
    _places_lock = threading.RLock()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)

# ------------------------------------------------------------------------------------------------------- Publishing


class Publisher(_Participant):
    """Publishes in a channel.

    channel             its name: 1 to 128 characters of A-Z a-z 0-9 . _ -
    codec               'msgpack' (up to 1,048,576 values in a message), 'json', 'raw', or a Codec
    schema              text that describes the payloads, compared byte by byte; None where the channel has none
    capacity            bytes of the ring, a power of two; None: whatever it has, 8 MiB where it is created here
    history             last messages that late joiners find for certain; None: whatever it has, none
    max_message         bytes; None: whatever it has, 64 MiB, with a history as many as that leaves
    max_participants    slots, 2 to 1024, where it is created here
    mode                permission bits, where it is created here, 0o600 unless said: users that they let read and write may join;
                        of the scope 'machine' also the most that one which exists may have
    group               its group, by name or id, where it is created here; of the scope 'machine' also the one that it must have
    discoverable        whether joining lists the channel in the directory, so that tools find it
    scope               who finds the channel: programs of this 'user', or of the whole 'machine'
    open                'open-or-create', 'open', or 'create'
    name                up to 48 bytes, shown by tools that look into the channel
    timeout             of joining and leaving: seconds to wait for a living holder of the publisher lock
    slow_subscribers    'wait' for reliable subscribers that leave no room, or 'disconnect' them
    timestamps          whether messages say when they were published
    """

    def __init__(self, channel, codec="msgpack", *, schema=None, capacity=None, history=None, max_message=None,
                 max_participants=64, mode=None, group=None, discoverable=True, scope="user", open="open-or-create",
                 name=None, timeout=5.0,
                 slow_subscribers="wait", timestamps=True):  # fmt: skip
        _check_choice("slow_subscribers", slow_subscribers, ("wait", "disconnect"))
        self._disconnects = slow_subscribers == "disconnect"
        self._timestamps = timestamps
        self._sequence = 0
        self._floor, self._floor_epoch = 0, None
        super().__init__(channel, codec, schema=schema, capacity=capacity, history=history, max_message=max_message,
                         max_participants=max_participants, mode=mode, group=group, scope=scope, open=open,
                         name=name, timeout=timeout, discoverable=discoverable)  # fmt: skip

    @property
    def sequence(self):
        """The number of the last message that this publisher has published; 0 before the first."""
        return self._sequence

    @property
    def position(self):
        """That number in this life of the channel, a `Position`."""
        return Position(f"{self._geometry.incarnation:016x}", self._sequence)

    def wait_for_subscribers(self, count=1, timeout=None):
        """Waits until the channel has that many subscribers, at least 1, and returns how many it has then. Raises `Timeout`
        after `timeout` seconds; None waits for ever."""
        self._check()
        if not isinstance(count, int) or not 1 <= count <= _MAX_PARTICIPANTS:
            raise Error("INVALID_ARGUMENT", f"count is a whole number from 1 to {_MAX_PARTICIPANTS}, not {count!r}")
        deadline = _deadline(timeout)
        while True:
            self._reclaim_found()
            if not self._owns_slot():
                raise self._corrupt("this publisher has lost its slot")
            self._lie_down(_WANTS_MEMBERS)
            try:
                # SYNC: going to sleep. We are counted and flagged: a participant that joins or leaves after we looked rings us.
                epoch = self._words.load32(_HEADER_EPOCH)
                there = self._count_subscribers()
                left = _left(deadline)
                if there >= count:
                    return there
                if left == 0:
                    text = f"the channel {self.channel} has {there} subscribers after {timeout} s, fewer than {count}"
                    raise Timeout("TIMEOUT", text)
                self._watch(_STATE_RELIABLE, _STATE_LOSSY)
                if not self._dead and self._words.load32(_HEADER_EPOCH) == epoch:
                    self._port.listen(left if self._is_watch_complete else 1.0 if left is None else min(left, 1.0))
            finally:
                self._get_up()

    def _count_subscribers(self):
        """Those that are not disconnected."""
        return sum(self._words.load32(at + _SLOT_STATE) in (_STATE_RELIABLE, _STATE_LOSSY) for _, at in self._slots())

    def try_publish(self, value):
        """Publishes a message without waiting for room, and for another publisher at work only some milliseconds. Returns
        'published', 'full' or 'busy'; after the last two nothing was published. Nothing counts 'busy'. What is larger than a
        quarter of the ring is TOO_LARGE: `publish` splits that."""
        data = self._encode(value)
        if len(data) > self._geometry.max_whole:
            raise Error("TOO_LARGE", f"{len(data)} bytes are more than {self._geometry.max_whole}, which fit into one frame")
        return self._attempt(_KIND_MESSAGE, [data], time.monotonic())

    def publish(self, value, timeout=None):
        """Publishes a message and returns its number. Waits for room and for the lock at most `timeout` seconds, then raises
        `Timeout`, and no subscriber gets any of it. What is larger than a quarter of the ring is split, and subscribers put it
        together."""
        deadline = _deadline(timeout)
        data = self._encode(value)
        if len(data) <= self._geometry.max_whole:
            return self._send(_KIND_MESSAGE, [data], deadline)
        if len(data) > self._geometry.max_message:
            raise Error("TOO_LARGE", f"{len(data)} bytes are more than {self._geometry.max_message}")
        # An eighth of the ring, so that subscribers read one while the next one is written.
        size = max(1, min(self._geometry.max_payload, self.capacity // 8 - _FRAME_SIZE) - _FRAGMENT_SIZE)
        self._began = None
        for offset in range(0, len(data), size):
            kind = _KIND_LAST_FRAGMENT if offset + size >= len(data) else _KIND_FRAGMENT
            piece = (len(data), offset, self._generation)
            number = self._send(kind, [bytes(_FRAGMENT_SIZE) + data[offset : offset + size]], deadline, piece)
        return number

    def try_publish_all(self, values):
        """Publishes several messages, all or none, as `try_publish` does. They take at most a quarter of the ring."""
        return self._attempt(_KIND_MESSAGE, self._encode_all(values), time.monotonic())

    def publish_all(self, values, timeout=None):
        """Publishes several messages, all or none, and returns the number of the first. Waits as `publish` does. They take at
        most a quarter of the ring."""
        deadline = _deadline(timeout)
        return self._send(_KIND_MESSAGE, self._encode_all(values), deadline)

    def _encode(self, value):
        self._check()
        try:
            return self._codec.encode(value)
        except _REFUSALS as error:
            raise Error("UNENCODABLE", f"a value for the channel {self.channel}: {error}") from error

    def _encode_all(self, values):
        payloads = [self._encode(value) for value in values]
        total = sum(_frame_size(len(data)) for data in payloads)
        self._check()
        if not payloads:
            raise Error("INVALID_ARGUMENT", "a batch has at least one message")
        if total > self.capacity // 4 or max(map(len, payloads)) > self._geometry.max_whole:
            raise Error("TOO_LARGE", f"a batch of {total} bytes in frames is more than a quarter of {self.capacity}")
        return payloads

    def _begin(self):
        self._take_role(_STATE_PUBLISHER)

    def _leave(self):
        # Where the lock is not available, our death tells the rest.
        if not self._acquire(time.monotonic() + self._timeout):
            return False
        try:
            self._get_up()
            self._end_participation(self._own, self._generation, _ENDED_BY_LEAVING)
        finally:
            self._release()
        self._free_slot()
        return True

    def _send(self, kind, payloads, deadline, piece=None):
        """Publishes frames, and waits for room and for the lock. Returns the number of the first message."""
        while True:
            outcome = self._attempt(kind, payloads, deadline, piece)
            if outcome == "published":
                return self._sequence - len(payloads) + 1
            if outcome == "busy" or (deadline is not None and time.monotonic() >= deadline):
                why = "there is no room in" if outcome == "full" else "another process holds the lock of"
                raise Timeout("TIMEOUT", f"{why} the channel {self.channel}")
            self._wait_for_room(payloads, deadline)

    def _attempt(self, kind, payloads, deadline, piece=None):
        """Publishes frames without waiting for room, and for the lock until then."""
        while True:
            self._get_up()
            if not self._acquire(deadline):
                return "busy"
            try:
                number = self._try(kind, payloads, piece)
            finally:
                self._release()
            were_dead = len(self._dead)
            self._reclaim_found()
            if number is not None:
                self._sequence = number if kind != _KIND_FRAGMENT else self._sequence
                return "published"
            # Who kept us waiting may have been dead.
            if len(self._dead) >= were_dead:
                self._counters[_FULL] += 1
                self._count()
                return "full"

    def _try(self, kind, payloads, piece):
        """With the lock held: commits all of the frames, and returns the last number; None where there is no room."""
        words, memory, ring, capacity = self._words, self._memory, self._geometry.ring, self.capacity
        if not self._owns_slot():
            raise self._corrupt("this publisher has lost its slot")
        tail = self._load_tail()
        # Of a terminator, or of a frame that a publisher wrote that died before it was committed.
        number = self._header_at(tail)[4]
        if not 0 < number <= _LARGEST_NUMBER - len(payloads):
            raise self._corrupt(f"the number at the tail is {number}")
        places, end = self._place(tail, payloads)
        needed = end + _FRAME_ALIGNMENT - capacity
        if not self._has_room(tail, needed):
            return None
        self._move_head(tail, needed)

        now = time.monotonic_ns() if self._timestamps else 0
        at = tail
        for place, data in zip(places, payloads):
            if place != at:
                padding = place - at - _FRAME_SIZE
                self._write_header(at, padding, _KIND_PADDING, number, now)
                # step: publish: padding written
            self._write_header(place, len(data), kind, number, now)
            start = ring + place % capacity + _FRAME_SIZE
            memory[start : start + len(data)] = data
            if piece is not None:
                self._began = place if piece[1] == 0 else self._began
                _FRAGMENT.pack_into(memory, start, self._began, *piece)
            number += kind != _KIND_FRAGMENT
            at = place + _frame_size(len(data))
        self._write_header(end, 0, _KIND_TERMINATOR, number, now)
        # step: publish: frame written
        try:
            # SYNC: frame visible. Everything of the frames was written before this store.
            words.store64(_HEADER_TAIL, end)
            # step: publish: committed
        finally:
            self._ring_for_frames()
        # step: publish: rung
        if kind != _KIND_FRAGMENT:
            self._counters[_FRAMES] += len(payloads)
        self._counters[_BYTES] += sum(map(len, payloads)) - (_FRAGMENT_SIZE if piece else 0)
        self._count()
        return number - 1

    def _write_header(self, position, length, kind, number, now):
        # In one copy: pack_into clears the place first, and others may read the number at the tail at any time.
        header = _FRAME.pack(length, kind, 0, self._slot, number, now)
        place = self._geometry.ring + position % self.capacity
        self._memory[place : place + _FRAME_SIZE] = header

    def _place(self, tail, payloads):
        """Positions of the frames, and the position behind them."""
        places = []
        for data in payloads:
            size = _frame_size(len(data))
            left = self.capacity - tail % self.capacity
            tail += left if size > left else 0
            places.append(tail)
            tail += size
        return places, tail

    def _cursors(self):
        """Slot, offset and cursor of all reliable subscribers."""
        found = ((slot, at) for slot, at in self._slots() if self._words.load32(at + _SLOT_STATE) == _STATE_RELIABLE)
        return [(slot, at, self._words.load64(at + _SLOT_CURSOR)) for slot, at in found]

    def _has_room(self, tail, needed):
        """Whether what is before `needed` may be overwritten. With the lock held: ends who is too slow, or makes no sense."""
        epoch = self._words.load32(_HEADER_EPOCH)
        if epoch == self._floor_epoch and needed <= self._floor:
            return True
        floor = tail
        for slot, at, cursor in self._cursors():
            nonce = self._words.load64(at + _SLOT_NONCE)
            is_cursor = tail - self.capacity <= cursor <= tail and cursor % _FRAME_ALIGNMENT == 0 and nonce != 0
            if is_cursor and cursor >= needed:
                floor = min(floor, cursor)
            elif is_cursor and not self._disconnects:
                floor = min(floor, cursor)
                if self._is_dead(slot, nonce):
                    self._dead[slot] = nonce
            else:
                # They look again when the lock is free, or its holder is dead.
                self._ring_for_room()
                reason = _DISCONNECTED_AS_SLOW if is_cursor else _DISCONNECTED_AS_WRONG
                self._words.store32(at + _SLOT_DISCONNECT_REASON, reason)
                # step: disconnect: reason stored
                self._words.swap32(at + _SLOT_STATE, _STATE_RELIABLE, _STATE_DISCONNECTED)
                # step: disconnect: state stored
                self._tell_of_leaving(False)
        self._floor, self._floor_epoch = floor, epoch
        return needed <= floor

    def _move_head(self, tail, needed):
        """Gives up the oldest frames, before they are overwritten."""
        head = self._words.load64(_HEADER_HEAD)
        if not tail - self.capacity <= head <= tail or head < 0 or head % _FRAME_ALIGNMENT:
            raise self._corrupt(f"the head is {head}, the tail {tail}")
        if head >= needed:
            return
        while head < needed:
            head += _frame_size(self._header_at(head)[0])
            if head > tail:
                raise self._corrupt("a frame leads beyond the tail")
        # SYNC: overwrite announced. A subscriber that copies what is overwritten from here on sees the new head behind its copy.
        self._words.exchange64(_HEADER_HEAD, head)
        self._words.load64(_HEADER_HEAD)
        # step: publish: head moved

    def _wait_for_room(self, payloads, deadline):
        self._lie_down(_WANTS_ROOM)
        try:
            # SYNC: waiting for room. We are counted and flagged: a cursor that moves after we read it rings us.
            tail = self._load_tail()
            needed = self._place(tail, payloads)[1] + _FRAME_ALIGNMENT - self.capacity
            if all(cursor >= needed for _, _, cursor in self._cursors()):
                return
            self._watch(_STATE_RELIABLE)
            if not self._dead:
                left = _left(deadline)
                self._port.listen(left if self._is_watch_complete else 1.0 if left is None else min(left, 1.0))
        finally:
            self._get_up()
        self._reclaim_found()


# ---------------------------------------------------------------------------------------------------- The directory

_DIRECTORY_NAME = "mmfbus~directory"  # of its segment, which no channel can have, and of its codec
_DIRECTORY_PATIENCE = 0.1  # seconds that joining or leaving a channel waits for a living holder of the directory's lock


def _program_name():
    """What the directory calls this process: its program, cut where needed, and its language."""
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    program = script if script not in ("", "-c", "-m") else os.path.basename(sys.executable or "python")
    language = b" (python)"
    cut = os.fsencode(program)[: _SLOT_NAME_SIZE - len(language)].decode("utf-8", "ignore")
    return cut + language.decode()


# A directory: that of a scope, and in the scope 'machine' that of the channels which let in the same users.
_DirectoryId = collections.namedtuple("_DirectoryId", "scope name mode group")


def _directory_of(scope, audience):
    """Which directory those channels belong to."""
    if scope == "user":
        return _DirectoryId(scope, _DIRECTORY_NAME, 0o600, None)
    if audience.uid is not None:
        # The superuser has its own, also for a channel of another user, who could not open one that it made.
        return _DirectoryId(scope, f"{_DIRECTORY_NAME}.u{os.geteuid()}", 0o600, None)
    if audience.gid is not None:
        return _DirectoryId(scope, f"{_DIRECTORY_NAME}.g{audience.gid}", 0o660, audience.gid)
    return _DirectoryId(scope, _DIRECTORY_NAME, 0o666, None)


class _Directory(Publisher):
    """A directory, as this process has joined it: as one of its publishers, so that watchers hear of its death."""

    _pattern = _PATTERN_DIRECTORY

    def __init__(self, id):
        self._id = id
        codec = Codec(_DIRECTORY_NAME, bytes, bytes)
        super().__init__(id.name, codec, max_participants=_MAX_PARTICIPANTS, mode=id.mode, group=id.group, scope=id.scope,
                         name=_program_name(), timeout=_DIRECTORY_PATIENCE, discoverable=False)  # fmt: skip

    def _entries(self):
        """Offsets of the entries."""
        start, end = self._at(self._geometry.participants), self._geometry.ring
        return range(start, end - _ENTRY_SIZE + 1, _ENTRY_SIZE)

    def _was_taken(self, entry):
        """Whether an entry was ever taken. Participants take the first free entry, so those ever taken come first."""
        return self._words.load32(entry + _ENTRY_STATE) != 0

    def _read(self, entry):
        """The name in an entry; None where it is free, is being changed, or holds no name, which is as good as free."""
        state = self._words.load32(entry + _ENTRY_STATE)
        if state & 1 == 0:
            return None
        at = entry + _ENTRY_NAME
        name = self._memory[at : at + _ENTRY_NAME_SIZE].rstrip(b"\0").decode("latin-1")
        _fence()
        # SYNC: entry committed. The name was copied before this look: it is that of the state that both looks saw.
        is_whole = self._words.load32(entry + _ENTRY_STATE) == state
        return name if is_whole and _is_entry_name(name) else None

    def _add(self, channel):
        """With the lock held: False where the channel was listed."""
        free = None
        for entry in self._entries():
            name = self._read(entry)
            if name == channel:
                return False
            if name is None and free is None:
                free = entry
            if not self._was_taken(entry):
                break
        if free is None:
            raise Error("TOO_MANY_CHANNELS", "all entries of the directory are taken")
        state = self._words.load32(free + _ENTRY_STATE)
        # Even, and never back to 0, which ends the list.
        state += state & 1
        # SYNC: entry committed. The name stays behind the state that says free, and before the one that says listed.
        self._words.exchange32(free + _ENTRY_STATE, state)
        self._words.load32(free + _ENTRY_STATE)
        at = free + _ENTRY_NAME
        self._memory[at : at + _ENTRY_NAME_SIZE] = channel.encode().ljust(_ENTRY_NAME_SIZE, b"\0")
        self._words.store32(free + _ENTRY_STATE, state + 1)
        return True

    def _remove(self, channel):
        """With the lock held: False where the channel was not listed."""
        used = itertools.takewhile(self._was_taken, self._entries())
        listed = [entry for entry in used if self._read(entry) == channel]
        for entry in listed:
            self._words.add32(entry + _ENTRY_STATE, 1)
        return bool(listed)

    def _is_occupied(self, channel):
        """Whether the channel has a participant that is not proved dead; also where that cannot be found out."""
        try:
            segment = _Segment.open(_segment_path(channel, self._id.scope), self._id.scope == "user")
        except (Error, OSError):
            return True
        if segment is None:
            return False
        try:
            if not self._has(channel, segment):
                return False
            # An onlooker, which no participant knows.
            look = object.__new__(_Participant)
            look._geometry, look._memory, look._words = _Geometry.read(segment.memory), segment.memory, _Words(segment.memory)
            look._port, look._slot = self._port, None
            owners = ((slot, look._words.load64(at + _SLOT_NONCE)) for slot, at in look._slots())
            return any(nonce != 0 and not look._is_dead(slot, nonce) for slot, nonce in owners)
        except Error:
            return True
        finally:
            segment.close()

    def _has(self, channel, segment):
        """An entry is a hint: a channel that lets in other users than the directory does is not one of its channels."""
        try:
            audience = _Audience(channel, segment.fd if self._id.scope == "machine" else None)
        except Error:
            return False
        return _directory_of(self._id.scope, audience) == self._id

    def _lock(self, deadline):
        if not self._acquire(deadline):
            raise Timeout("TIMEOUT", f"another participant has held the lock of the directory for {_DIRECTORY_PATIENCE} s")

    def _unlock(self):
        self._release()
        self._reclaim_found()

    def _tell_watchers(self, kind, channel):
        """With the lock held. Watchers never hold publishers back; who does all the same must look at the entries."""
        try:
            if self._try(_KIND_MESSAGE, [_NOTICE.pack(kind, channel.encode())], None) is not None:
                return
        except Error:
            # The entries count.
            pass
        self._ring_for_frames()

    def enter(self, channel):
        """Lists a channel that this process has joined, and tells the watchers."""
        deadline = _deadline(_DIRECTORY_PATIENCE)
        try:
            self._try_enter(channel, deadline)
        except Error as error:
            if error.code != "TOO_MANY_CHANNELS":
                raise
            self._strike_any(deadline)
            self._try_enter(channel, deadline)

    def _try_enter(self, channel, deadline):
        self._lock(deadline)
        try:
            self._tell_watchers(_NOTICE_OPENED if self._add(channel) else _NOTICE_CHANGED, channel)
        finally:
            self._unlock()

    def _strike_any(self, deadline):
        """Takes one channel that has no participant off a full list."""
        for entry in self._entries():
            if _left(deadline) == 0:
                return
            name = self._read(entry)
            if name is not None and not self._is_occupied(name) and self.leave(name, None, deadline):
                return

    def leave(self, channel, notice, deadline):
        """Takes the channel off the list if it has no participant, and returns whether it did; else gives that notice, if any."""
        self._lock(deadline)
        try:
            # Looked at with the lock held: a participant that joins meanwhile lists the channel again.
            is_occupied = self._is_occupied(channel)
            is_struck = not is_occupied and self._remove(channel)
            if is_struck:
                self._tell_watchers(_NOTICE_CLOSED, channel)
            elif is_occupied and notice is not None:
                self._tell_watchers(notice, channel)
            return is_struck
        finally:
            self._unlock()


class _Place:
    """This process's place in a directory, and how many of its participants share it."""

    def __init__(self, directory):
        self.directory, self.shares = directory, 0


_places = {}  # by the directory's id
_places_lock = threading.RLock()


class _Registration:
    """Keeps a channel in the directory while a participant of this process is in it. Whatever goes wrong with the directory
    is nothing to the channel."""

    def __init__(self, channel, scope, audience):
        """Opens this process's place in the directory, or shares it. Before a slot of the channel is claimed."""
        self._channel, self._id, self._place = channel, _directory_of(scope, audience), None
        self._is_listed = False
        self.failure = None
        try:
            with _places_lock:
                if self._id not in _places:
                    directory = _Directory(self._id)
                    # Those are closed when the process ends, and with the last of them the directory is.
                    _open_participants.discard(directory)
                    _places[self._id] = _Place(directory)
                self._place = _places[self._id]
                self._place.shares += 1
        except (Error, OSError) as error:
            self._fail(error)

    def enter(self):
        """Lists the channel, which was joined."""
        if self._place is None:
            return
        try:
            with _places_lock:
                self._place.directory.enter(self._channel)
            self._is_listed = True
        except (Error, OSError) as error:
            self._fail(error)

    def end(self):
        """After the participant has left, or could not join. A second call does nothing."""
        place, self._place = self._place, None
        # In a forked child it is the parent's.
        if place is None or place is not _places.get(self._id):
            return
        try:
            with _places_lock:
                place.shares -= 1
                try:
                    if self._is_listed:
                        place.directory.leave(self._channel, _NOTICE_CHANGED, _deadline(_DIRECTORY_PATIENCE))
                finally:
                    if place.shares == 0:
                        del _places[self._id]
                        place.directory.close()
        except (Error, OSError) as error:
            self._fail(error)

    def _fail(self, error):
        self.failure = _refused(error, "the directory") if isinstance(error, OSError) else error


# ------------------------------------------------------------------------------------------------------ Subscribing


class _Parts:
    """What has arrived of a split message."""

    __slots__ = ("began", "total", "generation", "data")

    def __init__(self, began, total, generation):
        self.began, self.total, self.generation, self.data = began, total, generation, bytearray()


def _check_position(position):
    incarnation, sequence = position
    is_right = isinstance(incarnation, str) and re.fullmatch("[0-9a-f]{16}", incarnation)
    if not is_right or not isinstance(sequence, int) or not 0 <= sequence <= _LARGEST_NUMBER:
        raise Error("INVALID_ARGUMENT", f"start is no position such as Position('00f1d0c2a8b94e57', 42): {position!r}")


class Subscriber(_Participant):
    """Subscribes to a channel. Options are those of Publisher, but:

    schema              also 'any': neither schema nor codec are compared, the channel is never created, and the values of
                        messages are what its own codec makes of them, unless that is one of your own
    delivery            'reliable' (publishers wait for us) or 'lossy' (they overtake us, and we are told what we missed)
    start               'latest' (the next message), 'earliest' (the oldest in the ring), 'history' (the last ones that the
                        channel keeps), or a Position: with the message after it. None: 'history' where the channel has one,
                        else 'latest'
    otherwise           where to begin when the Position is of an earlier channel of that name, of which nothing is left:
                        'error' (nowhere: OTHER_INCARNATION), 'earliest' or 'latest'
    publisher_events    whether receiving tells of publishers that join and leave
    poll_window         seconds to look for the next message before it sleeps
    """

    _watched_states = (_STATE_PUBLISHER,)  # of those whose life lines are watched

    def __init__(self, channel, codec="msgpack", *, schema=None, capacity=None, history=None, max_message=None,
                 max_participants=64, mode=None, group=None, discoverable=True, scope="user", open="open-or-create",
                 name=None, timeout=5.0,
                 delivery="reliable", start=None, otherwise="error", publisher_events=False, poll_window=0.0002):  # fmt: skip
        _check_choice("delivery", delivery, ("reliable", "lossy"))
        _check_choice("otherwise", otherwise, ("error", "earliest", "latest"))
        if isinstance(start, Position):
            _check_position(start)
        else:
            _check_choice("start", start, (None, "latest", "earliest", "history"))
        self._is_reliable = delivery == "reliable"
        self._start, self._otherwise = start, otherwise
        self._publisher_events = publisher_events
        self._publishers = {}  # that were there at the last look: the generation and the event, by slot
        self._publishers_left = []  # that were found to be gone, and are not told of yet
        self._poll_window = poll_window
        self._events = collections.deque()
        self._failure = None
        self._parts = {}  # of split messages, by the slot of their publisher
        self._is_lapped = False
        self._laps = 0  # in a row, without a frame in between
        super().__init__(channel, codec, schema=schema, capacity=capacity, history=history, max_message=max_message,
                         max_participants=max_participants, mode=mode, group=group, scope=scope, open=open,
                         name=name, timeout=timeout, discoverable=discoverable)  # fmt: skip

    @property
    def position(self):
        """How far the program has come: the `Position` of the last message that receiving returned or told to be lost. A later
        subscription may `start` after it."""
        return Position(f"{self._geometry.incarnation:016x}", self._told)

    def try_receive(self):
        """The next `Message`, `Gap` or `PublishersGone`, with `publisher_events` also `PublisherJoined` or `PublisherLeft`; None
        where there is nothing now. Raises `Disconnected`."""
        self._check()
        self._disarm()
        return self._next()

    def receive(self, timeout=None):
        """What `try_receive` gives, as soon as there is something; None after `timeout` seconds. Raises `Disconnected`."""
        self._check()
        deadline = _deadline(timeout)
        polls_until = None
        pause = 0.0
        self._disarm()
        while True:
            event = self._next()
            left = _left(deadline)
            if event is not None or left == 0:
                return event
            polls_until = polls_until or _deadline(self._poll_window)
            if time.monotonic() < polls_until:
                # Lets the other threads of this process run.
                time.sleep(0)
                continue
            try:
                wait = self._arm()
                if wait == self.BUSY_PAUSE:
                    pause = min(pause * 2 or 1e-5, wait)
                    time.sleep(pause)
                elif wait != 0:
                    self._port.listen(left if wait is None else wait if left is None else min(wait, left))
            finally:
                self._get_up()
            self._reclaim_found()

    def __iter__(self):
        """Messages, until the last publisher has left or died. To be told of gaps as well, use `receive`."""
        while True:
            event = self.receive()
            if isinstance(event, Message):
                yield event
            elif isinstance(event, PublishersGone):
                return

    #: Seconds to look again after, while a publisher is at work.
    BUSY_PAUSE = 0.001

    def arm(self):
        """Goes to sleep for an event loop of your own. Returns the seconds to wait at most until `fileno()` is readable:
        None for ever, 0 when there is something to receive now. The next `receive` disarms it."""
        self._check()
        self._disarm()
        wait = self._arm()
        if wait == 0:
            self._get_up()
        return wait

    def _disarm(self):
        """After `arm`: hears what was rung."""
        if self._wants:
            self._get_up()
            self._port.listen(0)
        self._reclaim_found()

    def _begin(self):
        words = self._words
        tail, head = words.load64(_HEADER_TAIL), words.load64(_HEADER_HEAD)
        is_aligned = head % _FRAME_ALIGNMENT == 0 and tail % _FRAME_ALIGNMENT == 0
        if not max(0, tail - self.capacity) <= head <= tail <= _LARGEST_NUMBER or not is_aligned:
            raise self._corrupt(f"the head is {head}, the tail {tail}")
        at_head, at_tail = (self._header_at(position)[4] for position in (head, tail))
        if not 0 < at_head <= at_tail <= _LARGEST_NUMBER:
            raise self._corrupt(f"the number at the head is {at_head}, at the tail {at_tail}")
        start = self._start
        if start is None:
            start = "history" if self.history else "latest"
        there = f"{self._geometry.incarnation:016x}"
        if isinstance(start, Position) and start.incarnation != there:
            if self._otherwise == "error":
                raise Error("OTHER_INCARNATION", f"it was to begin after message {start.sequence} of the incarnation "
                            f"{start.incarnation} of {self.channel}, of which nothing is left: this one is {there}")  # fmt: skip
            start = self._otherwise
        owes_all = isinstance(start, Position)
        if owes_all:
            if start.sequence >= at_tail:
                raise Error("SEQUENCE_AHEAD", f"the channel {self.channel} has not published {start.sequence} yet")
            self._wanted = start.sequence + 1
            self._tell_gap(self._wanted, at_head - 1)
        else:
            self._wanted = {"latest": at_tail, "earliest": at_head, "history": max(at_head, at_tail - self.history)}[start]
        self._told = self._wanted - 1
        self._position = tail if start == "latest" else head
        # What began before that cannot be had.
        self._first_position = 0 if owes_all else self._position
        self._next_number = at_tail if start == "latest" else at_head
        self._closed_epoch, self._parts_epoch = words.load32(_HEADER_CLOSED_EPOCH), None
        self._seen_epoch = words.load32(_HEADER_EPOCH)
        self._publishers = self._look_at_publishers()
        words.store64(self._own + _SLOT_CURSOR, self._position)
        # step: join: cursor stored
        self._take_role(_STATE_RELIABLE if self._is_reliable else _STATE_LOSSY)

    def _leave(self):
        self._get_up()
        self._end_participation(self._own, self._generation, _ENDED_BY_LEAVING)
        self._free_slot()
        self._ring_for_room()
        return True

    def _arm(self):
        if self._events or self._failure:
            return 0
        words = self._words
        self._lie_down(_WANTS_FRAMES)
        # SYNC: going to sleep. We are counted and flagged: a participant that changes one of these after we looked rings us.
        word = words.load32(_HEADER_PUBLISHER_LOCK)
        if word != 0:
            # Ours: from before an exception of a signal handler.
            if word == self._lock_word or self._take_over(word):
                self._release()
                return 0
            self._get_up()
            return self.BUSY_PAUSE
        tail, epoch, closed = words.load64(_HEADER_TAIL), words.load32(_HEADER_EPOCH), words.load32(_HEADER_CLOSED_EPOCH)
        if tail != self._position or closed != self._closed_epoch or not self._owns_slot():
            return 0
        if self._publisher_events and (epoch != self._seen_epoch or self._publishers_left):
            return 0
        if epoch != self._watched_epoch:
            self._watched_epoch = epoch
            self._watch(*self._watched_states)
            # Owners that were found dead are reclaimed first, and new life lines may be told of by a newer epoch.
            return 0
        if self._dead:
            return self.BUSY_PAUSE
        if self._is_watch_complete:
            return None
        self._watched_epoch = None
        return 1.0

    def _next(self):
        laps = 0
        while not self._events:
            if self._failure is not None:
                raise self._failure
            try:
                if not self._fill():
                    break
            except Error as error:
                # What was copied and checked before that is good.
                self._failure = error
            # A publisher may be faster for as long as it likes.
            laps += self._is_lapped
            if laps > 100:
                break
        if not self._events:
            self._told = max(self._told, self._next_number - 1)
            return None
        event = self._events.popleft()
        if isinstance(event, Message):
            self._told = event.sequence
        elif isinstance(event, Gap):
            self._told = event.last
        return event

    def _fill(self):
        """Copies frames out of the ring and makes events of them. False where there is nothing new."""
        words, geometry, position = self._words, self._geometry, self._position
        if not self._owns_slot():
            raise self._corrupt("this subscriber has lost its slot")
        self._check_state()
        for _ in range(_LOOKS_AT_MOST):
            # Before the tail: everything that was published before the end is read before it is told.
            closed, epoch = words.load32(_HEADER_CLOSED_EPOCH), words.load32(_HEADER_EPOCH)
            if self._publisher_events and epoch != self._seen_epoch:
                self._look_for_publishers(epoch)
            # SYNC: frame visible. Everything before the tail was written before it was stored.
            tail = words.load64(_HEADER_TAIL)
            # Who joined meanwhile may have published what is before the tail.
            if not self._publisher_events or words.load32(_HEADER_EPOCH) == epoch:
                break
        if tail % _FRAME_ALIGNMENT or not position <= tail <= _LARGEST_NUMBER:
            raise self._corrupt(f"the tail is {tail}, after {position}")
        if tail == position and not self._is_lapped:
            self._at_tail(closed, epoch)
            return False
        place = position % geometry.capacity
        rest = min(max(tail - position, _FRAME_SIZE), geometry.capacity - place)
        size = min(rest, _CHUNK)
        while True:
            chunk = self._memory[geometry.ring + place : geometry.ring + place + size]
            # step: read: copied
            _fence()
            # SYNC: overwrite announced. Copied before this load: what is not before the head was not overwritten.
            head = words.load64(_HEADER_HEAD)
            if head % _FRAME_ALIGNMENT or not max(0, tail - geometry.capacity) <= head <= _LARGEST_NUMBER:
                raise self._corrupt(f"the head is {head}, the tail {tail}")
            if head > position:
                self._check_state()
                if self._is_reliable:
                    raise self._corrupt("a reliable subscriber was overtaken")
                self._is_lapped = True
                self._parts.clear()
                if head >= position + size:
                    # The next message may overtake the head.
                    self._laps += 1
                    self._position = head if self._laps < _LAPS_AT_HEAD else max(head, self._load_tail())
                    return True
            start = max(0, head - position)
            end, needed = self._parse(chunk, start, tail)
            if end > start or needed == 0 or size == rest:
                break
            size = min(rest, start + needed)
        self._position = position + end
        if end > start:
            self._laps = 0
        took = self._events or end > start
        if took:
            self._store_cursor()
        if self._position == tail and not self._is_lapped:
            self._tell_left()
        return bool(took)

    def _check_state(self):
        if self._is_reliable and self._words.load32(self._own + _SLOT_STATE) == _STATE_DISCONNECTED:
            raise Disconnected("DISCONNECTED", f"this subscriber of {self.channel} was too slow")

    def _look_at_publishers(self):
        """The publishers that are there, by slot: the generation of the slot, and the event that they are."""
        found = {}
        for slot, at in self._slots() if self._publisher_events else ():
            words = self._words
            if words.load32(at + _SLOT_STATE) != _STATE_PUBLISHER:
                continue
            generation = words.load32(at + _SLOT_GENERATION)
            name, pid = self._introduce(slot)
            # Another one may have taken the slot meanwhile, which raises the epoch when it takes a role.
            if words.load32(at + _SLOT_GENERATION) == generation:
                found[slot] = (generation, PublisherJoined(slot, name, pid))
        return found

    def _look_for_publishers(self, epoch):
        """Compares the publishers with those of before; before the tail is loaded, so that of those
        that are gone all was read that they had published."""
        self._seen_epoch = epoch
        before, self._publishers = self._publishers, self._look_at_publishers()
        for slot, (generation, joined) in self._publishers.items():
            if before.get(slot, (0, None))[0] != generation:
                self._events.append(joined)
        for slot, (generation, joined) in before.items():
            if self._publishers.get(slot, (0, None))[0] == generation:
                continue
            end = self._words.load32(self._at(slot) + _SLOT_LAST_END)
            how = end & ((1 << _END_BITS) - 1) if end >> _END_BITS == generation else None
            reason = {_ENDED_BY_LEAVING: "left", _ENDED_BY_DEATH: "died"}.get(how, "unknown")
            self._publishers_left.append(PublisherLeft(*joined, reason, len(self._publishers)))

    def _tell_left(self):
        """When everything was read that was committed after the last look."""
        self._events.extend(self._publishers_left)
        self._publishers_left.clear()

    def _at_tail(self, closed, epoch):
        """Everything committed was read."""
        self._tell_left()
        if epoch != self._parts_epoch:
            self._parts_epoch = epoch
            for slot, parts in list(self._parts.items()):
                at = self._at(slot)
                generation = self._words.load32(at + _SLOT_GENERATION)
                if self._words.load32(at + _SLOT_STATE) != _STATE_PUBLISHER or generation != parts.generation:
                    del self._parts[slot]
        if closed != self._closed_epoch:
            self._closed_epoch = closed
            reason = self._words.load32(_HEADER_CLOSED_REASON)
            self._events.append(PublishersGone("died" if reason == _CLOSED_BY_DEATH else "left"))

    def _store_cursor(self):
        self._words.store64(self._own + _SLOT_CURSOR, self._position)
        # step: read: cursor stored
        if self._is_reliable:
            self._ring_for_room()
            self._reclaim_found()
        self._count()

    def _parse(self, chunk, start, tail):
        """Makes events of the frames in a private copy. Returns where in it the first frame begins that is not all there,
        and how many bytes that one takes."""
        geometry, at = self._geometry, start
        while at + _FRAME_SIZE <= len(chunk):
            position = self._position + at
            length, kind, flags, slot, number, timestamp = _FRAME.unpack_from(chunk, at)
            if self._is_lapped and self._next_number <= number <= _LARGEST_NUMBER:
                self._tell_gap(max(self._next_number, self._wanted), number - 1)
                self._next_number, self._is_lapped = number, False
            if number != self._next_number or number > _LARGEST_NUMBER:
                raise self._corrupt(f"there is the number {number} where {self._next_number} is due")
            if position == tail:
                return at, 0
            size = _frame_size(length)
            left = geometry.capacity - position % geometry.capacity
            if size > min(left, tail - position) or slot >= geometry.participants:
                raise self._corrupt(f"a frame of {size} bytes at {position}")
            if at + size > len(chunk):
                return at, size
            if kind == _KIND_PADDING:
                if length != left - _FRAME_SIZE:
                    raise self._corrupt(f"a padding of {length} bytes at {position}")
            elif length > geometry.max_payload:
                raise self._corrupt(f"a payload of {length} bytes at {position}")
            else:
                extension = self._extension(chunk, at, length) if flags & _FLAG_EXTENSION else 0
                data = chunk[at + _FRAME_SIZE + extension : at + _FRAME_SIZE + length]
                if kind == _KIND_MESSAGE:
                    if len(data) > geometry.max_message:
                        raise self._corrupt(f"a message of {len(data)} bytes at {position}")
                    self._parts.pop(slot, None)
                elif kind in (_KIND_FRAGMENT, _KIND_LAST_FRAGMENT):
                    data = self._put_together(kind, slot, position, data, extension > 0)
                else:
                    raise self._corrupt(f"a frame of the kind {kind} at {position}")
                if kind != _KIND_FRAGMENT:
                    self._next_number = number + 1
                    if number >= self._wanted:
                        self._tell(number, timestamp, slot, data)
            at += size
        return at, 0

    def _extension(self, chunk, at, length):
        """Bytes of the header extension of a frame."""
        units = int.from_bytes(chunk[at + _FRAME_SIZE : at + _FRAME_SIZE + 2], "little") if length >= _EXTENSION_UNIT else 0
        extension = units * _EXTENSION_UNIT
        if not 0 < extension <= min(length, _MAX_EXTENSION_LENGTH):
            raise self._corrupt(f"an extension that a payload of {length} bytes cannot begin with")
        return extension

    def _put_together(self, kind, slot, position, payload, is_extended):
        """Adds a fragment to its message. With the last one returns the message, or, where its beginning was not had, the
        position where it began."""
        if len(payload) <= _FRAGMENT_SIZE:
            raise self._corrupt(f"an empty fragment at {position}")
        began, total, offset, generation = _FRAGMENT.unpack_from(payload)
        end = offset + len(payload) - _FRAGMENT_SIZE
        is_sound = (
            total <= self._geometry.max_message
            and not (is_extended and offset != 0)
            and end <= total
            and (end == total) == (kind == _KIND_LAST_FRAGMENT)
            and (began == position) == (offset == 0)
            and 0 <= began <= position
            and began % _FRAME_ALIGNMENT == 0
        )
        if not is_sound:
            raise self._corrupt(f"a fragment at {position} that makes no sense")
        if offset == 0:
            self._parts[slot] = _Parts(began, total, generation)
        parts = self._parts.get(slot)
        is_next = parts is not None and (parts.began, parts.total, parts.generation) == (began, total, generation)
        if not is_next or len(parts.data) != offset:
            self._parts.pop(slot, None)
            return began
        parts.data += payload[_FRAGMENT_SIZE :]
        if kind == _KIND_LAST_FRAGMENT:
            del self._parts[slot]
            return bytes(parts.data)
        return began

    def _tell(self, number, timestamp, slot, data):
        """Of a message, or of one that began at the position `data` and did not arrive as a whole."""
        if isinstance(data, bytes):
            self._counters[_FRAMES] += 1
            self._counters[_BYTES] += len(data)
            self._events.append(Message(number, timestamp, slot, data, self._codec))
        elif data >= self._first_position:
            self._tell_gap(number, number)

    def _tell_gap(self, first, last):
        if first <= last:
            self._counters[_MISSED] += last - first + 1
            self._events.append(Gap(first, last))
