"""What all loads share: parameters come as JSON, results go as JSON, and the load itself is measured on both sides."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.processes import cpu_s

Params = dict[str, Any]
Result = dict[str, Any]


@contextmanager
def measured(params: Params, result: Result) -> Iterator[None]:
    """Adds `elapsed_s`, `broker_cpu_s` and `client_cores` (CPU seconds for each second) to `result`."""
    pid = params["broker_pid"]
    broker, client, start = cpu_s(pid), time.process_time(), time.perf_counter()
    yield
    result["elapsed_s"] = time.perf_counter() - start
    result["client_cores"] = (time.process_time() - client) / result["elapsed_s"]
    result["broker_cpu_s"] = cpu_s(pid) - broker


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(load: Callable[[Params], Result]) -> None:
    """Runs a client process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(load(json.loads(sys.argv[1]))))
