# Written by mmfbus-generate from a shape. Do not edit: generate it again.
from __future__ import annotations

import dataclasses
from typing import Any, Literal, Optional, Union

import msgpack

import mmfbus_shape as _shape

# What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter.
CODEC = "msgpack"
SCHEMA = "{\"version\":1,\"shape\":{\"struct\":[[\"sensor\",{\"string\":{\"maxLength\":16}}],[\"celsius\",\"f64\"],[\"last\",\"boolean\"]]}}"
FINGERPRINT = "38daeda318b1a2297be5c603ff0812c866f4e7ae9245aa9f458c540f55b92cb4"


@dataclasses.dataclass
class Reading:
    sensor: str
    celsius: float
    last: bool

    @classmethod
    def from_msgpack(cls, plain):
        return _reading.read(plain)

    def to_msgpack(self):
        return _reading.write(self)


_reading = _shape.struct(
    Reading,
    _shape.Field("sensor", "sensor", _shape.string("string of at most 16 characters", 16), "string of at most 16 characters", ".sensor"),
    _shape.Field("celsius", "celsius", _shape.f64, "f64", ".celsius"),
    _shape.Field("last", "last", _shape.boolean, "boolean", ".last"),
)


_value = _reading


def from_msgpack(plain):
    """The value of what msgpack.unpackb gave. Raises mmfbus_shape.Mismatch."""
    return _value.read(plain)


def to_msgpack(value):
    """What msgpack.packb takes. Raises mmfbus_shape.Mismatch."""
    return _value.write(value)


def decode(data):
    """The value that a message holds. Raises mmfbus_shape.Mismatch, or what msgpack raises."""
    return _shape.decode(_value, data)


def encode(value):
    """The message of a value. Raises mmfbus_shape.Mismatch."""
    return _shape.encode(_value, value)
