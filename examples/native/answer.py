# Written by mmfbus-generate from a shape. Do not edit: generate it again.
from __future__ import annotations

import dataclasses
from typing import Any, Literal, Optional, Union

import msgpack

import mmfbus_shape as _shape

# What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter.
CODEC = "msgpack"
SCHEMA = "{\"version\":1,\"shape\":{\"struct\":[[\"id\",\"u32\"],[\"result\",\"f64\"]]}}"
FINGERPRINT = "93d3220bc03a28ecabdbcaa393d362c6850055d922134c9914142aaf8657eacb"


@dataclasses.dataclass
class Answer:
    id: int
    result: float

    @classmethod
    def from_msgpack(cls, plain):
        return _answer.read(plain)

    def to_msgpack(self):
        return _answer.write(self)


_answer = _shape.struct(
    Answer,
    _shape.Field("id", "id", _shape.integer("u32", 0, 4294967295), "u32", ".id"),
    _shape.Field("result", "result", _shape.f64, "f64", ".result"),
)


_value = _answer


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
