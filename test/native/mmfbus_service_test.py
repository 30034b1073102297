"""Does the module of calls for Python do what it says? Run with MMFBUS_DIRECTORY set, by test/src/native/python.test.ts."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import unittest

MODULE_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python")
sys.path.insert(0, MODULE_FOLDER)
import mmfbus  # noqa: E402
import mmfbus_service  # noqa: E402
from mmfbus_service import LATER, WAIT, Client, DeclaredError, RemoteError, Server, ServiceError  # noqa: E402

# Seconds after which a wait is given up as hung.
WATCHDOG = 60


def contract_of(**methods):
    return json.dumps({"version": 1, "methods": list(methods.items())}, separators=(",", ":"))


STREAM = {"stream": "u32"}
CONTRACT = contract_of(
    echo={"input": "string", "output": "string"},
    fail={"input": "string", "output": "string", "errors": [["NOT_FOUND", "string"], ["EMPTY", "nothing"]]},
    keep={"input": "string", "output": "string"},
    note={"input": "string"},
    reset={"output": "nothing"},
    count={"input": "u32", "output": STREAM},
    sum={"input": STREAM, "output": "u32"},
    double={"input": STREAM, "output": STREAM},
)


class Handlers:
    """What the tests serve; `kept` are calls that are answered later."""

    def __init__(self):
        self.kept, self.notes, self.closed, self.cancelled = [], [], [], []

    def echo(self, text, context):
        return text

    def fail(self, text, context):
        if text == "declared":
            raise DeclaredError("NOT_FOUND", "nowhere")
        if text == "empty":
            raise DeclaredError("EMPTY")
        if text == "undeclared":
            raise DeclaredError("OTHER", 1)
        raise KeyError(text)

    def keep(self, text, context):
        self.kept.append(context)
        context.on_progress = self.give_up
        return LATER

    def give_up(self, context):
        if context.cancelled:
            self.kept.remove(context)
            self.cancelled.append(context.name)
            context.answer("too late")

    def note(self, text, context):
        self.notes.append(text)

    def reset(self, nothing, context):
        return nothing

    def count(self, end, context):
        try:
            yield from range(end)
        finally:
            self.closed.append("count")

    def sum(self, numbers, context):
        return sum(numbers)

    def double(self, numbers, context):
        for number in numbers.polled():
            yield number if number is WAIT else 2 * number


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = f"python-{os.getpid()}-{self._testMethodName}"[:100]
        self.handlers = Handlers()

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def server(self, **options):
        return self.enter(Server(self.service, **{"contract": CONTRACT, "handlers": self.handlers, **options}))

    def client(self, contract=CONTRACT, **options):
        return self.enter(Client(self.service, contract, **{"timeout": WATCHDOG, **options}))

    def running(self, **options):
        """A server that runs in a thread until the test is over."""
        server = self.server(**options)
        thread = threading.Thread(target=server.run)
        thread.start()
        self.addCleanup(thread.join, WATCHDOG)
        self.addCleanup(server.stop)
        return server

    def refused(self, code, call, *arguments, started=False, **options):
        with self.assertRaises(ServiceError) as caught:
            call(*arguments, **options)
        self.assertEqual((caught.exception.code, caught.exception.started), (code, started), caught.exception)
        return caught.exception

    def served(self, server, call):
        """The next answer to a call whose server is served here."""
        end = time.monotonic() + WATCHDOG
        while (answer := call.try_answer()) is None:
            self.assertLess(time.monotonic(), end, "the call hangs")
            server.dispatch()
        return answer


class Options(ServiceTest):
    def test_handlers_are_complete(self):
        some = {name: lambda value, context: value for name in ("echo", "fail", "keep", "note", "reset", "count", "sum")}
        error = self.refused("INVALID_HANDLERS", self.server, handlers=some)
        self.assertIn("the method double has no handler", str(error))
        every = {**some, "double": some["echo"]}
        self.refused("INVALID_HANDLERS", self.server, handlers={**every, "other": some["echo"]})
        self.refused("INVALID_HANDLERS", self.server, handlers={**every, "echo": 1})

        async def echo(text, context):
            return text

        self.assertIn("asynchronous", str(self.refused("INVALID_HANDLERS", self.server, handlers={**every, "echo": echo})))

    def test_options_are_checked(self):
        for option in ({"concurrency": 0}, {"queue": -1}, {"concurrency": True}, {"poll_window": -1}):
            self.refused("INVALID_ARGUMENT", self.server, **option)
        for option in ({"timeout": -1}, {"wait_for_server": "long"}):
            self.refused("INVALID_ARGUMENT", self.client, **option)
        self.assertEqual(self.refused("INVALID_NAME", Client, "no/name").service, "'no/name'")
        for wrong in ("", "[]", "{}", '{"version":2,"methods":[]}', '{"version":1,"methods":[["a b",{}]]}', "[" * 100_000, b"", 1,
                      '{"version":1,"methods":[["a",{}],["a",{}]]}', '{"version":1,"methods":[["a",[]]]}'):  # fmt: skip
            self.refused("INVALID_CONTRACT", Client, self.service, wrong)
            self.refused("INVALID_CONTRACT", Server, self.service, wrong, {})
        self.refused("INVALID_CONTRACT", Server, self.service, None, {})

    def test_calls_fit_the_contract(self):
        client = self.client()
        self.refused("NO_METHOD", client.call, "none")
        self.refused("INVALID_ARGUMENT", client.call, "note", "text")
        self.refused("INVALID_ARGUMENT", client.call_one_way, "echo", "text")
        self.refused("INVALID_ARGUMENT", client.call, "count", 1)
        self.refused("INVALID_ARGUMENT", client.stream, "echo", "text")
        self.refused("INVALID_ARGUMENT", client.call, "echo")
        self.refused("INVALID_ARGUMENT", client.call, "reset", 1)
        self.refused("INVALID_ARGUMENT", client.begin, "sum", [1])
        self.refused("INVALID_ARGUMENT", client.call, "echo", "text", timeout=-1)
        self.refused("REFUSED", client.call, "echo", object())
        self.refused("TOO_LARGE", self.client(codec="raw").call, "echo", bytes(64 << 20))


class Calls(ServiceTest):
    def test_are_answered(self):
        self.running(name="one")
        client = self.client(name="caller")
        self.assertEqual(client.call("echo", "text"), "text")
        self.assertIsNone(client.call("reset"))
        self.assertIsNone(client.call_one_way("note", "a"))
        self.assertEqual(list(client.stream("count", 5000)), list(range(5000)))
        self.assertEqual(client.call("sum", range(5000)), sum(range(5000)))
        self.assertEqual(list(client.stream("double", iter(range(5000)))), list(range(0, 10_000, 2)))
        self.assertEqual([(answer.server, answer.value) for answer in client.call_all("echo", "all")], [("one", "all")])
        (server,) = client.servers()
        self.assertEqual((server.name, server.pid, server.is_draining, server.errors), ("one", os.getpid(), False, 0))
        self.assertGreaterEqual(server.served, 6)
        self.assertEqual(self.handlers.notes, ["a"])

    def test_fail_as_their_handlers_do(self):
        self.running()
        client = self.client()
        for text, code, data in (("declared", "NOT_FOUND", "nowhere"), ("empty", "EMPTY", None)):
            with self.assertRaises(DeclaredError) as caught:
                client.call("fail", text)
            error = caught.exception
            self.assertEqual((error.code, error.data, error.service, error.method, error.started),
                             (code, data, self.service, "fail", "maybe"))  # fmt: skip
        for text, name in (("undeclared", "DeclaredError"), ("otherwise", "KeyError")):
            error = self.refused("REMOTE", client.call, "fail", text, started="maybe")
            self.assertIsInstance(error, RemoteError)
            self.assertEqual(error.name, name)
        (server,) = client.servers()
        self.assertEqual((server.served, server.errors), (4, 4))

    def test_need_a_server_with_their_method(self):
        client = self.client()
        self.refused("NO_SERVER", client.call, "echo", "text")
        self.refused("NO_SERVER", client.call_all, "echo", "text")
        self.running()
        self.assertEqual(client.call("echo", "text"), "text")
        other = contract_of(echo={"input": "u32", "output": "string"}, none={"output": "nothing"})
        stranger = self.client(other)
        self.refused("NO_METHOD", stranger.call, "echo", 1)
        self.refused("NO_METHOD", stranger.call, "none")
        self.refused("NO_METHOD", stranger.call_all, "none")
        anything = self.client(None)
        self.assertEqual(anything.call("echo", "text"), "text")
        with anything.begin("count", 3) as call:
            self.assertEqual(list(call), [0, 1, 2])

    def test_wait_for_a_server(self):
        client = self.client(wait_for_server=WATCHDOG)
        call = client.begin("echo", "text")
        self.assertIsNone(client.try_answer())
        self.running()
        answer = client.next_answer(WATCHDOG)
        self.assertEqual((answer.call, answer.value, answer.is_last), (call, "text", True))
        self.refused("INVALID_ARGUMENT", call.result)

    def test_that_are_idempotent_say_that_an_attempt_may_have_run(self):
        contract = contract_of(again={"output": "string", "idempotent": True})
        client = self.client(contract, wait_for_server=WATCHDOG, timeout=None)
        call = client.begin("again")
        with subprocess.Popen([sys.executable, __file__, "die", self.service, contract]) as dying:
            while dying.poll() is None:
                client.next_answer(0.01)
        while not call._is_in_line:
            client.next_answer(0.01)
        call.cancel()
        self.refused("CANCELLED", call.result, started="maybe")

    def test_end_when_their_time_is_over(self):
        server, client = self.server(), self.client()
        self.assertIsInstance(self.refused("TIMEOUT", client.call, "echo", "text", timeout=0), mmfbus.Timeout)
        with client.begin("keep", "text", timeout=0.05) as call:
            while not self.handlers.kept:
                server.dispatch()
            context = self.handlers.kept[0]
            self.assertEqual((context.name, context.caller.pid, context.cancelled), ("keep", os.getpid(), False))
            self.assertLess(context.deadline, time.monotonic_ns() + WATCHDOG * 10**9)
            self.assertLess(context.time_left, WATCHDOG)
            self.refused("TIMEOUT", call.result, started="maybe")
        while self.handlers.kept:
            server.dispatch()
        self.assertEqual(self.handlers.cancelled, ["keep"])

    def test_are_given_up_by_an_interruption(self):
        client = self.client()
        client.interrupt()
        self.assertIsNone(client.next_answer())
        self.handlers.note = lambda text, context: client.interrupt()
        self.handlers.keep = lambda text, context: other.call_one_way("note", "now") or LATER
        other = self.client()
        self.running()
        self.refused("CANCELLED", client.call, "keep", "text", timeout=None, started="maybe")

    def test_are_given_up_by_leaving_the_loop(self):
        self.running()
        client = self.client()
        for number in client.stream("count", 2**32 - 1):
            if number == 3:
                break
        self.assertEqual(client._open, {})
        self.assertEqual(client.call("echo", "after"), "after")
        end = time.monotonic() + WATCHDOG
        while self.handlers.closed != ["count"]:
            self.assertLess(time.monotonic(), end, "the handler goes on")

    def test_are_given_up_where_their_input_fails(self):
        self.running()
        client = self.client()

        def numbers():
            yield 1
            raise LookupError("no more")

        with self.assertRaisesRegex(LookupError, "no more"):
            client.call("sum", numbers())
        self.refused("REFUSED", client.call, "sum", [1, object()])
        self.assertEqual((client._open, client.call("sum", [])), ({}, 0))

    def test_end_with_their_client(self):
        server = self.server()
        client = self.client()
        call = client.begin("keep", "text")
        while not self.handlers.kept:
            server.dispatch()
        client.close()
        client.close()
        self.assertTrue(call.has_ended)
        self.refused("CLOSED", client.call, "echo", "text")
        while self.handlers.kept:
            server.dispatch()

    def test_of_which_there_are_too_many_are_refused(self):
        server = self.server(concurrency=1, queue=1)
        client = self.client()
        calls = [client.begin("keep", str(number)) for number in range(3)]
        while (answer := client.try_answer()) is None:
            server.dispatch()
        self.assertEqual((answer.call, answer.error.code, answer.error.started), (calls[2], "BUSY", False))
        for call in calls[:2]:
            while not self.handlers.kept:
                server.dispatch()
            self.handlers.kept.pop().answer("yes")
            self.assertEqual(self.served(server, call).value, "yes")

    def test_of_a_server_that_cannot_answer_are_taken_back(self):
        server, client = self.server(), self.client()
        call = client.begin("echo", "text")
        (link,) = client._links.values()
        server._refuse(link.peer._slot, link.peer._generation)
        self.refused("UNREACHABLE", call.result)
        server.dispatch()
        self.assertEqual(server._statistics._last, 0)

    def test_go_on_with_another_mailbox_where_a_server_was_stopped_in_it(self):
        server, client = self.server(), self.client()
        call, mailbox = client.begin("echo", "text"), client._mailbox
        # As that server would have it.
        self.assertTrue(mailbox._acquire(None))
        server.dispatch()
        self.assertEqual(self.served(server, call).value, "text")
        self.assertIsNot(client._mailbox, mailbox)

    def test_have_values_of_their_own(self):
        upper = mmfbus.Codec("upper", lambda text: text.upper().encode(), lambda data: data.decode())
        values = {"echo": mmfbus_service.Values(upper, upper)}
        self.running(values=values)
        self.assertEqual(self.client(values=values).call("echo", "text"), "TEXT")
        self.assertEqual(self.client(codec="raw").call("echo", b"Text"), b"TEXT")

    def test_whose_values_cannot_be_read_are_refused(self):
        text = mmfbus.Codec("text", lambda text: text.encode(), lambda data: data.decode())
        values = {method: mmfbus_service.Values(text, text) for method in ("echo", "sum")}
        self.running(values=values)
        client = self.client(codec="raw")
        error = self.refused("REFUSED", client.call, "echo", b"\xff")
        self.assertIn("can't decode", str(error))
        self.refused("REFUSED", client.call, "sum", [b"\xff"], started="maybe")
        number = mmfbus.Codec("number", str.encode, int)
        other = self.client(values={"echo": mmfbus_service.Values(text, number)})
        self.assertIn("its answer cannot be read", str(self.refused("REFUSED", other.call, "echo", "text", started="maybe")))


class Serving(ServiceTest):
    def test_a_context_answers_once(self):
        server, client = self.server(), self.client()
        call = client.begin("keep", "text")
        while not self.handlers.kept:
            server.dispatch()
        context = self.handlers.kept.pop()
        self.refused("REFUSED", context.answer, object(), started="maybe")
        self.refused("INVALID_ARGUMENT", context.try_answer_item, 1)
        context.answer_refused("not today")
        self.refused("INVALID_ARGUMENT", context.answer, "again")
        self.assertIn("not today", str(self.served(server, call).error))

    def test_a_handler_sends_items_by_itself(self):
        def count(end, context):
            for number in range(end):
                self.assertEqual(context.answer_item(number, WATCHDOG), "sent")
            context.answer()
            return LATER

        self.handlers.count = count
        self.running()
        self.assertEqual(list(self.client().stream("count", 20_000)), list(range(20_000)))

    def test_a_handler_cannot_run_its_server(self):
        server = self.server()
        self.handlers.note = lambda text, context: [
            self.refused("INVALID_ARGUMENT", act) for act in (server.run, server.dispatch, server.arm, server.drain, server.close)
        ]
        client = self.client()
        client.call_one_way("note", "text")
        while server._done == 0:
            server.dispatch()

    def test_a_generator_waits_for_news(self):
        server, client = self.server(), self.client()
        calls = [client.begin("double") for _ in range(2)]
        end = time.monotonic() + WATCHDOG
        for number in range(100):
            for call in calls:
                while call.try_send(number) == "full":
                    self.assertLess(time.monotonic(), end, "there is no credit")
                    server.dispatch()
                self.assertEqual(self.served(server, call).value, 2 * number)
        for call in calls:
            call.end()
            self.assertFalse(self.served(server, call).has_value)
            self.assertEqual(call.try_send(1), "ended")

    def test_a_generator_answers_a_value(self):
        def keep(text, context):
            for _ in range(3):
                context._has_news = True
                yield WAIT
            return text

        self.handlers.keep = keep
        self.handlers.echo = lambda text, context: (part for part in text)
        self.running()
        self.assertEqual(self.client().call("keep", "text"), "text")
        error = self.refused("REMOTE", self.client().call, "echo", "text", started="maybe")
        self.assertEqual(error.name, "TypeError")

    def test_a_drain_loses_no_call(self):
        server, client = self.server(concurrency=1), self.client(wait_for_server=WATCHDOG)
        kept, moved = client.begin("keep", "kept"), client.begin("echo", "moved")
        while not self.handlers.kept:
            server.dispatch()
        self.assertIsInstance(self.refused("TIMEOUT", server.drain, 0.01), mmfbus.Timeout)
        self.assertTrue(client.servers()[0].is_draining)
        self.running()
        self.assertEqual(moved.result(), "moved")
        self.handlers.kept.pop().answer("yes")
        server.drain(WATCHDOG)
        server.close()
        self.assertEqual(kept.result(), "yes")

    def test_a_server_that_closes_answers_what_it_has_begun(self):
        server, client = self.server(), self.client()
        self.handlers.give_up = lambda context: None
        kept, counted = client.begin("keep", "text"), client.begin("count", 2**32 - 1)
        while not (self.handlers.kept and counted._items):
            server.dispatch()
            counted._client._step()
        server.close()
        error = self.refused("REMOTE", kept.result, started="maybe")
        self.assertEqual((error.name, error.text), ("Cancelled", "the server was closed"))
        self.refused("REMOTE", counted.result, started="maybe")
        self.assertEqual(self.handlers.closed, ["count"])
        self.refused("NO_SERVER", client.call, "echo", "text")
        self.refused("CLOSED", server.run)

    def test_runs_for_a_time(self):
        server = self.server()
        self.assertFalse(server.run(0.001))
        server.stop()
        self.assertTrue(server.run(WATCHDOG))

    def test_an_exception_that_is_no_error_ends_the_run(self):
        server, client = self.server(), self.client()

        def interrupted(text, context):
            raise KeyboardInterrupt

        self.handlers.keep = interrupted
        server._handlers["keep"] = interrupted
        call = client.begin("keep", "text")
        with self.assertRaises(KeyboardInterrupt):
            server.run(WATCHDOG)
        server.close()
        self.assertEqual(self.refused("REMOTE", call.result, started="maybe").name, "Cancelled")


class Waiting(ServiceTest):
    def test_by_asyncio(self):
        """A server and a client in one loop, which have a call for each number at the same time."""
        server, client = self.server(), self.client()

        def attend(loop, end, look):
            def turn():
                look()
                wait = end.arm()
                if wait == 0:
                    loop.call_soon(turn)
                elif wait is not None:
                    loop.call_later(wait, turn)

            loop.add_reader(end.fileno(), turn)
            loop.call_soon(turn)

        async def main():
            loop = asyncio.get_running_loop()
            answers = {}

            def take_answers():
                while (answer := client.try_answer()) is not None:
                    answers.pop(answer.call).set_result(answer.value)

            attend(loop, server, server.dispatch)
            attend(loop, client, take_answers)
            futures = []
            for number in range(100):
                futures.append(loop.create_future())
                answers[client.begin("echo", str(number))] = futures[-1]
                await asyncio.sleep(0)
            loop.call_soon(take_answers)
            values = await asyncio.wait_for(asyncio.gather(*futures), WATCHDOG)
            for end in (server, client):
                loop.remove_reader(end.fileno())
            return values

        self.assertEqual(asyncio.run(main()), [str(number) for number in range(100)])

    def test_takes_no_time_where_nothing_is_to_do(self):
        """Arming comes to rest, also after a call that found no room was given up."""
        server, client = self.server(), self.client()
        for _ in range(20):
            client.begin("keep", "x" * 100_000).cancel()
        # The server makes room for calls that are not to be sent any more.
        for end, look in ((server, server.dispatch), (client, client.try_answer)):
            for _ in range(1000):
                look()
                if end.arm() != 0:
                    break
            else:
                self.fail("it is never at rest")
            # Armed twice, it sleeps once.
            end.arm()
            look()
            sleepers = [participant._words.load32(mmfbus._HEADER_SLEEPERS) for participant in end._sharers()[:2]]
            self.assertEqual(sleepers, [0, 0])

    def test_a_forked_child_has_nothing(self):
        server, client = self.running(), self.client()
        pid = os.fork()
        if pid == 0:
            codes = []
            for act in (lambda: client.call("echo", "text"), client.arm, server.dispatch):
                try:
                    act()
                except ServiceError as error:
                    codes.append(error.code)
            client.close()
            server.close()
            os._exit(0 if codes == ["FORKED"] * 3 else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(client.call("echo", "text"), "text")


class Damage(ServiceTest):
    def test_of_the_mailbox_ends_the_calls_that_count_on_it(self):
        server, client = self.server(concurrency=1), self.client(wait_for_server=WATCHDOG)
        begun, waiting = client.begin("keep", "a"), client.begin("echo", "b")
        while not self.handlers.kept:
            server.dispatch()
        mailbox = client._mailbox
        mailbox._words.store64(mmfbus._HEADER_TAIL, 1)
        self.refused("MAILBOX_LOST", begun.result, started="maybe")
        self.assertIsNot(client._mailbox, mailbox)
        self.assertEqual(self.served(server, waiting).value, "b")
        self.assertEqual(self.handlers.cancelled, ["keep"])

    def test_of_the_registry_ends_the_client(self):
        server, client = self.server(), self.client()
        call = client.begin("keep", "a")
        while not self.handlers.kept:
            server.dispatch()
        words = client._registry._words
        words.store64(mmfbus._HEADER_TAIL, 1)
        words.add32(mmfbus._HEADER_CLOSED_EPOCH, 1)
        self.refused("CORRUPTED", call.result, started="maybe")
        self.refused("CORRUPTED", client.call, "echo", "text")
        words.store64(mmfbus._HEADER_TAIL, 0)

    def test_of_the_inbox_ends_the_server(self):
        server, client = self.server(), self.client(wait_for_server=WATCHDOG)
        call = client.begin("keep", "a")
        while not self.handlers.kept:
            server.dispatch()
        server._inbox._words.store64(mmfbus._HEADER_TAIL, 1)
        self.refused("CORRUPTED", server.dispatch)
        self.refused("CORRUPTED", server.run)
        server.close()
        self.refused("SERVER_DIED", call.result, started="maybe")


class Leftovers(ServiceTest):
    def test_of_the_dead_are_removed(self):
        code = [sys.executable, __file__, "die", self.service, CONTRACT]
        client = self.client(wait_for_server=WATCHDOG)
        for _ in range(3):
            client.begin("echo", "text")
        # The calls are sent while the client waits.
        with subprocess.Popen(code) as dying:
            answers = [client.next_answer(WATCHDOG)]
            self.assertEqual(dying.wait(WATCHDOG), 0)
        self.assertEqual([name for name in os.listdir(mmfbus._directory()) if f"{self.service}~calls." in name], [])
        self.running()
        while len(answers) < 3:
            answers.append(client.next_answer(WATCHDOG))
        ended = sorted("text" if answer.error is None else f"{answer.error.code} {answer.error.started}" for answer in answers)
        self.assertEqual(ended, ["SERVER_DIED maybe", "text", "text"])

    def test_are_none_where_all_was_closed(self):
        server, client = self.server(), self.client()
        call = client.begin("echo", "text")
        self.assertEqual(self.served(server, call).value, "text")
        client.close()
        server.close()
        self.assertEqual([name for name in os.listdir(mmfbus._directory()) if self.service in name], [])


def die(service, contract):
    """A server that ends without closing when it has begun a call."""
    names = [name for name, _ in json.loads(contract)["methods"]]
    with Server(service, contract, {name: lambda *_: os._exit(0) for name in names}) as server:
        server.run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["die"]:
        die(*sys.argv[2:])
    unittest.main()
