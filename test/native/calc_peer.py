"""A server and a client of the service in test/src/generated/calc-service.ts, by the module that is generated from its contract.

    calc_peer.py serve <service>    serves until its standard input ends
    calc_peer.py call <service>     calls each method, and prints what it gets
    calc_peer.py hints              resolves the type hints of the modules whose names it reads
"""

import importlib
import select
import sys
import typing


def serve(service):
    import calc
    import mmfbus_service

    class Handlers:
        def add(self, input, context):
            if input.a > 100:
                raise calc.add_overflow(calc.AddErrorOverflow(limit=100))
            return input.a + input.b

        def log(self, text, context):
            print(f"log {text}", flush=True)

        def reset(self, input, context):
            pass

        def sum(self, numbers, context):
            return sum(numbers)

        def ticks(self, input, context):
            for price in range(input.count):
                yield calc.TicksItem(input.symbol, price)

    try:
        calc.serve(object(), service)
        sys.exit("a server without handlers")
    except mmfbus_service.ServiceError as error:
        assert error.code == "INVALID_HANDLERS", error
    with calc.serve(Handlers(), service, name="python") as server:
        print("ready", flush=True)
        while True:
            server.dispatch()
            ready, _, _ = select.select([sys.stdin, server], [], [], server.arm())
            if sys.stdin in ready:
                return


def call(service):
    import calc
    import mmfbus_service

    with calc.CalcClient(service, timeout=60) as client:
        print(f"add {client.add(calc.AddInput(1, 2)):g}")
        try:
            client.add(calc.AddInput(101, 2))
        except mmfbus_service.DeclaredError as error:
            print(f"{error.code} {error.data.limit:g} as declared")
        try:
            client.add("1 + 2")
        except mmfbus_service.ServiceError as error:
            assert (error.code, error.started) == ("REFUSED", False), error
        client.log("hello")
        client.reset()
        print(f"sum {client.sum(float(number) for number in range(101)):g}")
        for tick in client.ticks(calc.TicksInput("AAPL", 3)):
            print(f"tick {tick.symbol} {tick.price:g}")


def hints():
    for name in sys.stdin.read().split():
        module = importlib.import_module(name)
        for thing in list(vars(module).values()):
            if getattr(thing, "__module__", None) != name:
                continue
            for part in [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]:
                if isinstance(part, type) or hasattr(part, "__annotations__"):
                    typing.get_type_hints(part)
        print(name)


{"serve": serve, "call": call, "hints": hints}[sys.argv[1]](*sys.argv[2:])
