"""librdkafka produces `count` values of `size_bytes` as fast as it can; the broker's offsets must say so after it."""

from __future__ import annotations

import json
import random

from confluent_kafka import Producer

from benchmarks.clients.harness import Params, Result, measured, run
from benchmarks.wire import Wire

_CHUNK = 2000


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, partitions, count, size_bytes, text (compressible JSON), config."""
    values = json_values(params["size_bytes"]) if params["text"] else [b"x" * params["size_bytes"]]
    chunk = [{"value": values[index % len(values)]} for index in range(_CHUNK)]
    topic, left = params["topic"], params["count"]
    with Wire(params["address"]) as wire:
        before = sum(wire.end_offsets(topic, params["partitions"]))
    producer = Producer(
        {"bootstrap.servers": params["address"], "queue.buffering.max.messages": 500_000, **params["config"]}
    )
    producer.produce(topic, values[0])  # the set-up is not measured: librdkafka may wait 0.5 s for its producer id
    producer.flush()
    result: Result = {}
    with measured(params, result):
        while left > 0:
            taken = producer.produce_batch(topic, chunk[:left])
            left -= taken
            producer.poll(0 if taken == len(chunk) else 0.005)
            if taken < len(chunk):
                for message in chunk:  # a full queue marks those that were not taken
                    message.pop("_error", None)
        producer.flush()
    with Wire(params["address"]) as wire:
        arrived = sum(wire.end_offsets(topic, params["partitions"])) - before
    assert arrived == params["count"] + 1, f"{arrived - 1} of {params['count']} records arrived"
    return result


def json_values(size_bytes: int) -> list[bytes]:
    """Events as services write them; they shrink to a third or a quarter."""
    draw = random.Random(7)
    values = []
    for number in range(1000):
        text = ""
        while len(text) < size_bytes:
            event = {
                "flight": number, "carrier": draw.choice(["UA", "AA", "DL", "B6"]), "delay": draw.randint(-20, 300),
                "tail": f"N{draw.randint(10_000, 99_999)}", "distance": draw.random() * 3000,
            }  # fmt: skip
            text += json.dumps(event)
        values.append(text[:size_bytes].encode())
    return values


if __name__ == "__main__":
    run(main)
