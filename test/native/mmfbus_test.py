"""Does the module for Python do what it says? Run with MMFBUS_DIRECTORY set, by test/src/native/python.test.ts."""

import datetime
import os
import select
import signal
import subprocess
import sys
import threading
import time
import unittest

MODULE_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages", "native", "python")
sys.path.insert(0, MODULE_FOLDER)
import msgpack  # noqa: E402

import mmfbus  # noqa: E402
import mmfbus_shape  # noqa: E402

# Seconds after which a wait is given up as hung.
WATCHDOG = 60
PRELUDE = f"import sys, os; sys.path.insert(0, {MODULE_FOLDER!r}); import mmfbus\n"


def run(code, **options):
    """Another process that runs that code."""
    return subprocess.Popen([sys.executable, "-c", PRELUDE + code], text=True, stdout=subprocess.PIPE, **options)


class ModuleTest(unittest.TestCase):
    def setUp(self):
        self.channel = f"python-{os.getpid()}-{self._testMethodName}"[:128]

    def publisher(self, **options):
        return self.enterContext(mmfbus.Publisher(self.channel, **{"codec": "raw", **options}))

    def subscriber(self, **options):
        return self.enterContext(mmfbus.Subscriber(self.channel, **{"codec": "raw", **options}))

    def enterContext(self, context):
        # That of unittest is there from Python 3.11 on.
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(mmfbus.Error) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.code, code)


class Codecs(ModuleTest):
    def check(self, codec, value):
        subscriber, publisher = self.subscriber(codec=codec), self.publisher(codec=codec)
        self.assertEqual(publisher.publish(value), 1)
        message = subscriber.receive(WATCHDOG)
        self.assertEqual((message.sequence, message.value), (1, value))
        self.assertLess(abs(time.monotonic_ns() - message.timestamp), WATCHDOG * 10**9)

    def test_json(self):
        self.check("json", {"a": [1, 2.5, None, "ü"]})

    def test_msgpack(self):
        self.check("msgpack", {"a": [1, 2.5, None, "ü", b"\0"]})

    def test_own(self):
        self.check(mmfbus.Codec("upper", str.encode, bytes.decode), "text")

    def test_raw_takes_bytes_only(self):
        self.refused("UNENCODABLE", self.publisher().publish, 5)


