"""mmfbus_service: typed calls between the processes of one machine: servers, and clients that call them.

Serves and calls the same services as `@mmfbus/service` in Node and `mmfbus_service.h` in C. One file beside mmfbus.py,
which it needs, and nothing else but for the values of calls, which are msgpack: the package of that name. Written from the
chapter "Calls" of FORMAT.md of `@mmfbus/channel`.

A SERVER has a function for each method of its contract. The contract is a text, `contract.text` of a service in Node. Code
that `@mmfbus/generate` writes has it, with the types of all values:

    def add(numbers, context):
        return numbers["a"] + numbers["b"]

    with mmfbus_service.Server("calc", CONTRACT, {"add": add}) as server:
        server.run()

A CLIENT calls them:

    with mmfbus_service.Client("calc", CONTRACT, wait_for_server=2) as client:
        print(client.call("add", {"a": 1, "b": 2}))

NO CALL HANGS. Each ends with its value, with a `DeclaredError`, which its method declares, or with a `ServiceError`. `code`
says what went wrong, and `started` whether the handler can have run: False is a promise that it did not and will not. A
server that dies, or drains, loses no call that it had not started: those go to another server by themselves. Those that it
had started fail, or are made again where the method is idempotent.

HANDLERS are called with the input, None where there is none, and a `Context`. They are

    functions               what they return is the answer. What they raise is the answer too: a `DeclaredError`, or anything else as
                            a remote error
    generators              of a stream of answers: an item each. `yield WAIT` lets the server go on until there is something new for
                            this call: an item of its input, or its end. Generators of other methods yield nothing else, and
                            return the answer. A generator whose call was given up is closed
    functions that answer later: they return `LATER`, keep the context, and answer by its functions between two calls of those of
                            the server. `context.on_progress` is told what is new

A stream of inputs is `Items`: `for item in items` waits for each, and no other handler is begun meanwhile; `items.polled()`
does not wait.

WAITING. Times are in seconds, and None is for ever. A client hears of answers only within calls of its own functions. EVENT
LOOPS: `arm()` says how long to wait at most for `fileno()` to be readable; then take answers by `try_answer()` until it
returns None, or have a server `dispatch()`, and arm again. With asyncio: `loop.add_reader(client.fileno(), ...)`.

THREADS. A client or server is used by one thread at a time. `interrupt()` of a client and `stop()` of a server may be
called from any thread and from signal handlers. FORK, SIGNALS and LIMITS are those of mmfbus.py.

The comments `# step:` name the points at which tests kill a process.
"""

import atexit
import collections
import collections.abc
import inspect
import json
import math
import os
import re
import secrets
import struct
import time
from typing import Any, Generic, Iterator, TypeVar

import mmfbus
from mmfbus import (
    _ANSWER, _ANSWER_BUSY, _ANSWER_END, _ANSWER_ERROR, _ANSWER_ITEM, _ANSWER_NO_METHOD, _ANSWER_REFUSED, _ANSWER_REMOTE,
    _ANSWER_SIZE, _ANSWER_VALUE, _CALLER_WAITS, _CELLS, _CELL_ACCEPTED, _CELL_CANCELLED, _CELL_FREE, _CELL_GRANTED,
    _CELL_SIZE, _CELL_STARTED, _CELL_STATE_BITS, _CELL_WAITING, _CELL_WAITS, _CELL_WITHDRAWN, _CELL_WORD, _ENDED_BY_LEAVING,
    _END_BITS, _ENVELOPE, _ENVELOPE_CALL, _ENVELOPE_END, _ENVELOPE_INCARNATION, _ENVELOPE_ITEM, _ENVELOPE_ONE_WAY,
    _ENVELOPE_SIZE, _FRAGMENT_SIZE, _FRAME_ALIGNMENT, _FRAME_SIZE, _HEADER_CLOSED_EPOCH, _HEADER_EPOCH,
    _HEADER_PUBLISHER_LOCK, _HEADER_TAIL, _KIND_FRAGMENT, _KIND_LAST_FRAGMENT, _KIND_MESSAGE, _MAX_SERVICE_NAME_LENGTH,
    _METHODS, _METHOD_HASH, _METHOD_SIZE, _METHOD_TIMES, _OUTCOME_ANSWERED, _OUTCOME_CANCELLED, _OUTCOME_FAILED,
    _OUTCOME_RUNNING, _PATTERN_CALLS, _PATTERN_REGISTRY, _PATTERN_REPLIES, _PHASE_DRAINING, _PHASE_SERVING, _RECENT,
    _RECENT_CALLS, _RECENT_ENDED, _RECENT_NUMBER, _RECENT_OUTCOME, _RECENT_SIZE, _SERVER_WAITS, _SLOT_ASLEEP, _SLOT_DETAIL,
    _SLOT_DONE, _SLOT_GENERATION, _SLOT_LAST_END, _SLOT_NONCE, _SLOT_PHASE, _SLOT_STATE, _STATE_PUBLISHER, _STATE_RELIABLE,
    _STREAM_WINDOW, _TIME_BUCKETS, _TIME_UNIT_BITS, _WANTS_ROOM, _Audience, _codec_of, _directory, _is_own, _Port,
    _read_mark, _REFUSALS, _refused, _remove_unused,
)  # fmt: skip

__all__ = [
    "Client", "Server", "Call", "Stream", "Answer", "Context", "Items", "Caller", "ServerInformation", "Values", "ServiceError",
    "Timeout", "RemoteError", "DeclaredError", "LATER", "WAIT"
]  # fmt: skip

# ----------------------------------------------------------------------------------------------------------- Errors


class ServiceError(mmfbus.Error):
    """A failure of a call, a client or a server. `service` is whose; `started` is False where the handler did not run and never
    will, or 'maybe'. `code` says what it was; those of mmfbus.py pass through:

    INVALID_CONTRACT        the text of a contract cannot be used
    INVALID_HANDLERS        a handler is missing, unknown, or cannot be called
    INVALID_ARGUMENT        an argument or option is unknown, of the wrong type or outside its limits
    INVALID_NAME            the name of a service is not 1 to 100 characters of A-Z a-z 0-9 . _ -
    CLOSED                  the client or server was closed before
    NO_SERVER               no server of the service runs, or came in time
    NO_METHOD               no server that runs has the method, or has it as this program knows it
    SERVER_DIED             the server that had the call died, or left, before it answered
    UNREACHABLE             the server cannot answer this client, or this client cannot join it: for want of slots or descriptors
    MAILBOX_LOST            the memory in which this client gets its answers was damaged or removed; it has a new one
    TIMEOUT                 the time that the call was given is over: `Timeout`
    CANCELLED               the program gave the call up, interrupted or closed the client; of a handler: its caller did
    BUSY                    all servers have more calls than they take
    REFUSED                 a value does not fit the method; the message says where
    TOO_LARGE               more than the 64 MiB that a call or an answer may have
    REMOTE                  the handler raised something that its method does not declare: `RemoteError`
    """

    def __init__(self, code, service, message, started=False):
        super().__init__(code, f"{service}: {message}")
        self.service, self.started = service, started


class Timeout(ServiceError, mmfbus.Timeout):
    """The time is over."""


class RemoteError(ServiceError):
    """The handler raised something: its class is `name`, its message `text`; `stack` is '' unless the server sends it."""

    def __init__(self, service, method, name, text, stack):
        super().__init__("REMOTE", service, f"{method}: its handler threw {name}: {text}", "maybe")
        self.name, self.text, self.stack = name, text, stack


class DeclaredError(Exception):
    """An error that a method declares: its `code`, and the `data` that belongs to it. Handlers raise it. `service` and `method` say
    what a client has called; '' where it was not received. `started` is 'maybe': the handler ran."""

    started = "maybe"

    def __init__(self, code, data=None, service="", method=""):
        super().__init__(f"{service}: {method}: {code}" if service else code)
        self.code, self.data, self.service, self.method = code, data, service, method


def _error(code, service, message, started=False):
    return (Timeout if code == "TIMEOUT" else ServiceError)(code, service, message, started)


# -------------------------------------------------------------------------------------------------------- Contracts

Values = collections.namedtuple("Values", "input output errors", defaults=(None, None, {}))
Values.__doc__ = """How the values of a method become bytes: a `mmfbus.Codec` for the input, or each item of it, one for the output,
and one for the data of each error, by its code. None where there is no value."""

_NOTHING = "nothing"  # a part that is expected to be there and has no value


class _Method:
    """A method of a contract: its input and its output, None where there is none, and the data of its errors, all parsed."""

    __slots__ = ("name", "hash", "input", "output", "errors", "is_idempotent", "index")

    def __init__(self, index, name, members):
        if not isinstance(name, str) or re.fullmatch("[A-Za-z0-9_]{1,64}", name) is None:
            raise ValueError(f"a method is called {str(name)[:64]!r}, which is not 1 to 64 letters, digits and _")
        if not isinstance(members, dict):
            raise ValueError(f"the method {name} is no object")
        self.index, self.name, self.hash = index, name, _hash_of(name)
        self.input, self.output = members.get("input"), members.get("output")
        self.errors = dict(members.get("errors", ()))
        self.is_idempotent = members.get("idempotent") is True

    @property
    def is_one_way(self):
        return self.output is None

    @property
    def has_input(self):
        return self.input not in (None, _NOTHING)

    @property
    def takes_stream(self):
        return _kind_of(self.input) == "stream"

    @property
    def gives_stream(self):
        return _kind_of(self.output) == "stream"

    @property
    def gives_value(self):
        return _kind_of(self.output) == "value"

    def can_call(self, theirs):
        """Whether a client that has this method can call the one of a server: that reads each input that the client writes, and
        the client each output, and the data of each error that both declare, that the server writes."""
        if self.is_one_way != theirs.is_one_way:
            return False
        parts = [(theirs.input, self.input), (self.output, theirs.output)]
        parts += [(self.errors[code], theirs.errors[code]) for code in self.errors if code in theirs.errors]
        try:
            return all(_reads_part(reader, writer) for reader, writer in parts)
        except _REFUSALS:
            # The text of another program, which describes no shapes.
            return False


def _kind_of(part):
    """Whether a part of a method is 'nothing', a 'value' or a 'stream'."""
    if part in (None, _NOTHING):
        return "nothing"
    return "stream" if isinstance(part, dict) and "stream" in part else "value"


_SHAPE_DEPTH = 256  # levels that a shape has at most
_EXACT = 2**53 - 1  # integers of 64 bits with limits are those that a double holds
_INTEGERS = {f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)}
_INTEGERS.update({f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)})
_FLOATS = {"f32": 2**24, "f64": 2**53}  # up to there each integer is one
_PLAIN = {*_INTEGERS, *_FLOATS, "boolean", "timestamp", "unknown", "validated", "string", "bytes"}


class _Shape:
    """A shape of a contract, of which one level was read. Raises ValueError and its like where there is none."""

    def __init__(self, term):
        if isinstance(term, str):
            term = {term: {}}
            if not _PLAIN.issuperset(term):
                raise ValueError("a shape of no known kind")
        limits = {"maxItems", "of"} & term.keys()
        (self.kind,) = term.keys() - limits
        self.of, self.variants = term[self.kind], term.get("of")
        self.most = term.get("maxItems", math.inf)
        if self.kind in _INTEGERS:
            self.least, self.most = _INTEGERS[self.kind]
            if self.of:
                self.least = self.of.get("min", max(self.least, -_EXACT))
                self.most = self.of.get("max", min(self.most, _EXACT))
        elif self.kind in ("string", "bytes"):
            self.most = self.of.get("maxLength", math.inf)


def _reads_part(reader, writer):
    kind = _kind_of(reader)
    if kind != _kind_of(writer):
        return False
    if kind == "stream":
        reader, writer = reader["stream"], writer["stream"]
    return kind == "nothing" or _reads(reader, writer)


def _reads(reader, writer, depth=0):
    """Whether each value that the one shape writes is one that the other reads, as Node says it."""
    if depth == _SHAPE_DEPTH:
        return False
    here, there = _Shape(reader), _Shape(writer)
    if here.kind in ("unknown", "validated"):
        return True
    if here.kind == "nullable":
        return _reads(here.of, there.of if there.kind == "nullable" else writer, depth + 1)
    if here.kind in _INTEGERS:
        return there.kind in _INTEGERS and here.least <= there.least and there.most <= here.most
    if here.kind in _FLOATS:
        exact = _FLOATS[here.kind]
        is_within = there.kind in _INTEGERS and -exact <= there.least and there.most <= exact
        return is_within or there.kind in ("f32", here.kind)
    if here.kind == "string" and there.kind == "oneOf":
        return all(len(text) <= here.most for text in there.of)
    if here.kind != there.kind:
        return False
    if here.kind in ("string", "bytes"):
        return there.most <= here.most
    if here.kind == "oneOf":
        return set(there.of) <= set(here.of)
    if here.kind == "array":
        return there.most <= here.most and _reads(here.of, there.of, depth + 1)
    if here.kind == "map":
        return all(_reads(part, other, depth + 1) for part, other in zip(here.of, there.of))
    if here.kind == "struct":
        return _reads_fields(here.of, there.of, depth + 1)
    if here.kind == "union":
        variants = dict(here.variants)
        is_known = here.of == there.of and all(name in variants for name, _ in there.variants)
        return is_known and all(_reads_fields(variants[name], fields, depth + 1) for name, fields in there.variants)
    return here.kind in ("boolean", "timestamp")


