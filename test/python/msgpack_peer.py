"""Reads msgpack with the library of Python and writes what it read, for each line of hexadecimal digits.

`echo` writes msgpack again: maps the other way round, numbers as Python packs them.
`show` writes JSON: bytes as {"bytes": digits}, timestamps as {"seconds": ..., "nanoseconds": ...}.
"""

import json
import sys

import msgpack


def turned(value):
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [turned(item) for item in value]
    return value


def shown(value):
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, msgpack.Timestamp):
        return {"seconds": value.seconds, "nanoseconds": value.nanoseconds}
    raise TypeError(type(value))


def main():
    for line in sys.stdin:
        value = msgpack.unpackb(bytes.fromhex(line), strict_map_key=False)
        if sys.argv[1] == "echo":
            print(msgpack.packb(turned(value)).hex())
        else:
            print(json.dumps(value, default=shown))


main()