class Joining(ModuleTest):
    def test_compares(self):
        self.publisher(capacity=8192, history=2, max_message=100, schema='{"a":1}')
        for code, options in {
            "CAPACITY_MISMATCH": {"capacity": 4096},
            "HISTORY_MISMATCH": {"history": 3},
            "MAX_MESSAGE_MISMATCH": {"max_message": 99},
            "CODEC_MISMATCH": {"codec": "json"},
            "SCHEMA_MISMATCH": {"schema": "{}"},
            "EXISTS": {"open": "create"},
        }.items():
            self.refused(code, self.subscriber, **{"schema": '{"a":1}', **options})
        self.refused("SCHEMA_MISMATCH", self.subscriber)
        subscriber = self.subscriber(open="open", schema='{"a":1}')
        there = (subscriber.capacity, subscriber.history, subscriber.max_message, subscriber.schema)
        self.assertEqual(there, (8192, 2, 100, '{"a":1}'))

    def test_a_channel_without_a_schema_refuses_one(self):
        self.publisher()
        self.refused("SCHEMA_MISMATCH", self.subscriber, schema="{}")

    def test_takes_any(self):
        self.refused("NOT_FOUND", self.subscriber, schema="any")
        self.refused("INVALID_ARGUMENT", self.subscriber, schema="any", open="create")
        self.refused("INVALID_ARGUMENT", self.publisher, schema="any")
        publisher = self.publisher(codec="json", schema="{}")
        subscriber = self.subscriber(codec="msgpack", schema="any")
        publisher.publish({"a": 1})
        self.assertEqual((subscriber.receive(WATCHDOG).value, subscriber.codec), ({"a": 1}, "json"))

    def test_takes_no_codec_that_it_does_not_know(self):
        self.publisher(codec=mmfbus.Codec("upper", str.encode, bytes.decode))
        self.refused("CODEC_MISMATCH", self.subscriber, schema="any")
        self.subscriber(schema="any", codec=mmfbus.Codec("upper", str.encode, bytes.decode))

    def test_defaults(self):
        publisher = self.publisher(history=2)
        self.assertEqual((publisher.capacity, publisher.sequence), (8 << 20, 0))
        publisher.publish_all([b"a", b"b", b"c"])
        self.assertEqual(self.subscriber().try_receive().sequence, 2)
        self.assertIsNone(self.subscriber(start="latest").try_receive())

    def test_refuses(self):
        for code, options in {
            "NOT_FOUND": {"open": "open"},
            "INVALID_ARGUMENT": {"capacity": 5000},
            "INVALID_NAME": {"channel": "a/b"},
        }.items():
            options = {"channel": self.channel, **options}
            self.refused(code, mmfbus.Publisher, **options)
        self.refused("INVALID_ARGUMENT", self.publisher, history=1000, max_message=100_000)
        self.refused("INVALID_ARGUMENT", self.publisher, max_participants=1)
        for option in ("scope", "open", "slow_subscribers"):
            self.refused("INVALID_ARGUMENT", self.publisher, **{option: "never"})
        self.refused("INVALID_ARGUMENT", self.publisher, mode=0o1777)
        self.refused("INVALID_ARGUMENT", self.subscriber, start="never")
        self.refused("INVALID_ARGUMENT", self.subscriber, delivery="never")
        self.refused("INVALID_ARGUMENT", self.subscriber, otherwise="never")
        self.refused("INVALID_ARGUMENT", self.subscriber, start=1)
        self.refused("INVALID_ARGUMENT", self.subscriber, start=mmfbus.Position("none", 1))
        self.refused("INVALID_ARGUMENT", self.subscriber, start=mmfbus.Position("0" * 16, -1))

    def test_begins_after_a_position(self):
        publisher = self.publisher()
        publisher.publish(b"a")
        position = publisher.position
        self.assertRegex(position.incarnation, "^[0-9a-f]{16}$")
        self.assertEqual(position.sequence, 1)
        subscriber = self.subscriber(start=position)
        publisher.publish(b"b")
        self.assertEqual((subscriber.position, subscriber.receive(WATCHDOG).data), (position, b"b"))
        self.assertEqual(subscriber.position, publisher.position)
        self.refused("SEQUENCE_AHEAD", self.subscriber, start=position._replace(sequence=3))
        other = mmfbus.Position("00f1d0c2a8b94e57", 1)
        self.refused("OTHER_INCARNATION", self.subscriber, start=other)
        self.assertEqual(self.subscriber(start=other, otherwise="earliest").receive(WATCHDOG).data, b"a")
        self.assertEqual(self.subscriber(start=other, otherwise="latest").position.sequence, 2)

    def test_refuses_headers(self):
        publisher = self.publisher()
        for offset, value, code, text in (
            (8, 1, "VERSION_MISMATCH", "version 1 of the format, this is for 2"),
            (156, 0x50, "VERSION_MISMATCH", "bits 0x50"),
            (152, 7, "PATTERN_MISMATCH", "pattern 7, not 1"),
        ):
            before = publisher._memory[offset : offset + 4]
            publisher._memory[offset : offset + 4] = value.to_bytes(4, "little")
            with self.assertRaises(mmfbus.Error) as raised:
                self.subscriber()
            publisher._memory[offset : offset + 4] = before
            self.assertEqual(raised.exception.code, code)
            self.assertIn(text, str(raised.exception))
        publisher._memory[160:164] = bytes([255] * 4)
        self.subscriber()

    def test_tells_of_publishers_that_come_and_go(self):
        first = self.publisher(name="first")
        subscriber = self.subscriber(publisher_events=True)
        second = self.publisher(name="sec\x1bond")
        second.publish(b"a")
        joined, message = subscriber.receive(WATCHDOG), subscriber.receive(WATCHDOG)
        self.assertEqual(joined, mmfbus.PublisherJoined(message.publisher, "sec\\u{1b}ond", os.getpid()))
        second.close()
        self.assertEqual(subscriber.receive(WATCHDOG), mmfbus.PublisherLeft(*joined, "left", 1))
        first.close()
        self.assertEqual((subscriber.receive(WATCHDOG)[3:], subscriber.receive(WATCHDOG)), (("left", 0), ("left",)))

    def test_waits_for_subscribers(self):
        publisher = self.publisher()
        self.refused("INVALID_ARGUMENT", publisher.wait_for_subscribers, 0)
        self.refused("TIMEOUT", publisher.wait_for_subscribers, 1, timeout=0.001)
        self.subscriber()
        self.assertEqual(publisher.wait_for_subscribers(), 1)

    def test_what_the_system_refuses(self):
        directory = os.environ["MMFBUS_DIRECTORY"]
        self.addCleanup(os.environ.__setitem__, "MMFBUS_DIRECTORY", directory)
        os.environ["MMFBUS_DIRECTORY"] = os.path.join(directory, "none")
        self.refused("NOT_FOUND", self.publisher, open="open")
        self.refused("OS_ERROR", self.publisher)

    def test_has_so_many_slots(self):
        members = [self.publisher(max_participants=2), self.subscriber()]
        self.refused("TOO_MANY_PARTICIPANTS", self.subscriber)
        members[1].close()
        self.subscriber()

    def test_what_is_no_channel(self):
        path = os.path.join(os.environ["MMFBUS_DIRECTORY"], f"mmfbus.{os.geteuid()}.{self.channel}")
        with open(path, "wb") as file:
            file.write(bytes(100_000))
        self.addCleanup(os.unlink, path)
        self.refused("NOT_A_CHANNEL", self.publisher)

    def test_closed(self):
        publisher = self.publisher()
        publisher.close()
        publisher.close()
        self.refused("CLOSED", publisher.publish, b"")


