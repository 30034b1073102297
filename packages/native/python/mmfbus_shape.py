"""What the code needs that `mmfbus-generate --language python` writes from a shape: lay it beside that code. Python 3.9 and up.

Each kind has two functions: `read` makes a value of what the package msgpack has decoded, `write` makes of a value what that
package encodes. Both check, and raise `Mismatch` for what is not of the shape.

Decode with `msgpack.unpackb(data, strict_map_key=False)`, whose other options may be as they like. `decode` and `encode` of the
generated code do that.
"""

import collections
import datetime
import struct as _struct

# The limits that the codec of Node has by default.
_MOST_TEXT = 16 << 20
_MOST_BYTES = 64 << 20
_MOST_ITEMS = 1 << 20

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

Kind = collections.namedtuple("Kind", "read write")


class _Absent:
    """In the place of an optional field that is not there, where None is a value."""

    def __repr__(self):
        return "ABSENT"


ABSENT = _Absent()


class Mismatch(ValueError):
    """What is not of the shape, and where: legs[2].price: expected f64, got 'x'."""

    def __init__(self, expected, actual):
        super().__init__(expected, actual)
        self.path = ""
        self.problem = f"expected {expected}, got {actual}"

    def within(self, part):
        self.path = part + self.path
        return self

    def __str__(self):
        return f"{self.path.removeprefix('.') or 'value'}: {self.problem}"


def _mismatch(expected, value):
    shown = repr(value) if isinstance(value, (str, bytes, int, float, bool, type(None))) else type(value).__name__
    return Mismatch(expected, shown if len(shown) <= 60 else shown[:60] + "...")


def integer(expected, least, most):
    def read(value):
        if type(value) is float and value.is_integer():
            value = int(value)
        return write(value)

    def write(value):
        if type(value) is not int or not least <= value <= most:
            raise _mismatch(expected, value)
        return value

    return Kind(read, write)


def _f64(value):
    if type(value) is float:
        return value
    if type(value) is not int or abs(value) >= 1 << 64 or int(float(value)) != value:
        raise _mismatch("f64", value)
    return float(value)


def _f32(value):
    if type(value) not in (float, int) or type(value) is int and abs(value) >= 1 << 64:
        raise _mismatch("f32", value)
    if type(value) is int and abs(value) >= 1 << 53 and value & 0x7FF:
        # What a double cannot hold of an integer still counts where it is rounded.
        value = (value >> 11 | 1) << 11
    try:
        return _struct.unpack("<f", _struct.pack("<f", value))[0]
    except OverflowError:
        raise _mismatch("f32", value) from None


f64 = Kind(_f64, _f64)
f32 = Kind(_f32, _f32)


def _boolean(value):
    if type(value) is not bool:
        raise _mismatch("boolean", value)
    return value


boolean = Kind(_boolean, _boolean)


def string(expected="string", most=None):
    def check(value):
        if not isinstance(value, str):
            raise _mismatch(expected, value)
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise Mismatch(expected, "one with a lone surrogate") from None
        if size > _MOST_TEXT:
            raise Mismatch(expected, "one of more than 16 MiB")
        if most is not None and len(value) > most:
            raise Mismatch(expected, "a longer one")
        return value

    return Kind(check, check)


def _name(value):
    if value == "__proto__":
        raise Mismatch("a key", "__proto__")
    return _text.read(value)


_text = string()
# The key of an object of JavaScript.
name = Kind(_name, _name)


def binary(expected="bytes", most=None):
    limit = _MOST_BYTES if most is None else min(most, _MOST_BYTES)

    def check(value):
        if not isinstance(value, (bytes, bytearray, memoryview)) or len(value) > limit:
            raise _mismatch(expected, value)
        return bytes(value)

    return Kind(check, check)


def choice(expected, *values):
    known = frozenset(values)

    def check(value):
        if not isinstance(value, str) or value not in known:
            raise _mismatch(expected, value)
        return value

    return Kind(check, check)


def _timestamp(value):
    import msgpack

    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        # In whole numbers: seconds as a float are rounded, and cut towards 1970, not to the second before.
        seconds, rest = divmod(value - _EPOCH, datetime.timedelta(seconds=1))
        value = msgpack.Timestamp(seconds, rest.microseconds * 1000)
    most = 8_640_000_000_000
    if not isinstance(value, msgpack.Timestamp):
        raise _mismatch("timestamp", value)
    if not -most <= value.seconds <= most or value.seconds == most and value.nanoseconds > 0:
        raise Mismatch("timestamp", "one that is no valid date")
    return value


timestamp = Kind(_timestamp, _timestamp)
unknown = Kind(lambda value: value, lambda value: value)


