"""The benchmark's loads: what they send is what they say, and what they measure is a process's own."""

from __future__ import annotations

import os
import subprocess

import pytest

from benchmarks import processes, wire
from benchmarks.clients.harness import percentile
from benchmarks.clients.produce import json_values
from ottla.protocol.headers import read_request_header
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.batch import parse_header


@pytest.mark.parametrize("version", [9, 10, 13])
def test_a_produce_frame_is_one_valid_request(version: int) -> None:
    topic_id = bytes(range(16))
    frame = wire.produce_frame(version, "topic", topic_id, 3, wire.one_record_batch(100))
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    header = read_request_header(frame, 4)
    assert (header.api_key, header.api_version) == (0, version)
    request, end = ProduceRequest.decode(version, frame, header.body)
    assert end == len(frame)
    (data,) = request.topic_data
    assert (data.topic_id == topic_id) if version >= 13 else (data.name == "topic")
    records = data.partition_data[0].records
    assert records is not None and parse_header(records).record_count == 1


def test_a_fetch_frame_asks_for_each_partition_from_its_offset() -> None:
    frame = wire.fetch_frame("topic", {0: 5, 2: 7}, max_bytes=1000, max_wait_ms=10)
    request, _ = FetchRequest.decode(12, frame, read_request_header(frame, 4).body)
    assert [(one.partition, one.fetch_offset) for one in request.topics[0].partitions] == [(0, 5), (2, 7)]


def test_cpu_seconds_are_read_past_a_command_with_brackets() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = f"7 (a) (b c) S 1 7 7 0 -1 4194304 100 0 0 0 {2 * ticks} {ticks} {ticks} 0 20 0 1 0 100 0 0"
    assert processes.parse_cpu_s(stat) == 4.0


def test_a_process_has_memory_and_is_of_its_own_family() -> None:
    assert os.getpid() in processes.family(os.getpid())
    assert processes.memory_bytes(os.getpid()) > 1_000_000


def test_a_descendant_that_has_just_ended_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    monkeypatch.setattr(processes, "family", lambda pid: [pid, done.pid])
    assert processes.memory_bytes(os.getpid()) > 1_000_000
    assert processes.cpu_s(os.getpid()) > 0
    with pytest.raises(FileNotFoundError):
        processes.memory_bytes(done.pid)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0


def test_json_values_have_the_size_asked_for_and_are_the_same_each_time() -> None:
    values = json_values(1000)
    assert {len(value) for value in values} == {1000}
    assert values == json_values(1000)