class Messages(ModuleTest):
    def test_full(self):
        subscriber, publisher = self.subscriber(capacity=4096), self.publisher()
        while (outcome := publisher.try_publish(bytes(100))) == "published":
            pass
        self.assertEqual((outcome, publisher.try_publish_all([bytes(100)] * 2)), ("full", "full"))
        with self.assertRaises(mmfbus.Timeout):
            publisher.publish(bytes(100), timeout=0.05)
        with self.assertRaises(mmfbus.Timeout):
            publisher.publish_all([bytes(100)], timeout=0)
        waiting = threading.Thread(target=publisher.publish, args=(bytes(100),))
        waiting.start()
        while subscriber.try_receive() is not None:
            pass
        waiting.join(WATCHDOG)
        self.assertFalse(waiting.is_alive())

    def test_too_large(self):
        publisher = self.publisher(capacity=4096, max_message=5000)
        self.refused("TOO_LARGE", publisher.publish, bytes(5001))
        self.refused("TOO_LARGE", publisher.try_publish, bytes(2000))
        self.refused("TOO_LARGE", publisher.publish_all, [bytes(500)] * 3)
        self.refused("TOO_LARGE", publisher.try_publish_all, [bytes(500)] * 3)
        self.refused("INVALID_ARGUMENT", publisher.publish_all, [])
        self.assertEqual(publisher.publish(bytes(5000), timeout=0), 1)
        self.assertEqual(publisher.publish_all([b"a", b"b"]), 2)
        self.assertEqual(publisher.sequence, 3)

    def test_says_when_it_was_published_if_it_is_told_to(self):
        subscriber, publisher = self.subscriber(), self.publisher(timestamps=False)
        publisher.publish(b"")
        self.assertEqual(subscriber.receive(WATCHDOG).timestamp, 0)

    def test_what_the_codec_refuses(self):
        subscriber, publisher = self.subscriber(codec="json"), self.publisher(codec="json")
        self.refused("UNENCODABLE", publisher.publish, b"bytes")
        publisher._codec = mmfbus.Codec("json", bytes, bytes)
        publisher.publish(b"no json")
        message = subscriber.receive(WATCHDOG)
        self.refused("UNDECODABLE", lambda: message.value)

    def test_what_a_signal_handler_raises_is_left_as_it_is(self):
        class Interrupt(Exception):
            pass

        def interrupted(_):
            raise Interrupt

        self.assertRaises(Interrupt, self.publisher(codec=mmfbus.Codec("raw", interrupted, bytes)).publish, b"")

    def test_polls_before_it_sleeps(self):
        subscriber, publisher = self.subscriber(poll_window=WATCHDOG), self.publisher()
        received = []
        thread = threading.Thread(target=lambda: received.append(subscriber.receive(WATCHDOG)))
        thread.start()
        publisher.publish(b"a")
        thread.join(WATCHDOG)
        self.assertEqual((received[0].data, subscriber._words.load32(subscriber._own + mmfbus._SLOT_SLEEPS)), (b"a", 0))

    def test_iterates_until_the_publishers_have_left(self):
        subscriber, publisher = self.subscriber(), self.publisher()
        publisher.publish_all([b"a", b"b"])
        publisher.close()
        self.assertEqual([message.data for message in subscriber], [b"a", b"b"])

    def test_who_was_given_up_makes_room_for_all(self):
        self.subscriber(capacity=4096)
        waiting = self.publisher()
        while waiting.try_publish(bytes(100)) == "published":
            pass
        waiter = threading.Thread(target=waiting.publish, args=(bytes(100),))
        waiter.start()
        while waiting._words.load32(mmfbus._HEADER_ROOM_WAITERS) == 0:
            time.sleep(0.001)
        self.publisher(slow_subscribers="disconnect").publish(bytes(100))
        waiter.join(WATCHDOG)
        self.assertFalse(waiter.is_alive())

    def test_wakes_an_event_loop(self):
        subscriber = self.subscriber()
        publisher = self.publisher()
        while subscriber.arm() != None:  # noqa: E711
            self.assertIsNone(subscriber.try_receive())
        self.assertEqual(select.select([subscriber], [], [], 0)[0], [])
        publisher.publish(b"a")
        self.assertEqual(select.select([subscriber], [], [], WATCHDOG)[0], [subscriber])
        self.assertEqual(subscriber.try_receive().data, b"a")
        # And by the death of a publisher, for which no bell is rung.
        publisher.close()
        self.assertEqual(subscriber.try_receive(), mmfbus.PublishersGone("left"))
        other = run(f"mmfbus.Publisher({self.channel!r}, 'raw'); print(flush=True); sys.stdin.read()", stdin=subprocess.PIPE)
        other.stdout.readline()
        while subscriber.arm() != None:  # noqa: E711
            self.assertIsNone(subscriber.try_receive())
        other.kill()
        other.communicate()
        while (event := subscriber.try_receive()) is None:
            wait = subscriber.arm()
            self.assertTrue(select.select([subscriber], [], [], WATCHDOG if wait is None else wait)[0] or wait == 0)
        self.assertEqual(event, mmfbus.PublishersGone("died"))