def nullable(kind):
    def read(value):
        return None if value is None else kind.read(value)

    def write(value):
        return None if value is None else kind.write(value)

    return Kind(read, write)


def array(kind, expected="array", most=None):
    limit = _MOST_ITEMS if most is None else min(most, _MOST_ITEMS)

    def each(value, convert):
        if not isinstance(value, (list, tuple)) or len(value) > limit:
            raise _mismatch(expected, value)
        items = []
        for index, item in enumerate(value):
            try:
                items.append(convert(item))
            except Mismatch as mismatch:
                raise mismatch.within(f"[{index}]")
        return items

    return Kind(lambda value: each(value, kind.read), lambda value: each(value, kind.write))


def mapping(key, kind):
    def each(value, convert_key, convert):
        if not isinstance(value, dict) or len(value) > _MOST_ITEMS:
            raise _mismatch("map", value)
        entries = {}
        for name, item in value.items():
            try:
                entries[convert_key(name)] = convert(item)
            except Mismatch as mismatch:
                raise mismatch.within(f"[{name!r}]")
        return entries

    return Kind(lambda value: each(value, key.read, kind.read), lambda value: each(value, key.write, kind.write))


# `attribute` is None for the tag of a union, which the class itself says.
Field = collections.namedtuple("Field", "name attribute kind expected path", defaults=("", ""))


class Optional:
    """The kind of a field that may be missing; nil counts as missing where it is no value."""

    def __init__(self, kind, takes_nil=False):
        self.kind = kind
        self.missing = ABSENT if takes_nil else None


def _read_field(field, value):
    try:
        if not isinstance(field.kind, Optional):
            return field.kind.read(value)
        return field.kind.missing if value is None and field.kind.missing is None else field.kind.kind.read(value)
    except Mismatch as mismatch:
        raise mismatch.within(field.path)


def _write_field(field, value):
    """The value as msgpack has it, or ABSENT."""
    item = field.kind.read(None) if field.attribute is None else getattr(value, field.attribute)
    try:
        if not isinstance(field.kind, Optional):
            return field.kind.write(item)
        return ABSENT if item is field.kind.missing else field.kind.kind.write(item)
    except Mismatch as mismatch:
        raise mismatch.within(field.path)


def _build(make, fields, values):
    attributes = {}
    for field, value in zip(fields, values):
        if value is ABSENT and not isinstance(field.kind, Optional):
            raise Mismatch(field.expected, "nothing").within(field.path)
        if value is not ABSENT and field.attribute is not None:
            attributes[field.attribute] = value
    return make(**attributes)


def tag(text):
    """The kind of the field that says which variant of a union a struct is."""

    def read(value):
        if value is not None and value != text:
            raise _mismatch(f"one of {text!r}", value)
        return text

    return Kind(read, read)


def struct(make, *fields):
    """Structs that are maps."""

    def read(value):
        if not isinstance(value, dict):
            raise _mismatch("struct", value)
        values = [
            _read_field(field, value[field.name]) if field.name in value else ABSENT for field in fields
        ]
        return _build(make, fields, values)

    def write(value):
        if not isinstance(value, make):
            raise _mismatch(make.__name__, value)
        written = ((field.name, _write_field(field, value)) for field in fields)
        return {name: item for name, item in written if item is not ABSENT}

    return Kind(read, write)


def struct_as_array(make, *fields):
    def read(value):
        if not isinstance(value, (list, tuple)):
            raise _mismatch("struct as an array", value)
        values = [
            _read_field(field, value[index]) if index < len(value) else ABSENT for index, field in enumerate(fields)
        ]
        return _build(make, fields, values)

    def write(value):
        if not isinstance(value, make):
            raise _mismatch(make.__name__, value)
        written = (_write_field(field, value) for field in fields)
        return [None if item is ABSENT else item for item in written]

    return Kind(read, write)


def union(expected, name, path, variants):
    """`variants` are pairs of a class and its kind, by the text of the tag."""

    def read(value):
        if isinstance(value, dict):
            found = value.get(name, ABSENT)
        elif isinstance(value, (list, tuple)) and len(value) > 0:
            found = value[0]
        else:
            raise _mismatch(expected, value)
        if found is ABSENT:
            raise Mismatch(expected, "nothing").within(path)
        if not isinstance(found, str) or found not in variants:
            raise _mismatch(expected, found).within(path)
        return variants[found][1].read(value)

    def write(value):
        for make, kind in variants.values():
            if type(value) is make:
                return kind.write(value)
        raise _mismatch(expected, value)

    return Kind(read, write)


def decode(kind, data):
    """The value that a message holds."""
    import msgpack

    return kind.read(msgpack.unpackb(data, strict_map_key=False))


def encode(kind, value):
    """The message of a value."""
    import msgpack

    return msgpack.packb(kind.write(value))
