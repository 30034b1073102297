"""Compares contracts: reads pairs of lines, the contract of a client and that of a server, and answers each pair by a line with the
methods of the client: `add+` for one that it can call there, `add-` for another one. Where one is no contract it says so."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python"))
import mmfbus_service  # noqa: E402


def contract_of(line):
    try:
        return mmfbus_service._read_contract(line)
    except ValueError:
        return None


for line in sys.stdin:
    client, server = contract_of(line), contract_of(next(sys.stdin))
    if client is None or server is None:
        print("no contract")
        continue
    can_call = {name: name in server and method.can_call(server[name]) for name, method in client.items()}
    print(" ".join(f"{name}{'+' if can_call[name] else '-'}" for name in client))