class Processes(ModuleTest):
    def test_an_end_without_closing_leaves_nothing(self):
        code = f"mmfbus.Publisher({self.channel!r}, 'raw').publish(b'a')"
        self.assertEqual(run(code).communicate(timeout=WATCHDOG)[0], "")
        left = [name for name in os.listdir(os.environ["MMFBUS_DIRECTORY"]) if self.channel in name]
        self.assertEqual(left, [])

    def test_a_forked_child_does_not_fake_the_life_of_its_parent(self):
        code = f"""
publisher = mmfbus.Publisher({self.channel!r}, 'raw')
child = os.fork()
if child == 0:
    try:
        publisher.publish(b'')
    except mmfbus.Error as error:
        print(error.code, flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.readline()
os.kill(os.getpid(), 9)
"""
        subscriber = self.subscriber()
        parent = run(code, stdin=subprocess.PIPE)
        self.addCleanup(parent.communicate)
        self.assertEqual(parent.stdout.readline(), "FORKED\n")
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        self.assertEqual(subscriber.receive(WATCHDOG), mmfbus.PublishersGone("died"))

    def test_a_signal_interrupts_without_harm(self):
        class Interrupt(Exception):
            pass

        is_inside = False

        def interrupt(*_):
            nonlocal is_inside
            if is_inside:
                is_inside = False
                raise Interrupt

        previous = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, previous)
        witness = self.subscriber(capacity=4096, delivery="lossy")
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for _ in range(100):
            subscriber, publisher = self.subscriber(), self.publisher()
            try:
                is_inside = True
                while True:
                    publisher.publish(bytes(100), WATCHDOG)
                    while subscriber.try_receive() is not None:
                        pass
            except Interrupt:
                publisher.close()
                subscriber.close()
            while isinstance(witness.try_receive(), (mmfbus.Message, mmfbus.Gap)):
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        last = self.publisher().publish(b"last", WATCHDOG)
        while not isinstance(message := witness.receive(WATCHDOG), mmfbus.Message):
            pass
        self.assertEqual((message.sequence, message.data), (last, b"last"))

    def test_a_slot_without_a_pid_does_not_say_whose_it_is(self):
        publisher, nonce, slot = self.publisher(), 0x1234, 1
        words, at = publisher._words, publisher._at(slot)
        words.store64(at + mmfbus._SLOT_NONCE, nonce)
        words.store64(at + mmfbus._SLOT_IDENTITY_NONCE, nonce)
        for pid, is_dead in ((os.getpid(), False), (0, True)):
            words.store32(at + mmfbus._SLOT_PID, pid)
            self.assertEqual(publisher._is_dead(slot, nonce), is_dead, f"the pid {pid}, and no bell")
        words.store64(at + mmfbus._SLOT_NONCE, 0)

    def test_what_is_refused_changes_nothing(self):
        publisher = self.publisher(capacity=4096, history=8, max_message=100)
        for _ in range(40):
            publisher.publish(bytes(100))
        before = publisher._memory[:]
        for refused in ([bytes(100)] * 20, [bytes(101)], [b""] * 200):
            with self.assertRaises(mmfbus.Error):
                publisher.try_publish_all(refused)
        self.assertEqual(publisher._memory[:], before)
        subscriber = self.subscriber(start="history")
        self.assertEqual([subscriber.receive(WATCHDOG).sequence for _ in range(8)], list(range(33, 41)))


