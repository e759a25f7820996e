"""A new consumer group, from the consumer's creation to its first message, a few times over."""

from __future__ import annotations

import time

from confluent_kafka import Consumer

from benchmarks.clients.harness import Params, Result, measured, percentile, run


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, group, count. Result: first_s, the median."""
    times = []
    result: Result = {}
    with measured(params, result):
        for number in range(params["count"]):
            start = time.perf_counter()
            config = {"group.id": f"{params['group']}-{number}", "auto.offset.reset": "earliest"}
            consumer = Consumer({"bootstrap.servers": params["address"], **config})
            consumer.subscribe([params["topic"]])
            message = consumer.poll(30)
            assert message is not None and message.error() is None, "no message in 30 s"
            times.append(time.perf_counter() - start)
            consumer.close()
    return {**result, "first_s": percentile(times, 0.5)}


if __name__ == "__main__":
    run(main)
