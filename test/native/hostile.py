"""Gives the module memory that makes no sense: errors are allowed, and everything else that is expected; a crash, another
exception, an endless loop or a large allocation is not.

    hostile.py <channel> <rounds> <seed>
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "packages", "native", "python"))
import mmfbus  # noqa: E402

LARGEST_MESSAGE = 100_000
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 24, 31, 32, 33, 64, 255, 1000, 1024, 4064, 4095, 4096, 4097, 65535, 2**31 - 1, 2**31,
           2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]  # fmt: skip


def any_number(chance):
    number = chance.choice(NUMBERS) if chance.random() < 0.75 else chance.getrandbits(64)
    return number * 32 if chance.random() < 0.125 else number


def disturb(chance, memory):
    # The words that everything depends on, the slots, the frames: each often enough.
    places = [(192, 512), (512, 512 + 4 * 256), (len(memory) - 4096, len(memory)), (len(memory) - 4096, len(memory))]
    for _ in range(chance.randint(1, 6)):
        start, end = chance.choice(places)
        size = chance.choice((1, 2, 4, 8))
        at = start + chance.randrange((end - start) // size) * size
        memory[at : at + size] = (any_number(chance) & 2 ** (8 * size) - 1).to_bytes(size, "little")


def use(chance, publisher, subscriber):
    def receive_all():
        while isinstance(event := subscriber.try_receive(), (mmfbus.Message, mmfbus.Gap)):
            assert not isinstance(event, mmfbus.Message) or len(event.data) <= LARGEST_MESSAGE

    for _ in range(20):
        action = chance.choice(
            [
                lambda: publisher.try_publish(bytes(chance.randrange(1000))),
                lambda: publisher.try_publish_all([bytes(10), bytes(100), b""]),
                lambda: publisher.publish(bytes(chance.randrange(LARGEST_MESSAGE)), timeout=0.001),
                lambda: subscriber.receive(0.001),
                lambda: publisher.wait_for_subscribers(chance.randrange(1, 4), timeout=0.001),
                subscriber.arm,
                receive_all,
            ]
        )
        try:
            action()
        except mmfbus.Error:
            pass


def play(channel, number, seed):
    chance = random.Random(seed + number)
    options = dict(codec="raw", capacity=4096, max_message=LARGEST_MESSAGE, max_participants=4, timeout=0.001)
    publisher = mmfbus.Publisher(channel, slow_subscribers="wait" if number % 3 else "disconnect", **options)
    start = (None, "latest", "earliest", "history", publisher.position)[number % 5]
    options["publisher_events"] = number % 2 == 0
    subscriber = mmfbus.Subscriber(channel, delivery="reliable" if number % 2 else "lossy", start=start, **options)
    use(chance, publisher, subscriber)
    for _ in range(4):
        disturb(chance, publisher._memory)
        use(chance, publisher, subscriber)
    try:
        mmfbus.Publisher(channel, codec="raw", timeout=0.001).close()
    except mmfbus.Error:
        pass
    subscriber.close()
    publisher.close()


def main():
    channel, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for number in range(rounds):
        try:
            play(channel, number, seed)
        except BaseException:
            print(f"in round {number}", file=sys.stderr)
            raise
    print(f"{rounds} rounds")


main()
