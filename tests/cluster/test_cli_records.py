"""`ottla produce` and `ottla consume` against a real broker process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import ROOT, OttlaBroker

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with OttlaBroker(tmp_path_factory.mktemp("cli"), "log.retention.ms=-1") as broker:  # some records are of 2001
        yield Cli(broker.address)


def test_lines_come_out_as_they_went_in(cli: Cli) -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))
    assert cli.text("produce", "lines", "-z", "lz4", stdin=lines.encode()) == ""
    assert cli.text("consume", "lines", "-e") == lines


def test_keys_headers_partitions_and_nulls(cli: Cli) -> None:
    cli.text("topic", "create", "keyed", "-p", "3")
    cli.text("produce", "keyed", "-K:", "-Z", "-p", "2", "-H", "a=1", "-H", "b=", stdin=b"k1:v1\n:v2\nk3:\n")
    layout = "%p %o %k/%K %s/%S %h\\n"
    assert (
        cli.text("consume", "keyed", "-e", "-f", layout)
        == "2 0 k1/2 v1/2 a=1,b=\n2 1 /-1 v2/2 a=1,b=\n2 2 k3/2 /-1 a=1,b=\n"
    )
    assert cli.text("consume", "keyed", "-e", "-K", "|", "-Z", "-p", "2") == "k1|v1\nNULL|v2\nk3|NULL\n"
    assert cli.text("consume", "keyed", "-e", "-p", "0") == ""


def test_a_topic_is_copied_through_json(cli: Cli) -> None:
    cli.text("produce", "source", "-K:", "-D", ";", "-H", "h=x", stdin=b"k:\xff\xfe;k2:two\nlines;")
    copied = cli.text("consume", "source", "-J", "-e")
    assert [json.loads(line)["offset"] for line in copied.splitlines()] == [0, 1]
    cli.text("produce", "copy", "-J", stdin=copied.encode())
    done = cli.call("consume", "copy", "-e", "-f", "%k:%s;%h;")
    assert done.stdout == b"k:\xff\xfe;h=x;k2:two\nlines;h=x;"


def test_files_are_one_record_each_or_one_a_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    (tmp_path / "b").write_bytes(b"three")
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    cli.text("produce", "whole", *paths)
    assert cli.text("consume", "whole", "-e", "-D", "|") == "one\ntwo\n|three|"
    cli.text("produce", "split", "-l", *paths)
    assert cli.text("consume", "split", "-e") == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-o", "beginning", "-c", "2"], "0 1"),
        (["-o", "7", "-e"], "7 8 9"),
        (["-o", "-3", "-e"], "7 8 9"),
        (["-o", "end", "-e"], ""),
        (["-o", f"s@{10**12 + 6}", "-e"], "6 7 8 9"),
        (["-o", f"e@{10**12 + 2}"], "0 1"),
        (["-o", f"s@{10**12 + 3}", "-o", f"e@{10**12 + 5}"], "3 4"),
    ],
)
def test_where_to_begin_and_to_stop(cli: Cli, words: list[str], expected: str) -> None:
    lines = b"".join(b'{"payload":"%d","ts":%d}\n' % (number, 10**12 + number) for number in range(10))
    if "ten" not in cli.text("topic", "list", "-q").split():
        cli.text("produce", "ten", "-J", stdin=lines)
    assert cli.text("consume", "ten", *words).split() == expected.split()


def test_a_group_continues_where_it_stopped(cli: Cli) -> None:
    cli.text("produce", "shared", stdin=b"a\nb\nc\n")
    assert cli.text("consume", "shared", "-g", "g", "-c", "2") == "a\nb\n"
    assert cli.text("consume", "shared", "-g", "g", "-e") == "c\n"
    assert "a group decides itself" in cli.error("consume", "shared", "-g", "g", "-p", "0", code=2)


def test_what_cannot_be_delivered_or_read_is_said(cli: Cli) -> None:
    cli.text("topic", "create", "here")
    error = cli.error("produce", "here", "-p", "7", stdin=b"x\n")
    assert error == "not delivered: the topic has no such partition\nottla: 1 record of 1 could not be delivered"
    assert "Message size too large" in cli.error("produce", "here", stdin=bytes(2_000_000))
    assert cli.error("produce", "here", "-J", stdin=b"no json\n").startswith("not a record in JSON")
    assert cli.error("consume", "hre") == "there is no topic 'hre'; did you mean 'here'?"
    assert cli.error("consume", "here", "-p", "5") == "topic here has no partition 5; it has 0 to 0"
    assert cli.error("consume", "here", "-X", "foo=bar", code=2).startswith('no such configuration property: "foo"')


def test_a_reader_that_goes_away_ends_consume_quietly(cli: Cli) -> None:
    cli.text("produce", "long", stdin=b"line\n" * 50_000)
    pipe = f"{sys.executable} -m ottla consume long | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, timeout=60, env=_environment(cli))
    assert (done.stdout, done.stderr) == (b"line\nline\n141\n", b"")


def test_consume_waits_for_more_until_ctrl_c(cli: Cli) -> None:
    cli.text("produce", "live", stdin=b"first\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "ottla", "consume", "live"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(cli),
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    cli.text("produce", "live", stdin=b"second\n")
    assert process.stdout.readline() == b"second\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.strip()) == (130, b"")


def _environment(cli: Cli) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OTTLA_BOOTSTRAP": cli.address}
