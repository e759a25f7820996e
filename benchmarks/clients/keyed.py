"""librdkafka produces `count` values under random keys, each key many times: what there is to compact."""

from __future__ import annotations

import random

from confluent_kafka import Producer

from benchmarks.clients.harness import Params, Result, measured, run
from benchmarks.wire import Wire

_CHUNK = 2000


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, count, size_bytes, keys. One partition. Result: end_offset."""
    draw = random.Random(7)
    pool = draw.randbytes(1 << 16)
    producer = Producer({"bootstrap.servers": params["address"], "queue.buffering.max.messages": 500_000})
    left, size = params["count"], params["size_bytes"]
    result: Result = {}
    with measured(params, result):
        while left > 0:
            chunk = []
            for _ in range(min(_CHUNK, left)):
                start = draw.randrange(len(pool) - size)
                chunk.append({"key": b"key-%08d" % draw.randrange(params["keys"]), "value": pool[start : start + size]})
            while chunk:
                taken = producer.produce_batch(params["topic"], chunk, partition=0)
                left -= taken
                chunk = [] if taken == len(chunk) else [one for one in chunk if one.pop("_error", None) is not None]
                producer.poll(0.005 if chunk else 0)
        assert producer.flush(600) == 0
    with Wire(params["address"]) as wire:
        (result["end_offset"],) = wire.end_offsets(params["topic"], 1)
    assert result["end_offset"] == params["count"], f"{result['end_offset']} of {params['count']} records arrived"
    return result


if __name__ == "__main__":
    run(main)
