"""Takes measurements from Node, and prints their mean and standard deviation."""

import statistics

import mmfbus

values = []
with mmfbus.Subscriber("python-measurements", codec="json") as subscriber:
    while not isinstance(event := subscriber.receive(), mmfbus.PublishersGone):
        values.append(event.value["celsius"])

print(f"mean {statistics.mean(values):.2f}, standard deviation {statistics.stdev(values):.2f}")
