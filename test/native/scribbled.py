"""Publishes long texts in a channel, and receives and decodes them, reliably and lossily, while another process changes the
memory: whatever goes wrong is left and joined again. Until its standard input ends. Argument: the channel."""

import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python"))
import mmfbus  # noqa: E402

OPTIONS = {"capacity": 65536, "max_message": 100_000, "schema": '{"a channel of texts":1}', "timeout": 0.01}
EXPECTED = (mmfbus.Error, OSError)
messages = 0


def receive(subscriber):
    global messages
    for _ in range(20):
        event = subscriber.try_receive()
        if isinstance(event, mmfbus.Message):
            messages += 1
            event.value
        elif event is None:
            return


def live(channel, turn):
    participants = []
    try:
        for make, options in (
            (mmfbus.Publisher, {"slow_subscribers": "disconnect"}),
            (mmfbus.Subscriber, {"start": ("latest", "earliest", "history")[turn % 3]}),
            (mmfbus.Subscriber, {"delivery": "lossy"}),
        ):
            participants.append(make(channel, open="open", **OPTIONS, **options))
        publisher, reliable, lossy = participants
        for count in range(50):
            length = 40_000 if count % 7 == 0 else 30 + count * 37
            publisher.publish(chr(ord("a") + count % 26) * length, 0.001)
            receive(reliable)
            if count % 3 == 0:
                receive(lossy)
    except EXPECTED:
        pass
    for participant in participants:
        try:
            participant.close()
        except EXPECTED:
            pass


def differ(channel):
    try:
        mmfbus.Subscriber(channel, open="open", **{**OPTIONS, "schema": '{"another":1}'}).close()
    except EXPECTED as error:
        str(error)


channel = sys.argv[1]
keeper = mmfbus.Publisher(channel, **OPTIONS)
live(channel, 0)
print("ready", flush=True)
turn = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    turn += 1
    live(channel, turn)
    differ(channel)
try:
    keeper.close()
except EXPECTED:
    pass
print(f"{messages} messages", flush=True)
