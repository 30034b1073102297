# Written by mmfbus-generate from a shape. Do not edit: generate it again.
from __future__ import annotations

import dataclasses
from typing import Any, Literal, Optional, Union

import msgpack

import mmfbus_shape as _shape

# What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter.
CODEC = "msgpack"
SCHEMA = "{\"version\":1,\"shape\":{\"struct\":[[\"op\",{\"oneOf\":[\"negate\",\"square\",\"stop\"]}],[\"id\",\"u32\"],[\"n\",\"f64\"]]}}"
FINGERPRINT = "4c826480ef5ed8eae5bfb2bf622a1976875d342166b4451ad40f7513e00bd21c"


CommandOp = Literal["square", "negate", "stop"]
_command_op = _shape.choice("one of \"square\", \"negate\", \"stop\"", "square", "negate", "stop")


@dataclasses.dataclass
class Command:
    op: CommandOp
    id: int
    n: float

    @classmethod
    def from_msgpack(cls, plain):
        return _command.read(plain)

    def to_msgpack(self):
        return _command.write(self)


_command = _shape.struct(
    Command,
    _shape.Field("op", "op", _command_op, "one of \"square\", \"negate\", \"stop\"", ".op"),
    _shape.Field("id", "id", _shape.integer("u32", 0, 4294967295), "u32", ".id"),
    _shape.Field("n", "n", _shape.f64, "f64", ".n"),
)


_value = _command


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