class Values(unittest.TestCase):
    def test_timestamps_are_cut(self):
        second = datetime.timedelta(seconds=1)
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        for seconds in (-62135596800, -2, -1, 0, 2147483647, 253402300799):
            time = epoch + seconds * second + datetime.timedelta(microseconds=999_999)
            self.assertEqual(
                mmfbus_shape.timestamp.write(time), msgpack.Timestamp(seconds, 999_999_000), f"{seconds} s"
            )

    def test_a_message_has_a_limited_number_of_values(self):
        decode = mmfbus._codec_of("msgpack").decode
        most = 1 << 20
        values = ["text", b"bytes", 1, -1, 1 << 40, 1.5, None, {"key": [True]}, "long " * 100, msgpack.Timestamp(1, 1)]
        packed = msgpack.packb([*values, "x" * most], datetime=True)
        self.assertEqual(decode(packed)[:3], values[:3])
        self.assertEqual(len(decode(msgpack.packb([0] * (most - 1)))), most - 1)
        for element in (b"\x80", b"\x90", b"\xc0", b"\x91\x90"):
            with self.assertRaisesRegex(ValueError, "more than 1048576 values"):
                decode(b"\xdd" + most.to_bytes(4, "big") + element * most)


if __name__ == "__main__":
    unittest.main()