def _reads_fields(reader, writer, depth):
    theirs = {name: (term, flags) for name, term, *flags in writer}
    for name, term, *flags in reader:
        if name not in theirs:
            if not flags:
                return False
            continue
        other, their_flags = theirs[name]
        if their_flags and not flags or not _reads(term, other, depth + 1):
            return False
    return True


def _hash_of(name):
    """FNV-1a, 32 bits."""
    number = 0x811C9DC5
    for byte in name.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return number


def _read_contract(text):
    """The methods of a contract by their names. Raises ValueError where the text is none."""
    try:
        contract = json.loads(text)
        if not isinstance(contract, dict) or contract.get("version") != 1:
            raise ValueError("it has not the version 1")
        methods = [_Method(index, *method) for index, method in enumerate(contract["methods"])]
    except (KeyError, RecursionError, TypeError) as error:
        raise ValueError(str(error)) from error
    if len(methods) > _METHODS or len({method.hash for method in methods} - {0}) < len(methods):
        raise ValueError(f"it has more than {_METHODS} methods, or two with the same hash")
    return {method.name: method for method in methods}


class _Contract:
    """A contract, and how its values become bytes."""

    def __init__(self, service, text, values, codec):
        """`text` is None for whatever servers have."""
        self.service, self.text, self._values, self._codec = service, text, values or {}, _codec_of(codec)
        try:
            if not isinstance(text, (str, type(None))):
                raise ValueError(f"it is no text, but {type(text).__name__}")
            self.methods = None if text is None else _read_contract(text)
        except ValueError as error:
            raise ServiceError("INVALID_CONTRACT", service, f"the contract is not the text of one: {error}") from error

    def _codec_for(self, method, part):
        return getattr(self._values[method], part) if method in self._values else self._codec

    def encode(self, method, part, value):
        """The bytes of an input, or an output. Raises what the codec does."""
        return self._codec_for(method, part).encode(value)

    def decode(self, method, part, data):
        return self._codec_for(method, part).decode(data)

    def encode_error(self, method, code, data):
        """None where the method does not declare it."""
        if code not in self.methods[method].errors:
            return None
        return b"" if _kind_of(self.methods[method].errors[code]) == "nothing" else self._error_codec(method, code).encode(data)

    def decode_error(self, method, code, data):
        return None if data == b"" else self._error_codec(method, code).decode(data)

    def _error_codec(self, method, code):
        return self._values[method].errors[code] if method in self._values else self._codec


# -------------------------------------------------------------------------------------------- Segments of a service

_SERVICE_CAPACITY, _REGISTRY_CAPACITY = 256 << 10, 4096
_SERVICE_SLOTS, _MAILBOX_SLOTS = 256, 64
_CODECS = {
    pattern: mmfbus.Codec(id, bytes, bytes)
    for pattern, id in (
        (_PATTERN_REGISTRY, "mmfbus~service"), (_PATTERN_CALLS, "mmfbus~calls"), (_PATTERN_REPLIES, "mmfbus~replies"),
    )
}  # fmt: skip
_OWNER = 0  # slot of the owner of an inbox or a mailbox
_LARGEST = 64 << 20  # bytes of a message, envelope included
_LEFT_OVER = 4 << 20  # most bytes of answers that a server keeps for a client whose mailbox has no room
_CREDIT_STEP = 16384  # bytes after which the taker of a stream raises the credit, at the latest
_AVOIDED = 10**9  # nanoseconds in which a server that could not be joined, or could not answer, is not tried again
_PATIENCE = 1.0  # seconds that joining and leaving wait for a living holder of a publisher lock
_MOST_DEATHS = 2  # servers that may die of a call before it is given up
_LOOK_AGAIN = 1.0  # seconds after which what could not be watched is looked at again


class _NotServing(Exception):
    """The server takes no calls any more."""


class _Own(mmfbus.Subscriber):
    """The inbox of this server, or the mailbox of this client."""

    def __init__(self, pattern, segment, port, slots, name, *, contract=None, phase=0):
        self._pattern, self._shared_port, self._phase = pattern, port, phase
        if pattern == _PATTERN_REPLIES:
            # Servers are watched in the registry.
            self._watched_states = ()
        super().__init__(segment, _CODECS[pattern], schema=contract, capacity=_SERVICE_CAPACITY, max_participants=slots,
                         open="create", name=name, timeout=_PATIENCE, discoverable=False)  # fmt: skip

    def messages(self, least=0):
        """All messages that there are, at least up to that position."""
        while True:
            event = self._next()
            if isinstance(event, mmfbus.Message):
                yield event
            elif event is None:
                if self._position < least:
                    raise self._corrupt(f"the tail was {least}, and is {self._position}")
                return


class _Peer(mmfbus.Publisher):
    """Who publishes in the inbox of a server, or in the mailbox of a client."""

    def __init__(self, pattern, segment, port, detail, name):
        self._pattern, self._shared_port, self._detail = pattern, port, detail
        self._is_guarded = pattern == _PATTERN_CALLS
        super().__init__(segment, _CODECS[pattern], open="open", name=name, timeout=_PATIENCE, discoverable=False, timestamps=False)

    def _try(self, kind, payloads, piece):
        # SYNC: draining. With the lock held: a server drains with it held, and takes all that was committed before.
        if self._is_guarded and not self.takes_calls:
            raise _NotServing
        return super()._try(kind, payloads, piece)

    @property
    def takes_calls(self):
        """Whether the owner of this inbox serves."""
        words, owner = self._words, self._at(_OWNER)
        state, phase = words.load32(owner + _SLOT_STATE), words.load32(owner + _SLOT_PHASE)
        return state == _STATE_RELIABLE and phase == _PHASE_SERVING

    @property
    def _part(self):
        """Bytes of a fragment, without its header."""
        return self.capacity // 8 - _FRAME_SIZE - _FRAGMENT_SIZE

    def send(self, data, offset=0, is_guarded=True):
        """Publishes a message from there on, as far as there is room. Returns how far it came. Raises `_NotServing`."""
        guarded, self._is_guarded = self._is_guarded, self._is_guarded and is_guarded
        try:
            if len(data) <= self._geometry.max_whole:
                return len(data) if self._attempt(_KIND_MESSAGE, [data], time.monotonic()) == "published" else 0
            while offset < len(data):
                end = min(offset + self._part, len(data))
                kind = _KIND_LAST_FRAGMENT if end == len(data) else _KIND_FRAGMENT
                payload = bytes(_FRAGMENT_SIZE) + data[offset:end]
                if self._attempt(kind, [payload], time.monotonic(), (len(data), offset, self._generation)) != "published":
                    break
                offset = end
            return offset
        finally:
            self._is_guarded = guarded

    def arm_for_room(self, length):
        """Goes to sleep until there is room for the next part of a message of that length. Returns the seconds to sleep at most, None
        for ever; 0 where there may be room now."""
        needed = length if length <= self._geometry.max_whole else self._part + _FRAGMENT_SIZE
        self._lie_down(_WANTS_ROOM)
        # SYNC: waiting for room. We are counted and flagged: a cursor that moves after we read it rings us.
        try:
            tail = self._load_tail()
        except mmfbus.Error:
            # Sending says what is wrong.
            return 0
        end = self._place(tail, [range(needed)])[1] + _FRAME_ALIGNMENT - self.capacity
        if all(cursor >= end for _, _, cursor in self._cursors()):
            return 0
        self._watch(_STATE_RELIABLE)
        if self._dead:
            return 0
        return None if self._is_watch_complete else _LOOK_AGAIN

    def ring_owner(self):
        """Rings the owner of the segment, if it sleeps."""
        owner = self._at(_OWNER)
        if self._words.load32(owner + _SLOT_ASLEEP) != 0:
            self._ring(_OWNER, owner)


class _Serving(mmfbus.Publisher):
    """A server's place in the registry."""

    _pattern, _phase = _PATTERN_REGISTRY, _PHASE_SERVING

    def __init__(self, service, port, inbox, name, discoverable):
        self._shared_port, self._detail = port, inbox
        super().__init__(f"{service}~service", _CODECS[_PATTERN_REGISTRY], capacity=_REGISTRY_CAPACITY,
                         max_participants=_SERVICE_SLOTS, name=name, timeout=_PATIENCE, discoverable=discoverable)  # fmt: skip


class _Calling(mmfbus.Subscriber):
    """A client's place in the registry."""

    _pattern = _PATTERN_REGISTRY

    def __init__(self, service, port, name, discoverable):
        self._shared_port = port
        super().__init__(f"{service}~service", _CODECS[_PATTERN_REGISTRY], capacity=_REGISTRY_CAPACITY,
                         max_participants=_SERVICE_SLOTS, name=name, timeout=_PATIENCE, discoverable=discoverable,
                         delivery="lossy", start="latest")  # fmt: skip

    def pass_over(self):
        """What it tells of publishers, the slots say better."""
        while self._next() is not None:
            pass


def _segment_of(service, what, id):
    return f"{service}~{what}.{id:016x}"


def _new_id():
    return secrets.randbits(63) or 1


def _sweep(service):
    """Removes what dead servers and clients have left of a service."""
    prefixes = tuple(f"mmfbus.{os.geteuid()}.{service}~{what}." for what in ("calls", "replies"))
    for name in os.listdir(_directory()):
        path = os.path.join(_directory(), name)
        if not name.startswith(prefixes) or not _is_own(path):
            continue
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if _read_mark(fd) is not None:
                _remove_unused(path, fd)
        finally:
            os.close(fd)


class _Cell:
    """A cell of a mailbox, for the call with that id."""

    __slots__ = ("index", "id", "_words", "_at", "_awaits")

    def __init__(self, participant, index, id):
        self.index, self.id, self._words = index, id, participant._words
        self._awaits = False  # whether the bit of this side is set
        self._at = participant._at(participant._geometry.participants) + index * _CELL_SIZE

    def _word(self, state):
        return (self.id << _CELL_STATE_BITS | state) & 0xFFFFFFFF

    def take(self):
        """For a new call."""
        for field, value in ((_CELL_GRANTED, _STREAM_WINDOW), (_CELL_ACCEPTED, 0), (_CELL_WAITS, 0)):
            self._words.store32(self._at + field, value)
        self.store(_CELL_WAITING)

    def store(self, state):
        self._words.store32(self._at + _CELL_WORD, self._word(state))

    def exchange(self, old, new):
        return self._words.swap32(self._at + _CELL_WORD, self._word(old), self._word(new))

    def has(self, state):
        return self._words.load32(self._at + _CELL_WORD) == self._word(state)

    def has_credit(self, field, sent):
        """Whether an item may be sent, of a stream of which so many bytes were sent before."""
        return 0 < (self._words.load32(self._at + field) - sent & 0xFFFFFFFF) < 2**31

    def awaits_credit(self, field, sent, bit):
        """The same for a side that sleeps where it has none, and is rung until it has some."""
        if self.has_credit(field, sent):
            if self._awaits:
                self._change_waits(0, bit)
            return True
        self._change_waits(bit, 0)
        # SYNC: credit. The bit is set before this side looks again at the credit.
        return self.has_credit(field, sent)

    def _change_waits(self, set, clear):
        """Sets or clears the bit of this side, as the other one does with its own."""
        self._awaits, waits = set != 0, self._at + _CELL_WAITS
        # The limit is for memory that a process keeps changing.
        for _ in range(1000):
            old = self._words.load32(waits)
            if self._words.swap32(waits, old, (old | set) & ~clear):
                break

    def raise_credit(self, field, count, bit):
        """True where the other side, which has that bit, is to be rung."""
        # SYNC: credit. Raised before this looks whether the other side waits for it.
        self._words.add32(self._at + field, count)
        return self._words.load32(self._at + _CELL_WAITS) & bit != 0


