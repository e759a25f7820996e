"""One small produce request at a time, acks=1: how long each takes."""

from __future__ import annotations

import time

from benchmarks.clients.harness import Params, Result, measured, percentile, run
from benchmarks.wire import Wire, one_record_batch, produce_frame

_VERSION = 10


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, count, size_bytes. Result: p50_ms and p99_ms."""
    frame = produce_frame(_VERSION, params["topic"], b"", 0, one_record_batch(params["size_bytes"]))
    result: Result = {}
    with Wire(params["address"]) as wire:
        wire.produce(frame, _VERSION)
        with measured(params, result):
            times = timed(wire, frame, params["count"])
    return {**result, "p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99)}


def timed(wire: Wire, frame: bytes, count: int) -> list[float]:
    """Milliseconds for each of `count` requests."""
    times, clock = [], time.perf_counter
    for _ in range(count):
        start = clock()
        wire.exchange(frame)
        times.append((clock() - start) * 1000)
    return times


if __name__ == "__main__":
    run(main)
