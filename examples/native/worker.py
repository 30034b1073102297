"""worker: takes commands from the channel `commands`, and publishes answers in `answers`, until the command `stop`."""

import time

import answer
import command
import mmfbus


def joined(role, channel, shape, **options):
    """As soon as Node has made the channel."""
    codec = mmfbus.Codec(shape.CODEC, shape.encode, shape.decode)
    while True:
        try:
            return role(channel, codec, schema=shape.SCHEMA, open="open", **options)
        except mmfbus.Error as error:
            if error.code != "NOT_FOUND":
                raise
        time.sleep(0.001)


with joined(mmfbus.Publisher, "answers", answer) as answers:
    with joined(mmfbus.Subscriber, "commands", command, start="earliest") as commands:
        for message in commands:
            task = message.value
            if task.op == "stop":
                break
            answers.publish(answer.Answer(task.id, task.n * task.n if task.op == "square" else -task.n))