class _End:
    """What a client and a server have in common: participants that wait by one port."""

    def __init__(self, service, name, poll_window):
        if not isinstance(service, str) or not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{_MAX_SERVICE_NAME_LENGTH}}}", service):
            text = f"the name of a service is 1 to {_MAX_SERVICE_NAME_LENGTH} characters of A-Z a-z 0-9 . _ -, not this"
            raise ServiceError("INVALID_NAME", repr(service), text)
        self._service, self._name, self._poll_window = service, name, poll_window
        self._port = self._registry = None
        self._is_closed = False
        self._broken = None  # an error, which every further call raises

    @property
    def service(self):
        """The name of the service."""
        return self._service

    def _invalid(self, text):
        return ServiceError("INVALID_ARGUMENT", self._service, text)

    def _check_time(self, option, seconds):
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if seconds is not None and not (is_number and seconds >= 0):
            raise self._invalid(f"{option} is a number of seconds from 0 on, or None for ever, not {seconds!r}")

    def _check(self):
        if self._is_closed:
            raise ServiceError("CLOSED", self._service, "it was closed before")
        if self._is_forked:
            raise ServiceError("FORKED", self._service, "it was opened before the fork")
        if self._broken is not None:
            raise self._broken

    @property
    def _is_forked(self):
        return self._registry is not None and self._registry._fate == "FORKED"

    def fileno(self):
        """What to wait for after `arm()`."""
        self._check()
        return self._port.poller.fileno()

    def _awake(self):
        """Hears what was rung."""
        sleepers = [participant for participant in self._sharers() if participant._wants]
        for participant in sleepers:
            participant._get_up()
        if sleepers:
            self._port.listen(0)

    def _break(self, error):
        """Of memory that makes no sense."""
        code = error.code if isinstance(error, mmfbus.Error) else "OS_ERROR"
        self._broken = ServiceError(code, self._service, f"it cannot be used any more: {error}")
        self._broken.__cause__ = error

    def _open_port(self):
        try:
            self._port = _Port(_Audience(self._service, None))
        except OSError as error:
            raise _refused(error, f"the service {self._service}") from error

    def _close_port(self):
        if self._port is not None and not self._is_forked:
            self._port.close(remove=not self._port.is_proof)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _least(*waits):
    """The shortest of some seconds to wait; None is for ever."""
    return min((wait for wait in waits if wait is not None), default=None)


_AGES = 1e9  # seconds that are as good as for ever


def _until(seconds):
    """Nanoseconds of the monotonic clock at which so many seconds are over."""
    return math.inf if seconds is None or seconds > _AGES else time.monotonic_ns() + int(seconds * 1e9)


def _seconds_to(moment):
    return None if moment == math.inf else max(0.0, (moment - time.monotonic_ns()) / 1e9)


_open_ends = set()


def _close_all():
    for end in list(_open_ends):
        try:
            end.close()
        except (mmfbus.Error, OSError):
            # The process ends, and others find it dead.
            pass


# After that of mmfbus.py, and so called before it: ends close their participants in good order.
atexit.register(_close_all)

# ------------------------------------------------------------------------------------------------------------ Calls

_Item = TypeVar("_Item")  # of a stream
_MISSING = object()  # in the place of an input that was not given


class Answer:
    """An answer to a `call`. `is_last` is False for an item of a stream: more will come. `error` is None, or why the call
    failed; `has_value` is False at the end of a stream, and of a call that answers nothing. `server` and `pid` are the name and
    the process of the server that answered, or had the call last; '' and 0 for none."""

    __slots__ = ("call", "is_last", "error", "has_value", "server", "pid", "_value")

    def __init__(self, call, is_last, error, has_value, value):
        self.call, self.is_last, self.error, self.has_value, self._value = call, is_last, error, has_value, value
        self.server, self.pid = call._server, call._pid

    @property
    def value(self):
        """The value, or the item; None where there is none. Raises `error` where there is one."""
        if self.error is not None:
            raise self.error
        return self._value


