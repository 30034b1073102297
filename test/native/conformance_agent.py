"""The conformance agent in Python. The protocol is said in test/src/conformance/README.md."""

import os
import re
import signal
import sys
import time
import types

MODULE = os.path.join(os.path.dirname(__file__), "..", "..", "packages", "native", "python", "mmfbus.py")
# Seconds after which a wait is given up as hung.
WATCHDOG = 60
FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193

fatal_step, steps_left = "", 0
seconds_a_copy = 0.0


def at_step(step):
    global steps_left
    if seconds_a_copy and step == "read: copied":
        end = time.perf_counter() + seconds_a_copy
        while time.perf_counter() < end:
            pass
    if steps_left and step == fatal_step:
        steps_left -= 1
        if not steps_left:
            os.kill(os.getpid(), signal.SIGKILL)


def module_with_steps():
    """The module, with a call in place of each comment that names a step."""
    with open(MODULE, encoding="utf-8") as file:
        source = re.sub(r"# step: (.+)", r"at_step('\1')", file.read())
    module = types.ModuleType("mmfbus")
    module.at_step = at_step
    exec(compile(source, MODULE, "exec"), module.__dict__)
    return module


mmfbus = module_with_steps()
joined = {}
# Descriptors.
taken = []


def content_of(seed, length):
    return bytes((31 * seed + 7 * index + index // 256) & 255 for index in range(length))


def digest_of(data):
    digest = FNV_OFFSET
    for byte in data:
        digest = ((digest ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return f"{digest:08x}"


def join(role, channel, words):
    given = dict(word.split("=") for word in words)
    # The directory has a lock and slots as well, whose steps are not what is asked for.
    options = {"codec": "raw", "discoverable": given.get("discoverable", "no" if steps_left else "yes") == "yes"}
    names = {"capacity": "capacity", "history": "history", "maxMessage": "max_message", "participants": "max_participants"}
    for word, name in names.items():
        if word in given:
            options[name] = int(given[word])
    if "name" in given:
        options["name"] = given["name"]
    if "scope" in given:
        options["scope"] = given["scope"]
    if "mode" in given:
        options["mode"] = int(given["mode"], 8)
    if "group" in given:
        options["group"] = int(given["group"])
    if role == "publisher":
        options["slow_subscribers"] = "disconnect" if given.get("slowSubscribers") == "disconnect" else "wait"
        joined[role] = mmfbus.Publisher(channel, **options)
    else:
        start, *position = given.get("start", "latest").split(":")
        if position:
            incarnation, sequence, *otherwise = position
            start = mmfbus.Position(incarnation, int(sequence))
            options["otherwise"] = otherwise[0] if otherwise else "error"
        options["start"] = start
        options["publisher_events"] = given.get("publisherEvents") == "yes"
        joined[role] = mmfbus.Subscriber(channel, delivery=given.get("delivery", "reliable"), **options)
    failure = joined[role].directory_failure
    return f"ok not listed in the directory: {failure}" if failure else "ok"


def try_publishing(seed, length, count):
    for index in range(count):
        outcome = joined["publisher"].try_publish(content_of(seed + index, length))
        if outcome != "published":
            return f"ok {index} {outcome}"
    return f"ok {count} published"


def publish_batch(seed, length, count):
    contents = [content_of(seed + index, length) for index in range(count)]
    return f"ok {joined['publisher'].try_publish_all(contents)}"


def receive(numbers):
    """Until so many numbers are accounted for; without a number all there are, without waiting."""
    accounted = 0
    while numbers is None or accounted < numbers:
        try:
            event = joined["subscriber"].receive(WATCHDOG) if numbers else joined["subscriber"].try_receive()
        except mmfbus.Disconnected:
            say("disconnected")
            break
        if isinstance(event, mmfbus.Message):
            say(f"message {event.sequence} {len(event.data)} {digest_of(event.data)}")
            accounted += 1
        elif isinstance(event, mmfbus.Gap):
            say(f"gap {event.first} {event.last}")
            accounted += event.last - event.first + 1
        elif isinstance(event, mmfbus.PublishersGone):
            say(f"gone {event.reason}")
            break
        elif isinstance(event, mmfbus.PublisherJoined):
            say(f"joined {event.name}")
        elif isinstance(event, mmfbus.PublisherLeft):
            say(f"left {event.name} {event.reason} {event.remaining}")
        elif numbers is None:
            break
        else:
            return "error nothing came"
    return "ok"


def obey(line):
    global fatal_step, steps_left, seconds_a_copy
    command, *words = line.split()
    first, length, count = (int(word) if word.isdigit() else 0 for word in (words + ["0", "0", "1"][len(words) :])[:3])
    if command == "hello":
        return "ok python steps batch"
    if command in ("publisher", "subscriber"):
        return join(command, words[0], words[1:])
    if command == "publish":
        for index in range(count):
            joined["publisher"].publish(content_of(first + index, length), WATCHDOG)
        return "ok"
    if command == "try":
        return try_publishing(first, length, count)
    if command == "batch":
        return publish_batch(first, length, count)
    if command == "position":
        incarnation, sequence = joined[words[0]].position
        return f"ok {incarnation} {sequence}"
    if command == "wait-for-subscribers":
        return f"ok {joined['publisher'].wait_for_subscribers(first, WATCHDOG)}"
    if command == "receive":
        return receive(first)
    if command == "take":
        return receive(None)
    if command == "die-at":
        fatal_step, steps_left = " ".join(words[1:]), first
        return "ok"
    if command == "starve":
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for _ in range(first):
                os.close(taken.pop())
            return "ok"
    if command == "feed":
        while taken:
            os.close(taken.pop())
        return "ok"
    if command == "slow":
        seconds_a_copy = first / 1e6
        return "ok"
    if command == "leave":
        joined.pop(words[0]).close()
        return "ok"
    return "error no such command"


def say(line):
    print(line, flush=True)


for line in sys.stdin:
    if line.strip() == "exit":
        break
    try:
        say(obey(line))
    except Exception as error:
        say(f"error {type(error).__name__} {error}".replace("\n", " "))
for participant in joined.values():
    participant.close()
