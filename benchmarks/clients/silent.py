"""Consumers that ask for a lot and never read: what they cost the broker, and what their neighbours feel."""

from __future__ import annotations

import time

from benchmarks.clients.harness import Params, Result, measured, percentile, run
from benchmarks.clients.latency import timed
from benchmarks.processes import memory_bytes
from benchmarks.wire import Wire, fetch_frame, greeted, one_record_batch, produce_frame

_VERSION = 10


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, partitions, neighbour (a topic), consumers, ask_bytes, count, settle_s."""
    address = params["address"]
    produce = produce_frame(_VERSION, params["neighbour"], b"", 0, one_record_batch(100))
    offsets = dict.fromkeys(range(params["partitions"]), 0)
    fetch = fetch_frame(params["topic"], offsets, max_bytes=params["ask_bytes"], max_wait_ms=500)
    before = memory_bytes(params["broker_pid"])
    silent = greeted(address, params["consumers"])
    result: Result = {}
    with Wire(address) as wire:
        wire.produce(produce, _VERSION)
        with measured(params, result):
            for one in silent:
                one.socket.sendall(fetch)
            times = timed(wire, produce, params["count"])
            time.sleep(params["settle_s"])
            grown = memory_bytes(params["broker_pid"]) - before
    return {**result, "p99_ms": percentile(times, 0.99), "memory_bytes": max(grown, 0)}


if __name__ == "__main__":
    run(main)