class Call:
    """A call that was begun. Leaving it as a context manager gives it up, where it has not ended. `method` is its method, and
    `context` whatever the program keeps with it."""

    def __init__(self, client, method, own, is_one_way, deadline, data, only, is_shown):
        self._client, self.method, self._own, self._is_one_way = client, method, own, is_one_way
        self._hash, self._deadline, self._data, self._only = _hash_of(method), deadline, data, only
        self._is_shown = is_shown  # whether `try_answer` of the client tells its answers
        self.context = None
        self._is_in_line = self._has_ended = self._is_over = False
        self._wait_until = math.inf
        self._link = self._cell = None
        self._packet, self._offset = b"", 0  # what is in the inbox in part
        self._deaths, self._may_have_started = 0, False
        self._pid, self._server = 0, ""
        self._avoided, self._avoidance = set(), "BUSY"
        # Streams.
        self._sent = self._taken = 0
        self._item = None  # the same of an item: its message, and how far it came
        self._wants_end = False
        self._items = collections.deque()
        self._error, self._answer = None, None

    @property
    def has_ended(self):
        """Whether its last answer has come, or it has failed."""
        return self._has_ended

    def answer(self):
        """Waits for the next `Answer`. The call is over after the last one."""
        return self._client._await(self, lambda: self._items or self._has_ended)

    def try_answer(self):
        """The next `Answer`; None where there is none now."""
        self._client._check_over(self)
        self._client._step()
        return self._client._deliver(self)

    def result(self):
        """Waits for the answer, and returns its value, None where there is none. Raises `DeclaredError` or `ServiceError`. Items of
        a stream that were not taken are dropped."""
        answer = self.answer()
        while not answer.is_last:
            answer = self.answer()
        return answer.value

    def __iter__(self):
        """The items of a stream of answers. Raises why the call fails."""
        while not (answer := self.answer()).is_last:
            yield answer.value
        if answer.error is not None:
            raise answer.error

    def try_send(self, item):
        """Sends an item of the stream of inputs, without waiting: 'sent', 'ended' where the call has ended, or 'full': not now. Then
        arm the client, and try again when it was readable."""
        return self._client._try_send(self, self._client._encode(self.method, item))

    def send(self, item, timeout=None):
        """The same, and waits for credit and room. False where the call has ended: its answer can be taken. Raises `Timeout` after
        `timeout` seconds. The first item waits until the call was started."""
        return self._client._send(self, self._client._encode(self.method, item), timeout)

    def end(self):
        """No more items of the stream of inputs follow. Does not wait."""
        self._client._end(self)

    def cancel(self):
        """Gives the call up, and tells the server. Its last answer is there then: mostly an error with the code CANCELLED."""
        self._client._cancel(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client._forget(self)


class Stream(Generic[_Item]):
    """The items of a stream of answers, as they come. It gives its call up when it is closed, or not used any more."""

    def __init__(self, call, feed):
        self._call, self._feed = call, feed

    def __iter__(self) -> Iterator[_Item]:
        return self

    def __next__(self) -> _Item:
        call = self._call
        if call._is_over:
            raise StopIteration
        try:
            answer = call._client._await(call, lambda: self._feed() or call._items or call._has_ended)
        except BaseException:
            self.close()
            raise
        if not answer.is_last or answer.error is not None:
            return answer.value
        raise StopIteration

    def close(self):
        """Gives the call up, where it has not ended."""
        self._call._client._forget(self._call)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        try:
            self.close()
        except (mmfbus.Error, OSError):
            # There is nothing left to be given up.
            pass


ServerInformation = collections.namedtuple("ServerInformation", "pid name is_draining outstanding served errors time")
ServerInformation.__doc__ = """A server, as a client sees it: its process and name; whether it takes no calls any more;
`outstanding`, the messages that it has and is not done with; `served`, the calls that it has answered, of these the `errors`,
and the `time` that all of them took, nanoseconds."""


class _Link:
    """What a client has of a server: its slot in the registry, and its inbox."""

    __slots__ = ("slot", "generation", "nonce", "inbox", "name", "pid", "peer", "methods", "is_serving", "room_needed",
                 "avoided_until", "turn", "sending", "_callable")  # fmt: skip

    def __init__(self, slot, generation, nonce, inbox, name, pid):
        self.slot, self.generation, self.nonce, self.inbox, self.name, self.pid = slot, generation, nonce, inbox, name, pid
        self.peer, self.methods = None, {}  # None where the inbox could not be joined
        self._callable = {}  # whether a method of the client's contract can be called, by its name
        self.is_serving = True
        self.room_needed = 0  # bytes of a message that found no room; 0 for none
        self.avoided_until = 0  # it could not be joined, or cannot answer
        self.turn = 0  # when it was sent a call last
        self.sending = None  # the call whose message is in the inbox in part; others wait

    def method_for(self, call):
        """The method of that server by which a call of ours is made; None where it cannot be."""
        theirs = self.methods.get(call.method)
        if self.peer is None or theirs is None or theirs.is_one_way != call._is_one_way:
            return None
        if call._own is None:
            return theirs
        if call.method not in self._callable:
            self._callable[call.method] = call._own.can_call(theirs)
        return theirs if self._callable[call.method] else None

    @property
    def work(self):
        """How much the server has to do. Stale on arrival."""
        peer = self.peer
        tail = peer._words.load64(_HEADER_TAIL) & -_FRAME_ALIGNMENT
        return max(0, peer._header_at(tail)[4] - 1 - peer._words.load64(peer._at(_OWNER) + _SLOT_DONE))


def _tables(inbox):
    """Offset of the words `refused` of an inbox, and behind them of the counters of its methods."""
    slots = inbox._geometry.participants
    return inbox._at(slots), inbox._at(slots) + 4 * slots


class Client(_End):
    """Calls a service. Servers may come later.

    service             its name: 1 to 100 characters of A-Z a-z 0-9 . _ -
    contract            text; a server is called for the methods whose input it reads, and whose output and errors this client
                        reads. None: for any method that it has, whatever they are
    values              how values become bytes: `Values` by the names of the methods, as generated code has them
    codec               how the values of all other methods do: 'msgpack', 'raw' for bytes as they are, or a `mmfbus.Codec`
    name                up to 48 bytes, shown by tools
    wait_for_server     seconds that a call waits while no server runs; 0 for not at all
    timeout             seconds of a call that does not say
    poll_window         seconds to look for an answer before it sleeps
    discoverable        whether joining lists the service in the directory, so that tools find it
    """

    def __init__(self, service, contract=None, *, values=None, codec="msgpack", name=None, wait_for_server=0, timeout=30.0,
                 poll_window=0.0002, discoverable=True):  # fmt: skip
        super().__init__(service, name, poll_window)
        self._contract = _Contract(service, contract, values, codec)
        for option, seconds in (("wait_for_server", wait_for_server), ("timeout", timeout), ("poll_window", poll_window)):
            self._check_time(option, seconds)
        self._wait_for_server, self._timeout = wait_for_server, timeout
        self._mailbox = None
        self._links = {}  # by the slot in the registry
        self._has_looked, self._epoch = False, 0  # at the registry
        # Calls, in order: those that wait for a server, those that have not ended, those with an answer.
        self._line, self._open, self._ready = {}, {}, {}
        self._ends = {}  # calls of which the end of the stream of inputs is to be sent
        self._without_credit = set()  # calls that had none when something of their streams was to be sent
        self._cells = {}  # by index: the cell, its call, None where that was given up, and its link
        self._next_cell, self._lacks_cells = 0, False
        self._last_id = self._last_turn = 0
        self._wake_at = math.inf
        self._is_interrupted = False
        _open_ends.add(self)
        try:
            self._open_port()
            self._registry = _Calling(service, self._port, name, discoverable)
            # step: client: registry joined
            _sweep(service)
            self._open_mailbox()
        except BaseException:
            self.close()
            raise

    # -- Calls of the program

    def call(self, method, input=_MISSING, timeout=...):
        """Calls a method and returns its value, None where it answers nothing. `input` of a stream is anything that can be iterated.
        `timeout` is that of the client unless it is given. Raises `DeclaredError` or `ServiceError`."""
        call, feed = self._begin_fed(method, input, timeout, lambda own: not own.gives_stream, "is a stream: use stream()")
        try:
            return self._await(call, lambda: feed() or call._has_ended, is_last=True).value
        finally:
            self._forget(call)

    def stream(self, method, input=_MISSING, timeout=...):
        """Calls a method that answers a stream, and returns the `Stream` of its items. Leaving the loop gives the call up, and ends
        the handler."""
        return Stream(*self._begin_fed(method, input, timeout, lambda own: own.gives_stream, "is no stream: use call()"))

    def call_one_way(self, method, input=_MISSING, timeout=...):
        """Calls a one-way method, which no server answers, and returns as soon as a server has the call. It runs at most once."""
        call = self._begin(method, input, timeout, is_one_way=True)
        try:
            return self._await(call, lambda: call._has_ended).value
        finally:
            self._forget(call)

    def call_all(self, method, input=_MISSING, timeout=...):
        """Calls all servers that have the method now, and waits for all: a list with the `Answer` of each."""
        # What was found out last may be old.
        self._step()
        links = [link for link in self._links.values() if link.is_serving and link.peer is not None]
        calls = []
        try:
            for link in links:
                call = self._begin(method, input, timeout, only=link)
                if call._own is not None and (call._own.takes_stream or call._own.gives_stream):
                    raise self._invalid(f"{method} has a stream, and so cannot be called on all servers")
                if link.method_for(call) is None:
                    self._forget(call)
                else:
                    call._server, call._pid = link.name, link.pid
                    calls.append(call)
            if not calls:
                code, text = ("NO_METHOD", "no server has the method") if links else ("NO_SERVER", "no server runs")
                raise ServiceError(code, self._service, f"{method}: {text}")
            return [self._await(call, lambda call=call: call._has_ended, is_last=True) for call in calls]
        finally:
            for call in list(self._open):
                if call._only is not None:
                    self._forget(call)

    def begin(self, method, input=_MISSING, timeout=...):
        """Begins a `Call` and does not wait. A method whose input is a stream takes none here, but items by `Call.send`."""
        call = self._begin(method, input, timeout, is_shown=True)
        self._step()
        return call

    def try_answer(self):
        """The next `Answer` to any call that `begin` made, without waiting; None where there is none now."""
        if not self._ready:
            self._step()
        return self._deliver(next(iter(self._ready))) if self._ready else None

    def next_answer(self, timeout=None):
        """The same, and waits for it; None after `timeout` seconds, or `interrupt()`."""
        self._check_time("timeout", timeout)
        return self._deliver(next(iter(self._ready))) if self._wait(lambda: self._ready, _until(timeout)) == "come" else None

    def servers(self):
        """The servers that there are now, a `ServerInformation` each."""
        self._step()
        return [self._describe(link) for link in self._links.values()]

    def interrupt(self):
        """Ends the wait of the function that this client is in, or the next one, which gives its call up. From any thread, and from a
        signal handler."""
        self._is_interrupted = True
        if self._port.fds:
            self._port.ring()

    def arm(self):
        """Goes to sleep for an event loop of your own, after `try_answer` has returned None. Returns the seconds to wait at
        most until `fileno()` is readable: None for ever, 0 when there is an answer, or more to do, now."""
        self._step()
        wait = 0 if self._ready else self._arm()
        if wait == 0:
            self._awake()
        return wait

    def close(self):
        """Gives up all calls, and leaves. A second call does nothing."""
        if self._is_closed:
            return
        if self._mailbox is not None and not self._is_forked:
            for call in list(self._open):
                self._give_up(call, "CANCELLED", "the client was closed")
        # step: leave: calls given up
        self._is_closed = True
        _open_ends.discard(self)
        for link in list(self._links.values()):
            self._drop_link(link)
        # step: leave: inboxes left
        for participant in (self._mailbox, self._registry):
            if participant is not None:
                participant.close()
            # step: leave: mailbox left
        self._close_port()

    def _begin_fed(self, method, input, timeout, has_right_output, otherwise):
        """Begins a call, and what sends its stream of inputs: a function to be called again and again while it is waited for."""
        own = self._own_method(method)
        if own is not None and not own.is_one_way and not has_right_output(own):
            raise self._invalid(f"the output of {method} {otherwise}")
        if own is None or not own.takes_stream:
            return self._begin(method, input, timeout), lambda: None
        items = iter(() if input is _MISSING else input)
        call = self._begin(method, _MISSING, timeout)
        pending = []

        def feed():
            while not call._has_ended and not call._items and not call._wants_end:
                if not pending:
                    try:
                        pending.append(self._encode(method, next(items)))
                    except StopIteration:
                        self._end(call)
                        return
                if self._try_send(call, pending[0]) == "full":
                    return
                pending.clear()

        return call, feed

    def _own_method(self, method):
        if self._contract.methods is None:
            return None
        if method not in self._contract.methods:
            raise ServiceError("NO_METHOD", self._service, f"the contract has no method {str(method)[:64]!r}")
        return self._contract.methods[method]

    def _encode(self, method, value):
        try:
            return self._contract.encode(method, "input", value)
        except _REFUSALS as error:
            raise ServiceError("REFUSED", self._service, f"{method}: the input does not fit: {error}") from error

    def _begin(self, method, input, timeout, *, is_one_way=False, only=None, is_shown=False):
        """Begins a call: to any server, or to one."""
        self._check()
        own = self._own_method(method)
        if own is not None and own.is_one_way != is_one_way:
            raise self._invalid(f"{method} is {'one way: use call_one_way()' if own.is_one_way else 'not one way'}")
        takes_input = own is None or own.has_input and not own.takes_stream
        if input is not _MISSING and not takes_input:
            raise self._invalid(f"{method} takes {'items, by send()' if own.takes_stream else 'no input'}")
        if own is not None and takes_input and input is _MISSING:
            raise self._invalid(f"{method} takes an input")
        data = b"" if input is _MISSING else self._encode(method, input)
        if len(data) > _LARGEST - _ENVELOPE_SIZE:
            raise ServiceError("TOO_LARGE", self._service, f"{method}: an input of {len(data)} bytes is more than 64 MiB")
        if timeout is ...:
            timeout = self._timeout
        self._check_time("timeout", timeout)
        call = Call(self, method, own, is_one_way, _until(timeout), data, only, is_shown)
        self._open[call] = None
        self._wake_by(call._deadline)
        self._put_in_line(call)
        return call

    def _check_over(self, call):
        if call._is_over:
            raise self._invalid(f"{call.method}: its last answer was taken before")

    def _await(self, call, has_come, is_last=False):
        """Waits for the next answer to a call, or the last one; an interruption gives the call up."""
        self._check_over(call)
        while True:
            try:
                if self._wait(has_come, math.inf) == "interrupted" and not call._has_ended:
                    self._give_up(call, "CANCELLED", "the client was interrupted")
            except ServiceError:
                # Where the client broke, the call has ended, and says whether it can have run.
                if self._broken is None or not call._has_ended:
                    raise
            answer = self._deliver(call)
            if answer is not None and (answer.is_last or not is_last):
                return answer

    def _forget(self, call):
        """The program is not interested in a call any more."""
        if not call._has_ended and not self._is_closed and not self._is_forked:
            self._give_up(call, "CANCELLED", "the program gave the call up")
        self._ready.pop(call, None)
        self._open.pop(call, None)
        call._is_over = True
        call._items.clear()

    def _cancel(self, call):
        self._check()
        if not call._has_ended:
            self._give_up(call, "CANCELLED", "the program gave the call up")

    def _describe(self, link):
        outstanding = served = errors = spent = 0
        if link.peer is not None:
            outstanding, (_, at) = link.work, _tables(link.peer)
            for place in range(at, at + _METHODS * _METHOD_SIZE, _METHOD_SIZE):
                hash, running, started, failed, _, method_time, _ = _COUNTERS_HEAD.unpack_from(link.peer._memory, place)
                if hash == 0:
                    break
                served, errors, spent = served + max(0, started - running), errors + failed, spent + method_time
        return ServerInformation(link.pid, link.name, not link.is_serving, outstanding, served, errors, spent)

    # -- Calling

    def _wake_by(self, moment):
        self._wake_at = min(self._wake_at, moment)

    def _fail(self, call, code, started, text):
        """Ends a call; its items that the program has not taken come before."""
        started = "maybe" if started or call._may_have_started else False
        self._settle(call, _error(code, self._service, f"{call.method}: {text}", started), None)

    def _settle(self, call, error, answer):
        self._forget_sending(call)
        self._ends.pop(call, None)
        self._without_credit.discard(call)
        self._line.pop(call, None)
        self._open.pop(call, None)
        call._wants_end = call._has_ended = True
        call._is_in_line = False
        call._error, call._answer, call._link = error, answer, None
        self._tell_ready(call)

    def _tell_ready(self, call):
        if call._is_shown:
            self._ready[call] = None

    def _put_in_line(self, call):
        call._is_in_line, call._link = True, None
        call._sent = call._taken = 0
        call._wait_until = _until(self._wait_for_server)
        self._wake_by(call._wait_until)
        self._line[call] = None

    def _forget_sending(self, call):
        """The call is not to be sent any more, whatever of it is in the inbox."""
        if call._link is not None and call._link.sending is call:
            call._link.sending = None
        call._item = None

    def _free_cell(self, cell):
        cell.store(_CELL_FREE)
        del self._cells[cell.index]
        self._lacks_cells = False

    def _withdraw(self, cell):
        """Takes a call back that no handler has begun with: True where it never ran and never will. Its cell is free then."""
        # SYNC: started or withdrawn. Of this exchange and that of the server only one finds the call waiting.
        if not cell.exchange(_CELL_WAITING, _CELL_WITHDRAWN):
            return False
        # step: call: withdrawn
        call = self._cells[cell.index][1]
        if call is not None:
            self._forget_sending(call)
        self._free_cell(cell)
        return True

    def _give_up(self, call, code, text):
        started = False
        # A one-way call of which the server has a part never comes to its end.
        if not call._is_in_line and not call._is_one_way and not self._withdraw(call._cell):
            started = True
            if call._cell.exchange(_CELL_STARTED, _CELL_CANCELLED):
                # step: call: cancelled
                # SYNC: cancelled. Exchanged before this looks whether the server sleeps.
                call._link.peer.ring_owner()
            # The cell stays in use until the last answer, or until the server is gone.
            self._cells[call._cell.index][1] = None
        call._items.clear()
        self._fail(call, code, started, text)

    def _move(self, call):
        """Moves a call that was withdrawn to another server."""
        if call._only is not None:
            self._fail(call, "SERVER_DIED", False, "the server is gone, or takes no calls any more")
        else:
            self._put_in_line(call)
            # step: call: moved

    def _move_waiting(self, link):
        """Takes back all calls of a server that it has not started."""
        for cell, call, owner in list(self._cells.values()):
            if owner is link and self._withdraw(cell) and call is not None:
                self._move(call)

    def _take_cell(self):
        for _ in range(_CELLS):
            self._next_cell = (self._next_cell + 1) % _CELLS
            if self._next_cell not in self._cells:
                self._last_id += 1
                return _Cell(self._mailbox, self._next_cell, self._last_id)
        self._lacks_cells = True
        return None

    def _send_to(self, call, link):
        """Appends a call to the inbox of a server: all of it, or its first part. False where there is no room. Raises
        `_NotServing`."""
        cell = None if call._is_one_way else self._take_cell()
        deadline = 0 if call._deadline == math.inf else call._deadline
        envelope = (_ENVELOPE_ONE_WAY, 0, call._hash, 0, 0, 0, deadline)
        if cell is not None:
            cell.take()
            # step: call: cell waiting
            incarnation = self._mailbox._geometry.incarnation
            envelope = (_ENVELOPE_CALL, cell.index, call._hash, cell.id, self._mailbox_id, incarnation, deadline)
        elif not call._is_one_way:
            return False
        packet, offset = _ENVELOPE.pack(*envelope) + call._data, 0
        try:
            offset = link.peer.send(packet)
        finally:
            if offset == 0 and cell is not None:
                cell.store(_CELL_WITHDRAWN)
        if offset == 0:
            return False
        # step: call: sent
        if cell is not None:
            self._cells[cell.index] = [cell, call, link]
        self._last_turn += 1
        link.turn = self._last_turn
        call._link, call._cell, call._is_in_line = link, cell, False
        call._pid, call._server = link.pid, link.name
        self._line.pop(call, None)
        if offset < len(packet):
            call._packet, call._offset = packet, offset
            link.sending, link.room_needed = call, len(packet)
        elif call._is_one_way:
            self._settle(call, None, (False, b""))
        return True

    def _place(self, call, now):
        """Sends a call that is in the line to the server with the least work. None, 'FULL' where none has room, or the code of why
        there is none."""
        outcome, candidates = "NO_SERVER", []
        for link in self._links.values():
            if not link.is_serving or call._only not in (None, link):
                continue
            if link.avoided_until > now:
                outcome = "UNREACHABLE" if outcome in ("NO_SERVER", "NO_METHOD") else outcome
            elif link.method_for(call) is None:
                outcome = "NO_METHOD" if outcome == "NO_SERVER" else outcome
            elif link.slot in call._avoided:
                outcome = call._avoidance
            else:
                candidates.append(link)
        for link in sorted(candidates, key=lambda link: (link.work, link.turn)):
            try:
                if link.sending is None and self._send_to(call, link):
                    return None
                outcome = "FULL"
                if self._lacks_cells:
                    return outcome
                link.room_needed = link.room_needed or _ENVELOPE_SIZE + len(call._data)
            except _NotServing:
                link.is_serving = False
            except (mmfbus.Error, OSError):
                self._avoid(link, now)
        return outcome

    def _avoid(self, link, now):
        link.avoided_until = now + _AVOIDED
        self._wake_by(link.avoided_until)

    _REASONS = {
        "NO_SERVER": "no server runs", "NO_METHOD": "no server has the method, or has it as this program knows it",
        "UNREACHABLE": "no server can be reached", "BUSY": "all servers have more calls than they take",
    }  # fmt: skip

    def _serve_line(self, now):
        """Sends what is in the line, until no server has room."""
        for call in list(self._line):
            if self._lacks_cells:
                return
            outcome = self._place(call, now)
            if outcome == "FULL":
                return
            if outcome is None or call._has_ended:
                continue
            if call._only is not None:
                self._fail(call, "SERVER_DIED", False, "the server is gone, or takes no calls any more")
            elif outcome != "NO_SERVER" or now >= call._wait_until:
                self._fail(call, outcome, False, self._REASONS[outcome])

    # -- Items of streams of inputs

    def _item_of(self, call, kind, data=b""):
        head = _ENVELOPE.pack(kind, call._cell.index, call._hash, call._cell.id, self._mailbox_id, 0, 0)
        return head[:_ENVELOPE_INCARNATION] + data

    def _lacks_credit(self, call):
        """Whether nothing of its stream of inputs can be sent now. This looks again before it sleeps; then the server rings."""
        lacks = call._is_in_line or not call._cell.awaits_credit(_CELL_ACCEPTED, call._sent, _CALLER_WAITS)
        (self._without_credit.add if lacks else self._without_credit.discard)(call)
        return lacks

    def _try_send(self, call, data):
        if len(data) > _LARGEST - _ENVELOPE_SIZE:
            text = f"{call.method}: an item of {len(data)} bytes is more than 64 MiB"
            raise ServiceError("TOO_LARGE", self._service, text, "maybe")
        self._step()
        if call._has_ended:
            return "ended"
        if call._wants_end or call._is_one_way or call._own is not None and not call._own.takes_stream:
            raise self._invalid(f"{call.method}: its stream of inputs was ended before, or it has none")
        if self._lacks_credit(call):
            # step: call: waits for credit
            return "full"
        link = call._link
        if link.sending is not None:
            return "full"
        packet = self._item_of(call, _ENVELOPE_ITEM, data)
        offset = link.peer.send(packet, is_guarded=False)
        if offset < len(packet):
            link.room_needed = len(packet)
            if offset == 0:
                return "full"
            call._item, link.sending = [packet, offset], call
        # step: call: item sent
        call._sent = call._sent + len(packet) & 0xFFFFFFFF
        return "sent"

    def _send(self, call, data, timeout):
        outcome = None

        def was_sent():
            nonlocal outcome
            outcome = self._try_send(call, data)
            return outcome != "full"

        self._check_time("timeout", timeout)
        how = self._wait(was_sent, _until(timeout))
        if how == "over":
            raise _error("TIMEOUT", self._service, f"{call.method}: an item found no credit or no room in {timeout} s", "maybe")
        if how == "interrupted":
            raise _error("CANCELLED", self._service, f"{call.method}: the client was interrupted", "maybe")
        return outcome == "sent"

    def _end(self, call):
        self._check()
        if not call._has_ended and not call._wants_end:
            call._wants_end = True
            self._ends[call] = None
            self._step()

    def _send_ends(self):
        """The ends of streams, as soon as there is room."""
        for call in list(self._ends):
            link = call._link
            if call._is_in_line or link is None or link.sending is not None:
                continue
            # Only a server that has started the call can take it.
            if call._sent == 0 and self._lacks_credit(call):
                continue
            packet = self._item_of(call, _ENVELOPE_END)
            try:
                if link.peer.send(packet, is_guarded=False) == 0:
                    link.room_needed = len(packet)
                    continue
            except mmfbus.Error:
                # The inbox makes no sense: it stays as if it had no room.
                continue
            self._ends.pop(call, None)

    def _send_on(self, link):
        """Goes on with a message that is in the inbox in part."""
        call = link.sending
        is_serving = True
        try:
            if call._item is not None:
                packet, offset = call._item
                call._item[1] = offset = link.peer.send(packet, offset, is_guarded=False)
            else:
                packet = call._packet
                call._offset = offset = link.peer.send(packet, call._offset)
            if offset < len(packet):
                link.room_needed = len(packet)
                return
        except _NotServing:
            is_serving = False
        link.sending = None
        if call._item is not None:
            call._item = None
        elif call._is_one_way:
            if is_serving:
                self._settle(call, None, (False, b""))
            else:
                self._put_in_line(call)
        elif not is_serving and self._withdraw(call._cell):
            self._move(call)
        call._packet = b""

    # -- Answers

    def _comes_from(self, slot, link):
        """Whether an answer can be of that server. One that has left may have had the slot before another."""
        mailbox = self._mailbox

        def has(at):
            return mailbox._words.load64(at + _SLOT_DETAIL) == link.inbox

        if has(mailbox._at(slot)):
            return True
        return not any(mailbox._words.load32(at + _SLOT_STATE) == _STATE_PUBLISHER and has(at) for _, at in mailbox._slots())

    def _take_answer(self, message):
        data = message.data
        if len(data) < _ANSWER_SIZE:
            return
        kind, index, text_length, id = _ANSWER.unpack_from(data)
        if not _ANSWER_VALUE <= kind <= _ANSWER_NO_METHOD or text_length > len(data) - _ANSWER_SIZE or index not in self._cells:
            return
        cell, call, link = self._cells[index]
        if cell.id != id or not self._comes_from(message.publisher, link):
            return
        # step: call: answer read
        text = data[_ANSWER_SIZE : _ANSWER_SIZE + text_length].decode("utf-8", "replace")
        body = data[_ANSWER_SIZE + (text_length + 7 & -8) :]
        if kind == _ANSWER_ITEM:
            if call is not None:
                call._items.append((body, len(data)))
                self._tell_ready(call)
            return
        # Whether it was not started, and never will be.
        was_waiting = kind > _ANSWER_REMOTE and self._withdraw(cell)
        if not was_waiting:
            self._free_cell(cell)
        if call is None:
            return
        if kind in (_ANSWER_BUSY, _ANSWER_NO_METHOD):
            code = "BUSY" if kind == _ANSWER_BUSY else "NO_METHOD"
            if was_waiting and call._only is None:
                call._avoided.add(link.slot)
                call._avoidance = code
                self._put_in_line(call)
            else:
                self._fail(call, code, not was_waiting, self._REASONS[code])
        elif kind == _ANSWER_REFUSED:
            self._fail(call, "REFUSED", not was_waiting, f"the input does not fit: {body.decode('utf-8', 'replace')}")
        elif kind in (_ANSWER_VALUE, _ANSWER_END):
            theirs, has_value = link.methods.get(call.method), kind == _ANSWER_VALUE
            if theirs is None or theirs.gives_value == has_value:
                self._settle(call, None, (has_value, body))
            else:
                problem = ValueError("there is a value" if has_value else "there is no value")
                self._settle(call, self._unreadable(call, problem), None)
        else:
            self._settle(call, self._declared(call, text, body) if kind == _ANSWER_ERROR else self._remote(call, text, body), None)

    def _declared(self, call, code, data):
        if call._own is not None and code not in call._own.errors:
            return RemoteError(self._service, call.method, code, "an error that this program does not know", "")
        try:
            return DeclaredError(code, self._contract.decode_error(call.method, code, data), self._service, call.method)
        except _REFUSALS as error:
            return self._unreadable(call, error)

    def _remote(self, call, name, data):
        text, _, stack = data.decode("utf-8", "replace").partition("\0")
        return RemoteError(self._service, call.method, name, text, stack)

    def _unreadable(self, call, error):
        made = ServiceError("REFUSED", self._service, f"{call.method}: its answer cannot be read: {error}", "maybe")
        made.__cause__ = error
        return made

    def _deliver(self, call):
        """Hands out the next answer to a call, which is over after its last one. None where there is none."""
        if call._items:
            data, cost = call._items.popleft()
            self._take_credit(call, cost)
            if not call._items and not call._has_ended:
                self._ready.pop(call, None)
            return self._answer_of(call, False, None, True, data)
        if not call._has_ended:
            return None
        self._ready.pop(call, None)
        call._is_over = True
        return self._answer_of(call, True, call._error, *(call._answer or (False, b"")))

    def _answer_of(self, call, is_last, error, has_value, data):
        value = None
        if error is None and has_value:
            try:
                value = self._contract.decode(call.method, "output", data)
            except _REFUSALS as refusal:
                error = self._unreadable(call, refusal)
        return Answer(call, is_last, error, has_value and error is None, value)

    def _take_credit(self, call, cost):
        call._taken += cost
        if call._taken < _CREDIT_STEP or call._has_ended or call._link is None:
            return
        is_awaited = call._cell.raise_credit(_CELL_GRANTED, call._taken, _SERVER_WAITS)
        # step: call: credit raised
        call._taken = 0
        if is_awaited:
            call._link.peer.ring_owner()

    def _open_mailbox(self):
        self._mailbox_id = _new_id()
        segment = _segment_of(self._service, "replies", self._mailbox_id)
        self._mailbox = _Own(_PATTERN_REPLIES, segment, self._port, _MAILBOX_SLOTS, self._name)
        # step: client: mailbox joined

    def _lose_mailbox(self):
        """The mailbox is broken: ends all calls that count on it, and makes a new one."""
        for cell, call, link in list(self._cells.values()):
            if self._withdraw(cell):
                if call is not None:
                    self._move(call)
                continue
            if cell.exchange(_CELL_STARTED, _CELL_CANCELLED):
                link.peer.ring_owner()
            if call is not None:
                self._fail(call, "MAILBOX_LOST", True, "the memory for its answers was damaged or removed")
        self._cells.clear()
        self._lacks_cells = False
        # Inboxes say which mailbox it is.
        for link in list(self._links.values()):
            if link.sending is not None:
                self._put_in_line(link.sending)
            self._drop_link(link)
        self._has_looked = False
        broken, self._mailbox = self._mailbox, None
        try:
            broken.close()
            self._open_mailbox()
        except (mmfbus.Error, OSError) as error:
            self._break(error)

    def _break(self, error):
        super()._break(error)
        for call in list(self._open):
            self._give_up(call, self._broken.code, f"the client cannot be used any more: {error}")

    def _read_mailbox(self, least=0):
        """False where it was lost."""
        try:
            for message in self._mailbox.messages(least):
                self._take_answer(message)
            return True
        except mmfbus.Error:
            self._lose_mailbox()
            return False

    # -- Servers that come and go

    def _join_inbox(self, link, now):
        segment = _segment_of(self._service, "calls", link.inbox)
        try:
            link.peer = _Peer(_PATTERN_CALLS, segment, self._port, self._mailbox_id, self._name)
            link.avoided_until = 0
            link.methods = _read_contract(link.peer._geometry.schema)
            # step: client: inbox joined
        except ValueError:
            # It has no method that could be called.
            pass
        except (mmfbus.Error, OSError):
            self._avoid(link, now)

    def _drop_link(self, link):
        self._links.pop(link.slot, None)
        if link.peer is not None:
            link.peer.close()

    def _lose_server(self, link, has_died):
        """Ends what a server has that is gone: it died, or left. False where the mailbox was lost with that."""
        link.is_serving = False
        # Loaded after it was seen that the server is gone: everything that it has answered lies before.
        if not self._read_mailbox(self._mailbox._words.load64(_HEADER_TAIL)):
            return False
        for cell, call, owner in list(self._cells.values()):
            if owner is not link:
                continue
            is_withdrawn = self._withdraw(cell)
            if not is_withdrawn:
                if call is not None:
                    self._forget_sending(call)
                self._free_cell(cell)
            if call is None:
                continue
            call._deaths += has_died
            call._may_have_started |= not is_withdrawn
            theirs = link.method_for(call)
            is_idempotent = theirs is not None and theirs.is_idempotent and (call._own is None or call._own.is_idempotent)
            if (is_withdrawn or is_idempotent) and call._deaths <= _MOST_DEATHS and call._only is None:
                self._move(call)
            else:
                self._fail(call, "SERVER_DIED", not is_withdrawn, f"the server {link.name} (pid {link.pid}) is gone")
        if link.sending is not None:
            # A one-way call, of which the server had a part.
            self._put_in_line(link.sending)
        if has_died:
            mailbox = self._mailbox
            for slot, at in mailbox._slots():
                if mailbox._words.load64(at + _SLOT_NONCE) == link.nonce and mailbox._is_dead(slot, link.nonce):
                    mailbox._dead[slot] = link.nonce
            mailbox._reclaim_found()
            _sweep(self._service)
        self._drop_link(link)
        return True

    def _fate_of(self, link):
        """Whether a server is there, has 'left' or 'died'."""
        registry, words = self._registry, self._registry._words
        at = registry._at(link.slot)
        is_dead = registry._dead.get(link.slot) == link.nonce
        is_there = (
            words.load64(at + _SLOT_NONCE) == link.nonce
            and words.load32(at + _SLOT_GENERATION) == link.generation
            and words.load32(at + _SLOT_STATE) == _STATE_PUBLISHER
        )
        if is_there and not is_dead:
            return "there"
        has_left = words.load32(at + _SLOT_LAST_END) == (link.generation << _END_BITS | _ENDED_BY_LEAVING) & 0xFFFFFFFF
        return "left" if has_left and not is_dead else "died"

    def _meet(self, slot, at, now):
        """Takes note of a server that has come."""
        words = self._registry._words
        if words.load32(at + _SLOT_STATE) != _STATE_PUBLISHER or words.load32(at + _SLOT_PHASE) != _PHASE_SERVING:
            return
        generation = words.load32(at + _SLOT_GENERATION)
        nonce, inbox = words.load64(at + _SLOT_NONCE), words.load64(at + _SLOT_DETAIL)
        name, pid = self._registry._introduce(slot)
        # Another one may have taken the slot meanwhile, which raises the epoch.
        if nonce <= 0 or inbox <= 0 or words.load32(at + _SLOT_GENERATION) != generation:
            return
        for call in self._open:
            call._avoided.discard(slot)
        link = self._links[slot] = _Link(slot, generation, nonce, inbox, name, pid)
        self._join_inbox(link, now)

    def _look_at_servers(self, now):
        self._epoch = self._registry._words.load32(_HEADER_EPOCH)
        self._has_looked = True
        for link in list(self._links.values()):
            fate = self._fate_of(link)
            if fate != "there":
                if not self._lose_server(link, fate == "died"):
                    return
            elif self._registry._words.load32(self._registry._at(link.slot) + _SLOT_PHASE) != _PHASE_SERVING:
                # SYNC: draining. Loaded after the epoch, which the server has raised after it stored this.
                link.is_serving = False
        for slot, at in self._registry._slots():
            if slot not in self._links:
                self._meet(slot, at, now)
        for link in list(self._links.values()):
            if not link.is_serving:
                self._move_waiting(link)

    def _was_refused(self, link):
        """Whether a server has said that it cannot answer."""
        if link.peer is None:
            return False
        words, word = link.peer._words, _tables(link.peer)[0] + 4 * link.peer._slot
        # SYNC: refused. Loaded after this client has said that it sleeps, or when its bell has rung.
        return words.load32(word) == link.peer._generation

    def _look_at_links(self, now):
        for link in list(self._links.values()):
            if self._was_refused(link):
                word = _tables(link.peer)[0] + 4 * link.peer._slot
                if link.peer._words.swap32(word, link.peer._generation, 0):
                    if self._mailbox._words.load32(_HEADER_PUBLISHER_LOCK) != 0:
                        # Another server was stopped with the lock of the mailbox, so that no other one can join it.
                        self._lose_mailbox()
                        return
                    self._avoid(link, now)
                    self._move_waiting(link)
            if link.sending is not None:
                self._try_on(link, now)
            if link.peer is None and link.is_serving and link.avoided_until <= now:
                self._join_inbox(link, now)

    def _try_on(self, link, now):
        try:
            self._send_on(link)
        except (mmfbus.Error, OSError):
            # The inbox makes no sense.
            call, link.sending = link.sending, None
            self._avoid(link, now)
            if call._is_one_way:
                self._put_in_line(call)
            elif self._withdraw(call._cell):
                self._move(call)
            else:
                self._give_up(call, "UNREACHABLE", "the server cannot be reached")

    def _keep_deadlines(self, now):
        """Gives up what is over, and finds the next time at which something is."""
        self._wake_at = math.inf
        for call in list(self._open):
            if now >= call._deadline:
                self._give_up(call, "TIMEOUT", "its time is over")
                continue
            self._wake_by(call._deadline)
            if call._is_in_line and call._wait_until > now:
                self._wake_by(call._wait_until)
        for link in self._links.values():
            if link.avoided_until > now:
                self._wake_by(link.avoided_until)

    # -- Waiting

    def _sharers(self):
        peers = (link.peer for link in self._links.values())
        return [one for one in (self._registry, self._mailbox, *peers) if one is not None]

    def _step(self):
        """Does all that there is to do, and does not wait."""
        self._check()
        self._awake()
        registry = self._registry
        registry._reclaim_found()
        self._mailbox._reclaim_found()
        self._read_mailbox()
        now = time.monotonic_ns()
        if self._broken is None and (not self._has_looked or registry._words.load32(_HEADER_EPOCH) != self._epoch or registry._dead):
            self._look_at_servers(now)
        try:
            if registry._words.load32(_HEADER_CLOSED_EPOCH) != registry._closed_epoch:
                registry.pass_over()
        except mmfbus.Error as error:
            self._break(error)
        if self._broken is None:
            self._look_at_links(now)
        if self._broken is not None:
            raise self._broken
        if now >= self._wake_at:
            self._keep_deadlines(now)
        if self._line:
            self._serve_line(now)
        if self._ends:
            self._send_ends()

    def _arm(self):
        """Goes to sleep: the seconds to sleep at most, None for ever, 0 where there is something to do."""
        waits = [self._registry._arm(), self._mailbox._arm()]
        for link in self._links.values():
            needed, link.room_needed = link.room_needed, 0
            # Who has no room then either says so anew.
            if needed and link.peer is not None:
                waits.append(link.peer.arm_for_room(needed))
        # The sleep was announced first: whatever others ring for is looked at again.
        if self._registry._words.load32(_HEADER_EPOCH) != self._epoch or self._registry._dead:
            return 0
        if any(self._was_refused(link) for link in self._links.values()):
            return 0
        if any(not self._lacks_credit(call) for call in list(self._without_credit)):
            return 0
        return _least(*waits, _seconds_to(self._wake_at))

    def _wait(self, has_come, deadline):
        """Waits until it has 'come', its time is 'over', or this client was 'interrupted'."""
        polls_until = None
        while True:
            self._step()
            if has_come():
                return "come"
            if self._is_interrupted:
                self._is_interrupted = False
                return "interrupted"
            now = time.monotonic_ns()
            if now >= deadline:
                return "over"
            polls_until = polls_until or _until(self._poll_window)
            if now < polls_until:
                # Lets the other threads of this process run.
                time.sleep(0)
                continue
            wait = _least(self._arm(), _seconds_to(deadline))
            if wait != 0 and not self._is_interrupted:
                self._port.listen(wait)


# ---------------------------------------------------------------------------------------------------------- Serving


class _Marker:
    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return self._name


#: What a handler returns that answers later.
LATER: Any = _Marker("LATER")
#: What a generator yields that goes on when there is something new for its call; what `Items.polled` gives where there is no item.
WAIT: Any = _Marker("WAIT")

Caller = collections.namedtuple("Caller", "name pid")
Caller.__doc__ = "Who calls: what the client calls itself, or '', and its process, 0 where it is not known."

_COUNTERS_HEAD = struct.Struct("<IIQQQQQ")  # of a method, before `times`
_QUEUED, _BEGUN, _OVER = "queued", "begun", "over"



class _Caller:
    """A client, as the server sees it: by its slot in the inbox."""

    __slots__ = ("slot", "generation", "mailbox", "incarnation", "name", "pid", "peer", "answers", "kept")

    def __init__(self, slot, generation, mailbox, incarnation, name, pid):
        self.slot, self.generation, self.mailbox, self.incarnation = slot, generation, mailbox, incarnation
        self.name, self.pid, self.peer = name, pid, None
        self.answers, self.kept = collections.deque(), 0  # that found no room: the message, and how far it came; their bytes


class Items(Generic[_Item]):
    """A stream of inputs, as the server has it."""

    def __init__(self, context):
        self._context = context

    def __iter__(self) -> Iterator[_Item]:
        return self

    def __next__(self) -> _Item:
        """Waits for the next item. Raises `ServiceError` with the code CANCELLED where the call was given up."""
        context = self._context
        context._server._wait_within(lambda: context._items or context._has_ended or context._was_given_up, None)
        if (item := context._next_item()) is WAIT:
            raise StopIteration
        return item

    def polled(self) -> Iterator[_Item]:
        """The items without waiting, with `WAIT` in the place of one that is not there yet."""
        context = self._context
        while (item := context._next_item()) is not WAIT or not context._has_ended:
            yield item


class Context:
    """A call, as its handler sees it. `name` is that of the method, `caller` the `Caller`. `deadline` is when the caller gives
    up, nanoseconds of time.monotonic_ns(), None for never. `data` is whatever the handler keeps with the call. A handler that
    answers later may set `on_progress`: that is called with the context when the call was given up, an item of its input has
    come, or it may send items again."""

    def __init__(self, server, method, caller, deadline):
        self._server, self._method, self.caller = server, method, caller
        self.deadline = deadline or None
        self.data = self.on_progress = None
        self._deadline = deadline or math.inf
        self._state = _QUEUED
        self._link = None  # the client; None for a one-way call, and where the client is gone
        self._cell = None  # likewise
        self._is_one_way = False
        self._input = b""
        self._number = self._began = 0
        self._is_cancelled = False  # as the handler was told
        self._has_news = self._awaits_credit = False
        self._generator = self._pending = self._refusal = None
        # Streams.
        self._items = collections.deque()
        self._has_ended = True  # no more items come
        self._sent = self._taken = 0

    @property
    def name(self):
        return self._method.name

    @property
    def cancelled(self):
        """Whether the caller has given up or is gone, or its time is over. A handler that takes its time asks this: it only reads
        memory."""
        return self._was_given_up

    @property
    def time_left(self):
        """Seconds until the caller gives up, None for never: the `timeout` of calls that the handler itself makes."""
        return _seconds_to(self._deadline)

    @property
    def _was_given_up(self):
        if self._is_cancelled or time.monotonic_ns() >= self._deadline:
            return True
        if self._is_one_way or self._state != _BEGUN:
            return False
        return self._cell is None or not self._cell.has(_CELL_STARTED)

    def answer(self, value=None):
        """Answers with that value, None where the method answers none: the end of a stream. Raises `ServiceError` with the code
        REFUSED or TOO_LARGE where nothing was answered."""
        if not self._method.gives_value:
            self._server._answer_last(self, _ANSWER_END)
            return
        try:
            data = self._server._contract.encode(self.name, "output", value)
        except _REFUSALS as error:
            raise self._error("REFUSED", f"the answer does not fit: {error}") from error
        self._server._answer_last(self, _ANSWER_VALUE, data=data)

    def answer_error(self, error):
        """Answers with a `DeclaredError`, or any other exception as a remote error."""
        data = None
        if isinstance(error, DeclaredError) and not error.service:
            try:
                data = self._server._contract.encode_error(self.name, error.code, error.data)
            except _REFUSALS as refusal:
                error = refusal
        if data is not None:
            self._server._answer_last(self, _ANSWER_ERROR, error.code, data)
        elif error is self._refusal:
            self._server._answer_last(self, _ANSWER_REFUSED, data=str(error.__cause__).encode("utf-8", "replace"))
        else:
            self.answer_failure(type(error).__name__, str(error))

    def answer_failure(self, name, message):
        """Answers with a remote error: its class, and a message for people."""
        self._server._answer_last(self, _ANSWER_REMOTE, name, message[:_LARGEST // 8].encode("utf-8", "replace"))

    def answer_refused(self, message):
        """Answers that the input does not fit: what, and where."""
        self._server._answer_last(self, _ANSWER_REFUSED, data=message.encode("utf-8", "replace"))

    def try_answer_item(self, item):
        """Sends an item of the stream of answers without waiting: 'sent', 'full' where the caller has not taken enough yet, or
        'cancelled'."""
        return self._server._try_item(self, self._encode_item(item))

    def answer_item(self, item, timeout=None):
        """The same, and waits: 'sent' or 'cancelled'. Raises `Timeout` after `timeout` seconds. No other handler is begun
        meanwhile."""
        data, outcome = self._encode_item(item), "full"

        def was_sent():
            nonlocal outcome
            outcome = self._server._try_item(self, data)
            return outcome != "full"

        self._server._wait_within(was_sent, timeout)
        return outcome

    def _encode_item(self, item):
        if not self._method.gives_stream:
            raise self._server._invalid(f"{self.name} answers no stream")
        try:
            return self._server._contract.encode(self.name, "output", item)
        except _REFUSALS as error:
            raise self._error("REFUSED", f"the item does not fit: {error}") from error

    def _next_item(self):
        """The next item of the input; WAIT where there is none now."""
        if self._was_given_up:
            raise self._error("CANCELLED", "the caller has given the call up")
        if not self._items:
            return WAIT
        data, cost = self._items.popleft()
        self._server._raise_done()
        self._server._take_credit(self, cost)
        try:
            return self._server._contract.decode(self.name, "input", data)
        except _REFUSALS as error:
            self._refusal = self._error("REFUSED", f"an item does not fit: {error}")
            raise self._refusal from error

    def _error(self, code, text):
        return ServiceError(code, self._server.service, f"{self.name}: {text}", "maybe")


class _Statistics:
    """What a server shows of its calls: nothing depends on it."""

    def __init__(self, inbox, methods):
        self._memory, self._last = inbox._memory, 0
        _, self._counters_at = _tables(inbox)
        self._recent_at = self._counters_at + _METHODS * _METHOD_SIZE
        # Of each method: calls that run, were started, failed, were cancelled, their time, and the longest.
        self._counters = [[0] * 6 for _ in methods]
        self._hashes = [method.hash for method in methods]
        self._times = [[0] * _TIME_BUCKETS for _ in methods]
        for index in range(len(self._hashes)):
            self._show(index)

    def _put(self, at, form, *numbers):
        # In one copy: pack_into clears the place first, and others read it.
        data = struct.pack(form, *numbers)
        self._memory[at : at + len(data)] = data

    def _show(self, index):
        counters = [number & 2**64 - 1 for number in self._counters[index]]
        self._put(self._counters_at + index * _METHOD_SIZE + _METHOD_HASH, "<IIQQQQQ", self._hashes[index], *counters)

    def _entry(self, number):
        return self._recent_at + (number - 1) % _RECENT_CALLS * _RECENT_SIZE

    def begin(self, context):
        counters, index = self._counters[context._method.index], context._method.index
        counters[0] += 1
        counters[1] += 1
        self._show(index)
        self._last += 1
        context._number, context._began = self._last, time.monotonic_ns()
        at = self._entry(context._number)
        self._put(at + _RECENT_NUMBER, "<I", 0)
        call = (context._began, 0, self._hashes[index], context.caller.pid, _OUTCOME_RUNNING, context._number & 0xFFFFFFFF)
        self._put(at, _RECENT.format, *call)

    def end(self, context, outcome):
        counters, index = self._counters[context._method.index], context._method.index
        now = time.monotonic_ns()
        spent = now - context._began
        counters[0] -= 1
        counters[2] += outcome == _OUTCOME_FAILED
        counters[3] += outcome == _OUTCOME_CANCELLED
        counters[4] += spent
        counters[5] = max(counters[5], spent)
        self._show(index)
        bucket = _bucket_of(spent)
        self._times[index][bucket] += 1
        at = self._counters_at + index * _METHOD_SIZE + _METHOD_TIMES + 4 * bucket
        self._put(at, "<I", self._times[index][bucket] & 0xFFFFFFFF)
        if context._number + _RECENT_CALLS > self._last:
            at = self._entry(context._number)
            self._put(at + _RECENT_OUTCOME, "<I", outcome)
            self._put(at + _RECENT_ENDED, "<Q", now)


def _bucket_of(nanoseconds):
    units = nanoseconds >> _TIME_UNIT_BITS
    if units < 4:
        return units
    highest = units.bit_length() - 1
    return min(4 * (highest - 1) + (units >> highest - 2 & 3), _TIME_BUCKETS - 1)


class Server(_End):
    """Answers the calls of a service.

    service             its name: 1 to 100 characters of A-Z a-z 0-9 . _ -
    contract            text, which clients read
    handlers            a handler for each method of the contract: a dictionary, or an object that has them as methods
    values              how values become bytes: `Values` by the names of the methods, as generated code has them
    codec               how the values of all other methods do: 'msgpack', 'raw' for bytes as they are, or a `mmfbus.Codec`
    name                up to 48 bytes, shown by tools
    concurrency         calls that are begun and not answered
    queue               calls that wait for that; beyond, the server answers that it is busy
    poll_window         seconds to look for a call before it sleeps
    discoverable        whether joining lists the service in the directory, so that tools find it
    """

    def __init__(self, service, contract, handlers, *, values=None, codec="msgpack", name=None, concurrency=256, queue=1024,
                 poll_window=0.0002, discoverable=True):  # fmt: skip
        super().__init__(service, name, poll_window)
        self._check_time("poll_window", poll_window)
        for option, least, number in (("concurrency", 1, concurrency), ("queue", 0, queue)):
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise self._invalid(f"{option} is a whole number from {least} on, not {number!r}")
        self._concurrency, self._queue = concurrency, queue
        self._contract = _Contract(service, "" if contract is None else contract, values, codec)
        methods = list(self._contract.methods.values())
        self._handlers = self._take_handlers(handlers, methods)
        self._methods = {method.hash: method for method in methods}
        self._inbox = None
        self._callers = {}  # by the slot in the inbox
        self._kept = {}  # those with answers that found no room
        self._queued, self._begun = {}, {}  # contexts, in order
        self._epoch, self._done = 0, 0
        self._is_draining = self._is_within = self._is_stopped = self._has_worked = False
        _open_ends.add(self)
        try:
            self._open_port()
            inbox = _new_id()
            segment = _segment_of(service, "calls", inbox)
            self._inbox = _Own(_PATTERN_CALLS, segment, self._port, _SERVICE_SLOTS, name, contract=contract, phase=_PHASE_SERVING)
            self._statistics = _Statistics(self._inbox, methods)
            self._inbox_id = inbox
            # step: serve: inbox joined
            self._registry = _Serving(service, self._port, inbox, name, discoverable)
            # step: serve: registry joined
            _sweep(service)
        except BaseException:
            self._leave()
            raise

    def run(self, timeout=None):
        """Serves until `stop()`, and returns True; False after `timeout` seconds."""
        self._check_outside("run")
        self._check_time("timeout", timeout)
        return self._serve_until(self._take_stop, _until(timeout))

    def stop(self):
        """Ends `run()`, the present one or the next. From any thread, and from a signal handler."""
        self._is_stopped = True
        if self._port.fds:
            self._port.ring()

    def dispatch(self):
        """Does what there is to do, handlers included, without waiting."""
        self._check_outside("dispatch")
        self._has_worked = False
        self._look()
        self._is_within = True
        try:
            self._tell()
            while self._queued and len(self._begun) < self._concurrency:
                self._begin(next(iter(self._queued)))
                # A handler may take its time: others want to know that their calls have come.
                self._take_calls()
        finally:
            self._is_within = False

    def arm(self):
        """Goes to sleep for an event loop of your own, after `dispatch`. Returns the seconds to wait at most until `fileno()` is
        readable: None for ever, 0 when there is something to do now."""
        self._check_outside("arm")
        self._awake()
        wait = 0 if self._can_begin else self._arm()
        if wait == 0:
            self._awake()
        return wait

    def drain(self, timeout=None):
        """Takes no more calls, and waits until those that were begun are answered. Calls that were not begun go to other servers;
        one-way calls that it has are run. `close()` then loses nothing. Raises `Timeout` after `timeout` seconds."""
        self._check_outside("drain")
        self._check_time("timeout", timeout)
        self._begin_drain()
        if not self._serve_until(lambda: self._is_drained, _until(timeout)):
            text = f"{len(self._begun)} calls are not answered after {timeout} s"
            raise _error("TIMEOUT", self._service, text)
        # step: drain: handlers ended

    def close(self):
        """Drains without waiting, answers what is left as cancelled by the server, and leaves. A second call does nothing."""
        if self._is_closed:
            return
        if self._is_within:
            raise self._invalid("close() was called by a handler")
        try:
            if not self._is_forked and self._broken is None:
                self._begin_drain()
                self.dispatch()
                self._answer_the_rest()
                self._serve_until(lambda: self._is_drained, _until(_PATIENCE))
                # step: drain: handlers ended
        except mmfbus.Error:
            # Memory that makes no sense, which it leaves.
            pass
        finally:
            self._leave()

    def _leave(self):
        self._is_closed = True
        _open_ends.discard(self)
        for caller in list(self._callers.values()):
            caller.peer.close()
        # step: drain: mailboxes left
        if self._inbox is not None:
            self._inbox.close()
        # step: drain: inbox left
        if self._registry is not None:
            self._registry.close()
        # step: drain: registry left
        self._close_port()

    def _take_handlers(self, handlers, methods):
        if isinstance(handlers, dict):
            found, names = handlers, {method.name for method in methods}
            if unknown := [name for name in handlers if name not in names]:
                raise ServiceError("INVALID_HANDLERS", self._service, f"the contract has no method {str(unknown[0])[:64]!r}")
        else:
            found = {method.name: getattr(handlers, method.name, None) for method in methods}
        for method in methods:
            handler = found.get(method.name)
            if not callable(handler):
                raise ServiceError("INVALID_HANDLERS", self._service, f"the method {method.name} has no handler")
            if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
                raise ServiceError("INVALID_HANDLERS", self._service, f"the handler of {method.name} is asynchronous: return LATER")
        return {method.name: found[method.name] for method in methods}

    def _check_outside(self, what):
        self._check()
        if self._is_within:
            raise self._invalid(f"{what}() was called by a handler")

    # -- Contexts

    def _raise_done(self):
        """One message more of the inbox is not touched again."""
        self._done += 1
        self._inbox._words.store64(self._inbox._own + _SLOT_DONE, self._done)
        # step: server: done raised

    def _end_call(self, context):
        """The server is done with a call."""
        self._queued.pop(context, None)
        self._begun.pop(context, None)
        context._state, context._link, context._cell = _OVER, None, None
        # Messages that came after the call are done with too.
        for _ in context._items:
            self._raise_done()
        context._items.clear()
        self._raise_done()

    # -- Callers

    def _drop_caller(self, caller):
        """The client is gone, or cannot be answered: drops its calls, and tells the handlers of those that run."""
        for context in [context for context in self._queued if context._link is caller]:
            self._end_call(context)
        for context in self._begun:
            if context._link is caller:
                context._link = context._cell = None
                context._has_ended = context._has_news = True
        self._kept.pop(caller, None)
        self._callers.pop(caller.slot, None)
        if caller.peer is not None:
            caller.peer.close()

    def _is_there(self, caller):
        at, words = self._inbox._at(caller.slot), self._inbox._words
        return (
            words.load64(at + _SLOT_NONCE) != 0
            and words.load32(at + _SLOT_GENERATION) == caller.generation
            and words.load32(at + _SLOT_STATE) == _STATE_PUBLISHER
        )

    def _look_at_callers(self):
        """Looks which clients are gone."""
        epoch = self._inbox._words.load32(_HEADER_EPOCH)
        if epoch == self._epoch:
            return
        self._epoch = epoch
        for caller in list(self._callers.values()):
            if not self._is_there(caller):
                self._drop_caller(caller)

    def _refuse(self, slot, generation):
        """Tells a client that it cannot be answered."""
        # SYNC: refused. Stored before the bell is rung, whether the client sleeps or not.
        self._inbox._words.store32(_tables(self._inbox)[0] + 4 * slot, generation)
        # step: server: refused
        self._inbox._ring(slot, self._inbox._at(slot))

    def _caller_of(self, slot, mailbox, incarnation):
        """The client that has sent a call; None where it cannot be answered."""
        caller = self._callers.get(slot)
        if caller is not None and (caller.mailbox, caller.incarnation) == (mailbox, incarnation):
            return caller
        at, words = self._inbox._at(slot), self._inbox._words
        generation, detail = words.load32(at + _SLOT_GENERATION), words.load64(at + _SLOT_DETAIL)
        # The slot is that of another client by now, or of none.
        if words.load32(at + _SLOT_STATE) != _STATE_PUBLISHER or detail != mailbox:
            return None
        if caller is not None:
            self._drop_caller(caller)
        caller = _Caller(slot, generation, mailbox, incarnation, *self._inbox._introduce(slot))
        try:
            segment = _segment_of(self._service, "replies", mailbox)
            caller.peer = _Peer(_PATTERN_REPLIES, segment, self._port, self._inbox_id, self._name)
            owner = caller.peer._words.load32(caller.peer._at(_OWNER) + _SLOT_STATE)
            if caller.peer._geometry.incarnation != incarnation or owner != _STATE_RELIABLE:
                caller.peer.close()
                raise ServiceError("NOT_FOUND", self._service, "the mailbox of the caller is gone")
        except (mmfbus.Error, OSError):
            self._refuse(slot, generation)
            return None
        # step: server: mailbox joined
        self._callers[slot] = caller
        return caller

    # -- Answers

    def _flush(self):
        """Goes on with answers that found no room."""
        for caller in list(self._kept):
            try:
                while caller.answers:
                    data, offset = caller.answers[0]
                    caller.answers[0][1] = offset = caller.peer.send(data, offset)
                    if offset < len(data):
                        break
                    caller.answers.popleft()
                    caller.kept -= len(data)
                    self._has_worked = True
                else:
                    del self._kept[caller]
            except mmfbus.Error:
                self._refuse(caller.slot, caller.generation)
                self._drop_caller(caller)

    def _answer(self, caller, kind, cell, id, text=b"", data=b""):
        """Publishes an answer, or keeps it where there is no room."""
        message = _ANSWER.pack(kind, cell, len(text), id) + text.ljust(len(text) + 7 & -8, b"\0") + data
        caller.answers.append([message, 0])
        caller.kept += len(message)
        self._kept[caller] = None
        if len(caller.answers) == 1:
            self._flush()

    def _answer_last(self, context, kind, text="", data=b""):
        """The last answer to a call."""
        self._check()
        text = text.encode("utf-8", "replace")
        if context._state != _BEGUN:
            raise self._invalid(f"{context.name}: the call was answered before, or has not begun")
        if len(data) + len(text) > _LARGEST - 64:
            raise context._error("TOO_LARGE", f"an answer of {len(data)} bytes is more than 64 MiB")
        # step: server: handler ended
        caller, cell = context._link, context._cell
        outcome = _OUTCOME_FAILED if kind >= _ANSWER_ERROR else _OUTCOME_ANSWERED
        self._statistics.end(context, _OUTCOME_CANCELLED if context._was_given_up else outcome)
        # Before the answer: who gets it may look at once how much there is to do here.
        self._end_call(context)
        if caller is not None:
            self._answer(caller, kind, cell.index, cell.id, text, data)
        # step: server: answered

    def _try_item(self, context, data):
        self._check()
        if context._state != _BEGUN:
            raise self._invalid(f"{context.name}: the call was answered before, or has not begun")
        if len(data) > _LARGEST - 64:
            raise context._error("TOO_LARGE", f"an item of {len(data)} bytes is more than 64 MiB")
        if context._was_given_up:
            return "cancelled"
        context._awaits_credit = True
        # Kept answers are bounded: an item waits until those before it have room.
        if not context._cell.awaits_credit(_CELL_GRANTED, context._sent, _SERVER_WAITS) or context._link.answers:
            return "full"
        context._awaits_credit = False
        context._sent = context._sent + _ANSWER_SIZE + len(data) & 0xFFFFFFFF
        self._answer(context._link, _ANSWER_ITEM, context._cell.index, context._cell.id, data=data)
        # step: server: item sent
        return "sent"

    def _take_credit(self, context, cost):
        context._taken += cost
        if context._taken < _CREDIT_STEP or context._cell is None:
            return
        is_awaited = context._cell.raise_credit(_CELL_ACCEPTED, context._taken, _CALLER_WAITS)
        # step: server: credit raised
        context._taken = 0
        if is_awaited:
            context._link.peer.ring_owner()

    # -- Taking calls

    def _is_too_much(self, caller):
        if caller.kept > _LEFT_OVER:
            return True
        most = self._concurrency + self._queue
        if len(self._queued) + len(self._begun) < most:
            return False
        for context in [context for context in self._queued if not context._is_one_way and not context._cell.has(_CELL_WAITING)]:
            self._end_call(context)
        return len(self._queued) + len(self._begun) >= most

    def _take_item(self, slot, kind, cell, id, mailbox, data, cost):
        """An item of a stream of inputs, or its end. False where it is not kept."""
        caller = self._callers.get(slot)
        if caller is None or caller.mailbox != mailbox:
            return False
        for context in self._begun:
            if context._link is caller and (context._cell.index, context._cell.id) == (cell, id) and not context._has_ended:
                break
        else:
            return False
        context._has_news = True
        if kind == _ENVELOPE_END:
            context._has_ended = True
            return False
        context._items.append((data, cost))
        return True

    def _take_message(self, message):
        """False where the server is done with it."""
        data = message.data
        if len(data) < _ENVELOPE_INCARNATION:
            return False
        kind, cell, hash, id, mailbox, incarnation, deadline = _ENVELOPE.unpack(data[:_ENVELOPE_SIZE].ljust(_ENVELOPE_SIZE, b"\0"))
        if cell >= _CELLS:
            return False
        if kind in (_ENVELOPE_ITEM, _ENVELOPE_END):
            return self._take_item(message.publisher, kind, cell, id, mailbox, data[_ENVELOPE_INCARNATION:], len(data))
        if len(data) < _ENVELOPE_SIZE:
            return False
        method = self._methods.get(hash)
        if kind == _ENVELOPE_ONE_WAY:
            if method is None or not method.is_one_way:
                return False
            context = Context(self, method, Caller(*self._inbox._introduce(message.publisher)), deadline)
            context._is_one_way = True
        else:
            # A call that is not begun while the server drains is withdrawn by its caller.
            if kind != _ENVELOPE_CALL or id == 0 or self._is_draining:
                return False
            caller = self._caller_of(message.publisher, mailbox, incarnation)
            if caller is None:
                return False
            # step: server: call taken
            if method is None or method.is_one_way or self._is_too_much(caller):
                is_known = method is not None and not method.is_one_way
                self._answer(caller, _ANSWER_BUSY if is_known else _ANSWER_NO_METHOD, cell, id)
                return False
            context = Context(self, method, Caller(caller.name, caller.pid), deadline)
            context._link, context._cell = caller, _Cell(caller.peer, cell, id)
        context._input = data[_ENVELOPE_SIZE:]
        self._queued[context] = None
        return True

    def _take_calls(self):
        """Takes what has come and sends what was kept; runs nothing of the program's."""
        try:
            for message in self._inbox.messages(self._inbox._words.load64(_HEADER_TAIL)):
                self._has_worked = True
                if not self._take_message(message):
                    self._raise_done()
        except mmfbus.Error as error:
            self._break(error)
            raise self._broken from error
        self._look_at_callers()
        self._flush()

    def _look(self):
        self._check()
        self._awake()
        self._inbox._reclaim_found()
        self._take_calls()
        self._look_at_calls()

    def _look_at_calls(self):
        """Looks which calls that run were given up, or may send again. True where there is something to tell."""
        for context in self._begun:
            # SYNC: cancelled. Loaded after this server has said that it sleeps, or when its bell has rung.
            if not context._is_cancelled and context._was_given_up:
                context._is_cancelled = context._has_news = True
            if context._awaits_credit and context._cell is not None and not context._link.answers:
                if context._cell.has_credit(_CELL_GRANTED, context._sent):
                    context._awaits_credit, context._has_news = False, True
        return any(context._has_news for context in self._begun)

    # -- Running handlers

    def _begin(self, context):
        """Begins a call whose turn has come."""
        method, cell = context._method, context._cell
        is_over = time.monotonic_ns() >= context._deadline
        if not is_over:
            try:
                has_value = method.has_input and not method.takes_stream
                input = self._contract.decode(method.name, "input", context._input) if has_value else None
            except _REFUSALS as error:
                caller, is_over = context._link, True
                if caller is not None:
                    self._end_call(context)
                    self._answer(caller, _ANSWER_REFUSED, cell.index, cell.id, data=str(error).encode("utf-8", "replace"))
                    return
        # SYNC: started or withdrawn. Of this exchange and that of the caller only one finds the call waiting.
        if is_over or cell is not None and not cell.exchange(_CELL_WAITING, _CELL_STARTED):
            self._end_call(context)
            return
        # step: server: started
        context._state, context._input = _BEGUN, b""
        del self._queued[context]
        self._begun[context] = None
        self._statistics.begin(context)
        if method.takes_stream:
            context._has_ended, input = False, Items(context)
            if cell is not None and cell.raise_credit(_CELL_ACCEPTED, _STREAM_WINDOW, _CALLER_WAITS):
                context._link.peer.ring_owner()
        self._has_worked = True
        try:
            result = self._handlers[method.name](input, context)
            if result is LATER:
                return
            if method.gives_stream or isinstance(result, collections.abc.Generator):
                context._generator = iter(result)
        except Exception as error:
            self._fail(context, error)
            return
        if context._generator is not None:
            self._go_on(context)
        else:
            self._finish(context, result)

    def _finish(self, context, value):
        try:
            context.answer(value if context._method.gives_value else None)
        except ServiceError as error:
            self._fail(context, error.__cause__ or error)

    def _fail(self, context, error):
        # It may have answered before that.
        if context._state == _BEGUN:
            context.answer_error(error)

    def _go_on(self, context):
        """Goes on with a generator, until it waits for something."""
        while context._state == _BEGUN:
            if context._was_given_up:
                self._close_generator(context)
                return
            try:
                if context._pending is None:
                    item = next(context._generator)
                    if item is WAIT:
                        return
                    if not context._method.gives_stream:
                        raise TypeError(f"a handler of {context.name} yields nothing but WAIT, and returns its answer")
                    context._pending = context._encode_item(item)
                if self._try_item(context, context._pending) == "full":
                    return
                context._pending = None
            except StopIteration as end:
                self._finish(context, end.value)
            except Exception as error:
                self._fail(context, error.__cause__ if isinstance(error, ServiceError) and error.code == "REFUSED" and
                           error is not context._refusal else error)  # fmt: skip

    def _close_generator(self, context):
        try:
            # An iterator may be no generator.
            getattr(context._generator, "close", lambda: None)()
        except Exception:
            # Whatever it says, its answer is of no use any more.
            pass
        if context._state == _BEGUN:
            context.answer_failure("Cancelled", "the caller has given the call up")

    def _tell(self):
        """Tells handlers what is new for their calls."""
        for context in [context for context in self._begun if context._has_news]:
            # One that was told before may have answered it.
            if context._state != _BEGUN:
                continue
            context._has_news = False
            if context._generator is not None:
                self._go_on(context)
            elif context.on_progress is not None:
                try:
                    context.on_progress(context)
                except Exception as error:
                    self._fail(context, error)
            self._has_worked = True

    # -- Waiting

    def _sharers(self):
        peers = (caller.peer for caller in self._callers.values())
        return [self._registry, self._inbox, *peers]

    @property
    def _can_begin(self):
        return bool(self._queued) and len(self._begun) < self._concurrency

    @property
    def _is_drained(self):
        return not (self._queued or self._begun or self._kept)

    def _arm(self):
        """Goes to sleep: the seconds to sleep at most, None for ever, 0 where there is something to do."""
        waits = [self._inbox._arm()]
        waits += [caller.peer.arm_for_room(len(caller.answers[0][0])) for caller in self._kept]
        if self._inbox._words.load32(_HEADER_EPOCH) != self._epoch:
            return 0
        # Looked at after the sleep was announced: who gives up, or raises credit, does that first and then rings who sleeps.
        if self._look_at_calls() and not self._is_within:
            return 0
        deadline = min((context._deadline for context in self._begun if not context._is_cancelled), default=math.inf)
        return _least(*waits, _seconds_to(deadline))

    def _take_stop(self):
        was_stopped, self._is_stopped = self._is_stopped, False
        return was_stopped

    def _serve_until(self, is_finished, deadline):
        """Serves until it is finished: True, or False where its time is over. Within a handler it takes calls and begins none."""
        polls_until = None
        while True:
            if self._is_within:
                self._has_worked = False
                self._look()
            else:
                self.dispatch()
            if is_finished():
                return True
            now = time.monotonic_ns()
            if now >= deadline:
                return False
            if polls_until is None or self._has_worked:
                polls_until = _until(self._poll_window)
            if now < polls_until:
                # Lets the other threads of this process run.
                time.sleep(0)
                continue
            if not self._is_within and self._can_begin:
                continue
            wait = _least(self._arm(), _seconds_to(deadline))
            # A drain, and a handler that waits, are not stopped.
            if wait != 0 and not (self._is_stopped and is_finished == self._take_stop):
                self._port.listen(wait)

    def _wait_within(self, is_finished, timeout):
        """Waits within a handler, or as if within one."""
        self._check()
        was_within, self._is_within = self._is_within, True
        try:
            if not self._serve_until(is_finished, _until(timeout)):
                raise _error("TIMEOUT", self._service, f"nothing came in {timeout} s", "maybe")
        finally:
            self._is_within = was_within

    # -- Draining

    def _begin_drain(self):
        if self._is_draining:
            return
        # SYNC: draining. Stored before the epoch is raised and the bells are rung.
        self._tell_of_drain(self._registry)
        # step: drain: registry says so
        # SYNC: draining. With the lock held: what was committed before is taken, and nothing is committed after.
        self._tell_of_drain(self._inbox)
        # step: drain: inbox says so
        self._is_draining = True
        # Calls that have not begun are for other servers.
        for context in [context for context in self._queued if not context._is_one_way]:
            self._end_call(context)

    def _tell_of_drain(self, participant):
        is_locked = participant._acquire(time.monotonic() + _PATIENCE)
        try:
            participant._words.store32(participant._own + _SLOT_PHASE, _PHASE_DRAINING)
            participant._tell_of_leaving(True)
        finally:
            if is_locked:
                participant._release()

    def _answer_the_rest(self):
        """Answers what has begun and was not answered."""
        self._is_within = True
        try:
            for context in self._begun:
                context._is_cancelled = context._has_news = True
            self._tell()
            for context in list(self._begun):
                context.answer_failure("Cancelled", "the server was closed")
        finally:
            self._is_within = False
