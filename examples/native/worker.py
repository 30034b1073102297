"""worker: takes commands from the channel `commands`, { id, op, n }, and publishes { id, result } in `answers`, until the
command `stop`."""

import time

import mmfbus


def joined(role, channel, **options):
    """As soon as Node has made the channel."""
    while True:
        try:
            return role(channel, existence="open", **options)
        except mmfbus.Error as error:
            if error.code != "NOT_FOUND":
                raise
        time.sleep(0.001)


with joined(mmfbus.Publisher, "answers") as answers, joined(mmfbus.Subscriber, "commands", start="earliest") as commands:
    for command in commands:
        op, number = command.value["op"], command.value["n"]
        if op == "stop":
            break
        answers.publish({"id": command.value["id"], "result": number * number if op == "square" else -number})
