"""A server and a client whose memory other participants change at random, and who get messages that no participant writes. Neither
crashes or raises anything but errors of the modules, each call ends, and no answer is that of another call.

    hostile_calls.py <service> <rounds> <seed>
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python"))
import mmfbus  # noqa: E402
import mmfbus_service  # noqa: E402

# Seconds of a call, and after which one that has not ended hangs.
TIMEOUT = 0.02
WATCHDOG = 20
CONTRACT = (
    '{"version":1,"methods":[["echo",{"input":"u32","output":"u32"}],["keep",{"input":"u32","output":"u32"}],'
    '["pipe",{"input":{"stream":"u32"},"output":{"stream":"u32"}}]]}'
)


def give_up(context):
    if context.cancelled:
        context.answer_failure("Cancelled", "kept")


def keep(number, context):
    context.on_progress = give_up
    return mmfbus_service.LATER


HANDLERS = {"echo": lambda number, context: number, "keep": keep, "pipe": lambda items, context: items.polled()}


class Round:
    def __init__(self, service, chance):
        self.service, self.chance = service, chance
        self.server = self.client = None

    def open(self):
        try:
            self.server = self.server or mmfbus_service.Server(self.service, CONTRACT, HANDLERS)
            self.client = self.client or mmfbus_service.Client(self.service, CONTRACT, timeout=TIMEOUT)
        except mmfbus.Error:
            self.close()
        return self.server is not None

    def close(self):
        for end in (self.client, self.server):
            if end is not None:
                end.close()
        self.server = self.client = None

    def scribble(self, memory, start, length):
        """Some bytes at a place, but not of the lock, for which every participant would have to wait."""
        at = start + self.chance.randrange(length)
        for at in range(at, min(at + self.chance.randint(1, 8), start + length)):
            memory[at] = self.chance.randrange(256)

    def nonsense(self, peer):
        """A message of bytes that mostly look like an envelope."""
        chance = self.chance
        data = bytearray(chance.choice((0, 0, 0, chance.randrange(256))) for _ in range(chance.randrange(64)))
        if data and chance.random() < 0.5:
            data[0] = chance.randrange(10)
        if len(data) >= 16 and chance.random() < 0.5:
            data[8:16] = self.client._last_id.to_bytes(8, "little")
        peer.send(bytes(data), is_guarded=False)

    def attack(self):
        inbox, mailbox, registry = self.server._inbox, self.client._mailbox, self.client._registry
        if mailbox is None:
            return
        slot = self.chance.randrange(2)
        peers = [caller.peer for caller in self.server._callers.values()]
        peers += [link.peer for link in self.client._links.values() if link.peer is not None]
        slots = inbox._geometry.participants
        target = self.chance.randrange(7)
        if target == 0:
            self.scribble(mailbox._memory, mailbox._at(mailbox._geometry.participants), mmfbus._CELLS * mmfbus._CELL_SIZE)
        elif target == 1:
            self.scribble(inbox._memory, inbox._at(slots), 4 * slots)
        elif target < 5:
            participant = (inbox, mailbox, registry)[target - 2]
            self.scribble(participant._memory, participant._at(slot), mmfbus._SLOT_SIZE)
        elif target == 5:
            participant = self.chance.choice((inbox, mailbox))
            self.scribble(participant._memory, participant._geometry.ring, 4096)
        elif peers:
            self.nonsense(self.chance.choice(peers))

    def call(self, number, is_attacked):
        """One call; with `is_attacked` while the memory is changed."""
        client, end = self.client, time.monotonic() + WATCHDOG
        method = self.chance.choice(("echo", "echo", "echo", "echo", "keep", "pipe"))
        call = client.begin(method, *(() if method == "pipe" else (number,)))
        if is_attacked:
            self.attack()
        while True:
            assert time.monotonic() < end, "a call hangs"
            try:
                self.server.dispatch()
            except mmfbus.Error:
                self.server.close()
                self.server = None
                # Its client is told, or the time of the call is over.
                answer = call.answer()
            else:
                answer = client.try_answer()
            if answer is not None:
                assert answer.call is call, "an answer is that of another call"
                if answer.is_last:
                    return
            if method == "pipe" and not call.has_ended and call.try_send(number) == "sent":
                call.end()
                method = ""
            if self.server is None:
                continue
            if is_attacked and self.chance.random() < 0.25:
                self.attack()

    def play(self, number):
        """Whether a call could be made."""
        if not self.open():
            return False
        try:
            self.call(number, False)
            if self.server is not None:
                self.call(number, True)
        except mmfbus.Error:
            # What was changed may make both of no use to one another.
            self.close()
            return False
        if self.server is None or number % 4 == 3:
            self.close()
        return True


def main():
    service, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    game, calls = Round(service, random.Random(seed)), 0
    for number in range(rounds):
        try:
            calls += game.play(number)
        except BaseException:
            print(f"in round {number}", file=sys.stderr)
            raise
    game.close()
    # The port of one whose slot could not be freed stays, and proves its death. The next ones that join remove it.
    game.open()
    game.close()
    assert calls > rounds // 4, f"hardly a call could be made: {calls}"
    print(f"{rounds} rounds")


main()
