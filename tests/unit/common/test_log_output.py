"""Lines never hold up whoever writes them: a pipe that nobody reads, a closed one, a full disk."""

from __future__ import annotations

import os
import re
import threading

from ottla.common.log import FACT_CHARACTERS_MAX, LINES_A_SECOND, Log
from ottla.common.log_output import LogOutput, LogStream
from ottla.testing.clock import SimClock


def output_to(descriptor: int, max_bytes: int = 100_000) -> LogOutput:
    return LogOutput(descriptor, lambda lines: f"dropped {lines}\n", max_bytes)


def test_a_pipe_that_nobody_reads_costs_lines_and_no_time() -> None:
    reader, writer = os.pipe()
    output = output_to(writer, max_bytes=200_000)
    line = "x" * 99 + "\n"
    for _ in range(10_000):  # a megabyte; the pipe takes 64 KiB, the buffer 200 kB
        output.write(line)
    assert output.dropped >= 7_000
    assert output.close(timeout_s=0.01) is False, "the thread still waits for the reader"
    text = b""
    while sum(map(int, re.findall(rb"dropped (\d+)\n", text))) < output.dropped:  # told as soon as somebody reads
        text += os.read(reader, 1 << 16)
    os.close(reader)
    os.close(writer)


def test_a_closed_pipe_and_a_full_disk_raise_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = output_to(writer)
    output.write("nobody reads this\n")
    assert output.close()
    assert output.dropped == 1
    os.close(writer)
    full = os.open("/dev/full", os.O_WRONLY)
    output = output_to(full)
    LogStream(output, full).write("no room\n")
    assert output.close()
    assert output.dropped == 1
    os.close(full)


def test_no_thread_runs_before_the_first_line() -> None:
    before = threading.active_count()
    output = output_to(2)
    assert threading.active_count() == before
    assert output.close()


def lines_of(**options: str) -> tuple[Log, list[str], SimClock]:
    lines: list[str] = []
    clock = SimClock()
    return Log(clock, lines.append, **options), lines, clock  # type: ignore[arg-type]


def test_what_a_terminal_would_obey_is_quoted() -> None:
    log, lines, _ = lines_of()
    log.info("connection.closed", client="\x1b[2J\x07evil", reason="a\rb", name="päron", empty="")
    assert lines[0].split(" ", 2)[2] == (
        "connection.closed client='\\x1b[2J\\x07evil' reason='a\\rb' name=päron empty=''\n"
    )


def test_a_fact_that_cannot_be_said_and_one_that_is_too_long_break_nothing() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError

    log, lines, _ = lines_of()
    log.info("request.failed", it=Broken(), name="x" * 40_000)
    assert "it='<Broken that raises ValueError>'" in lines[0]
    assert len(lines[0]) < FACT_CHARACTERS_MAX + 200


def test_an_event_that_comes_too_often_is_summed_up() -> None:
    log, lines, clock = lines_of()
    for _ in range(1000):
        log.info("connection.closed")
        log.debug("request.answered")
    assert len(lines) == LINES_A_SECOND
    log.warn("partition.moved")
    assert len(lines) == LINES_A_SECOND + 1, "other events are not held back"
    clock.advance(1001)
    log.info("connection.closed")
    assert lines[-1].endswith(f"connection.closed omitted={1000 - LINES_A_SECOND}\n")
    assert log.omitted == 1000 - LINES_A_SECOND


def test_json_is_one_object_a_line() -> None:
    import json

    log, lines, _ = lines_of(form="json")
    log.info("partition.moved", partition="t-0", bytes=12, folder='a "b"\n')
    assert json.loads(lines[0]) == {
        "time": "2026-01-01T00:00:00.000Z", "level": "info", "event": "partition.moved", "partition": "t-0",
        "bytes": 12, "folder": 'a "b"\n',
    }  # fmt: skip
    assert lines[0].count("\n") == 1


def test_a_clock_beyond_the_calendar_still_stamps_lines() -> None:
    lines: list[str] = []
    log = Log(SimClock(start_ms=1 << 70), lines.append)
    log.info("broker.started")
    assert lines == [f"{1 << 70}ms info broker.started\n"]
