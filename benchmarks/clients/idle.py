"""Connections that have said which versions they speak, and then nothing: memory of each."""

from __future__ import annotations

import time

from benchmarks.clients.harness import Params, Result, run
from benchmarks.processes import cpu_s, memory_bytes
from benchmarks.wire import greeted


def main(params: Params) -> Result:
    """Params: address, broker_pid, connections, settle_s. Result: bytes_each and idle_cpu, cores."""
    pid = params["broker_pid"]
    greeted(params["address"], 1)  # what the first one loads is not counted
    before = memory_bytes(pid)
    idle = greeted(params["address"], params["connections"])
    time.sleep(params["settle_s"])
    grown = memory_bytes(pid) - before
    cpu, start = cpu_s(pid), time.monotonic()
    time.sleep(2 * params["settle_s"])
    return {
        "bytes_each": max(grown, 0) / len(idle),
        "idle_cpu": (cpu_s(pid) - cpu) / (time.monotonic() - start),
    }


if __name__ == "__main__":
    run(main)
