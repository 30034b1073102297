"""The conformance agent for calls in Python. The protocol is said in test/src/conformance/calls/README.md."""

import os
import re
import select
import signal
import sys
import time
import types

MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python")
# Seconds after which a wait is given up as hung.
WATCHDOG = 60

stop_step, steps_left = "", 0
# Says that it waits at that step; without one it dies there.
stop_file = None


def at_step(step):
    global steps_left
    if steps_left and step == stop_step:
        steps_left -= 1
        if not steps_left:
            if stop_file is None:
                os.kill(os.getpid(), signal.SIGKILL)
            open(stop_file, "w").close()
            while os.path.exists(stop_file):
                time.sleep(0.001)


def module_with_steps(name):
    """A module, with a call in place of each comment that names a step."""
    path = os.path.join(MODULES, f"{name}.py")
    with open(path, encoding="utf-8") as file:
        source = re.sub(r"# step: (.+)", r"at_step('\1')", file.read())
    module = sys.modules[name] = types.ModuleType(name)
    module.at_step = at_step
    exec(compile(source, path, "exec"), module.__dict__)
    return module


mmfbus = module_with_steps("mmfbus")
mmfbus_service = module_with_steps("mmfbus_service")
LATER = mmfbus_service.LATER

client = server = contract = journal = None
calls = {}
held = []


def say(line):
    print(line, flush=True)


def note(line):
    if journal is not None:
        journal.write(f"{line}\n")
        journal.flush()


def expand(text):
    """What the kit says in the place of a text: many xs are `*` and their number."""
    return "x" * int(text[1:]) if text.startswith("*") else text


def shorten(value):
    text = str(value)
    return f"*{len(text)}" if re.fullmatch("x{101,}", text) else text


# -- Handlers


def run(text, context):
    note(f"{context.name} {text}")
    return text


class Handlers:
    once = again = note = mark = staticmethod(run)

    @staticmethod
    def echo(text, context):
        return text

    @staticmethod
    def fail(text, context):
        if text == "declared":
            raise mmfbus_service.DeclaredError("NOT_FOUND", "nowhere")
        if text == "refused":
            context.answer_refused("it-does-not-fit")
            return LATER
        raise TypeError("it-failed")

    @staticmethod
    def hold(text, context):
        note(f"hold {text}")
        held.append(context)
        context.on_progress = give_up
        return LATER

    @staticmethod
    def block(text, context):
        note(f"block {text}")
        end = time.monotonic() + WATCHDOG
        while not context.cancelled:
            if time.monotonic() > end:
                sys.exit("the call was not given up")
        note(f"cancelled {text}")
        return text

    @staticmethod
    def count(end, context):
        yield from range(end)

    @staticmethod
    def sum(numbers, context):
        note("begun sum")
        return sum(numbers)

    @staticmethod
    def pipe(items, context):
        try:
            yield from items.polled()
        finally:
            if context.cancelled:
                note("cancelled pipe")


def give_up(context):
    if context.cancelled:
        held.remove(context)
        note("cancelled hold")
        context.answer_failure("Cancelled", "held")


# -- Calls, by the tags that the kit gives them


class Tagged:
    def __init__(self, call):
        self.call, self.items, self.told, self.outcome = call, [], 0, None


def outcome_of(answer):
    error = answer.error
    if error is None:
        return f"value {shorten(answer.value)}" if answer.has_value else "end"
    return outcome_of_error(error)


def outcome_of_error(error):
    if isinstance(error, mmfbus_service.DeclaredError):
        return f"declared {error.code} {error.data}"
    started = "no" if error.started is False else "maybe"
    if isinstance(error, mmfbus_service.RemoteError):
        return f"error REMOTE {started} {error.name} {error.text}"
    return f"error {error.code} {started}"


def take_answers():
    while client is not None and (answer := client.try_answer()) is not None:
        one = answer.call.context
        if answer.is_last:
            one.outcome = outcome_of(answer)
        else:
            one.items.append(shorten(answer.value))


def do_one_turn():
    if server is not None:
        server.dispatch()
    take_answers()


def rest(for_input):
    """Waits until there may be something to do; with `for_input` also for a command."""
    ends = [end for end in (server, client) if end is not None]
    waits = [end.arm() for end in ends]
    wait = min((wait for wait in waits if wait is not None), default=WATCHDOG)
    ready, _, _ = select.select([*ends, *([0] if for_input else [])], [], [], wait)
    if not ready and wait == WATCHDOG and not for_input:
        sys.exit("nothing came")
    return 0 in ready


