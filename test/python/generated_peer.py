"""Decodes messages with generated code and encodes them again. A line is a number and hexadecimal digits; the number n names the
module s<n>. Answers `ok` and digits, `no` and what is wrong, or `no msgpack:` where the package msgpack stands in between: it does
not read everything, and of equal keys it shows the last one only."""

import importlib
import sys

import mmfbus_shape
import msgpack


def without_equal_keys(pairs):
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("equal keys")
    return entries


def answer(module, data):
    try:
        msgpack.unpackb(data, strict_map_key=False, object_pairs_hook=without_equal_keys)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        return f"no msgpack: {str(error)!r}"
    try:
        value = module.decode(data)
    except mmfbus_shape.Mismatch as mismatch:
        return f"no {str(mismatch)!r}"
    return f"ok {module.encode(value).hex()}"


def main():
    for line in sys.stdin:
        index, digits = line.split(" ")
        print(answer(importlib.import_module(f"s{index}"), bytes.fromhex(digits)))


main()