def commands():
    data = b""
    while True:
        do_one_turn()
        if not rest(True):
            continue
        more = os.read(0, 65536)
        if not more:
            return
        *lines, data = (data + more).split(b"\n")
        yield from (line.decode() for line in lines)


def until(is_true):
    do_one_turn()
    while not is_true():
        rest(False)
        do_one_turn()


def tell_items(one):
    for item in one.items[one.told :]:
        say(f"item {item}")
    one.told = len(one.items)


def value_of(method, text):
    return int(text) if method == "count" else expand(text)


def begin(tag, method, text, timeout):
    values = () if method in ("sum", "pipe") else (value_of(method, text),)
    one = calls[tag] = Tagged(client.begin(method, *values, timeout=timeout))
    one.call.context = one


def send(one, item, times):
    for index in range(times):
        value = index if item == "numbers" else expand(item)
        while one.outcome is None and one.call.try_send(value) == "full":
            rest(False)
            do_one_turn()


def outcome(make):
    try:
        value = make()
    except (mmfbus_service.DeclaredError, mmfbus_service.ServiceError) as error:
        return outcome_of_error(error)
    return "end" if value is None else f"value {shorten(value)}"


def obey(line):
    global client, server, contract, journal, stop_step, stop_file, steps_left
    command, _, rest_of_line = line.partition(" ")
    words = rest_of_line.split()
    plain = [word for word in words if "=" not in word] + [""] * 3
    given = dict(word.split("=", 1) for word in words if "=" in word)
    timeout = int(given["timeout"]) / 1000 if "timeout" in given else ...
    if command == "hello":
        return "ok python steps"
    if command == "contract":
        contract = rest_of_line
        return "ok"
    if command in ("die-at", "wait-at"):
        stop_file = words.pop(0) if command == "wait-at" else None
        steps_left, stop_step = int(words[0]), " ".join(words[1:])
        return "ok"
    if command == "serve":
        options = {option: int(given[option]) for option in ("concurrency", "queue") if option in given}
        if "journal" in given:
            journal = open(given["journal"], "a")
        server = mmfbus_service.Server(plain[0], contract, Handlers, name=given.get("name"), **options)
        return "ok"
    if command == "client":
        wait = int(given.get("waitForServer", 0)) / 1000
        limit = WATCHDOG if timeout is ... else timeout
        client = mmfbus_service.Client(plain[0], contract, name=given.get("name"), wait_for_server=wait, timeout=limit)
        return "ok"
    if command == "call":
        begin(*plain[:3], timeout)
        return "ok"
    if command == "await":
        one = calls[plain[0]]
        while one.outcome is None:
            until(lambda: len(one.items) > one.told or one.outcome is not None)
            tell_items(one)
        del calls[plain[0]]
        tell_items(one)
        return f"ok {one.outcome}"
    if command == "items":
        one = calls[plain[0]]
        until(lambda: len(one.items) >= int(plain[1]) or one.outcome is not None)
        tell_items(one)
        return "ok"
    if command == "send":
        send(calls[plain[0]], plain[1], int(plain[2] or 1))
        return "ok"
    if command == "end":
        calls[plain[0]].call.end()
        return "ok"
    if command == "cancel":
        calls[plain[0]].call.cancel()
        return "ok"
    if command == "ask":
        return f"ok {outcome(lambda: client.call(plain[0], value_of(*plain[:2]), timeout))}"
    if command == "tell":
        return f"ok {outcome(lambda: client.call_one_way(plain[0], expand(plain[1]), timeout))}"
    if command == "ask-all":
        def ask_all():
            for answer in client.call_all(plain[0], expand(plain[1]), timeout):
                say(f"answer {answer.server} {outcome_of(answer)}")

        return f"ok {outcome(ask_all)}"
    if command == "servers":
        servers = client.servers()
        for one in servers:
            state = "draining" if one.is_draining else "serving"
            say(f"server {one.name} {state} {one.outstanding} {one.served} {one.errors}")
        return f"ok {len(servers)}"
    if command == "held":
        until(lambda: len(held) == int(plain[0]))
        return "ok"
    if command == "release":
        for context in held:
            context.answer(plain[0])
        held.clear()
        return "ok"
    if command == "drain":
        server.drain(WATCHDOG)
        return "ok"
    if command == "leave" and plain[0] == "client":
        client, leaving = None, client
        leaving.close()
        calls.clear()
        return "ok"
    if command == "leave":
        server, leaving = None, server
        leaving.close()
        held.clear()
        return "ok"
    return "error there is no such command"


for line in commands():
    if line == "exit":
        break
    try:
        say(obey(line))
    except Exception as error:
        say(f"error {type(error).__name__} {error}".replace("\n", " "))
for end in (client, server):
    if end is not None:
        end.close()
