"""The command line when things go wrong: brokers that die, ports of something else, waits, Ctrl-C. Real processes."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import ROOT, OttlaBroker

pytestmark = pytest.mark.process

ENDS_WITHIN_S = 5.0
"""Ctrl-C takes a second; the rest is room for a busy machine. It took 45 s and more."""


@contextmanager
def running(address: str, *words: str, stdin: int | None = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work; killed at the end if it still is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ottla", *words],
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OTTLA_BOOTSTRAP": address},
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().decode().removeprefix("ottla: ").rstrip()


def interrupt(process: subprocess.Popen[bytes]) -> tuple[int, str, float]:
    """The exit code after Ctrl-C, what was said, and how long it took."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said.decode(), time.monotonic() - began


@pytest.mark.parametrize("words", [["consume", "t"], ["consume", "t", "-g", "g"]], ids=["alone", "in a group"])
def test_consume_tells_of_a_broker_that_dies_and_ctrl_c_ends_it(tmp_path: Path, words: list[str]) -> None:
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("produce", "t", stdin=b"one\n")
        with running(broker.address, *words) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"one\n"
            broker.kill()
            assert line_of(process) == (
                f"no broker answers at {broker.address} any more; trying again until it does, Ctrl-C stops"
            )
            code, said, seconds = interrupt(process)
    assert code == 130, said
    assert seconds < ENDS_WITHIN_S


def test_produce_tells_of_a_broker_that_dies_and_ctrl_c_gives_up_what_is_left(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("topic", "create", "t")
        with running(broker.address, "produce", "t", stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(b"one\n")
            process.stdin.flush()
            reader = Cli(broker.address)
            while reader.text("consume", "t", "-e") != "one\n":
                pass
            broker.kill()
            assert line_of(process).startswith(f"no broker answers at {broker.address} any more")
            process.stdin.write(b"two\n")
            process.stdin.close()
            process.stdin = None
            assert line_of(process) == "waiting for 1 record to be delivered; Ctrl-C gives them up"
            code, said, seconds = interrupt(process)
    assert code == 130
    assert "1 record had not been delivered when it was stopped" in said
    assert seconds < ENDS_WITHIN_S


def test_a_broker_that_comes_back_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("topic", "create", "t")
        with running(broker.address, "produce", "t", stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(b"one\n")
            process.stdin.flush()
            while Cli(broker.address).text("consume", "t", "-e") != "one\n":
                pass
            broker.kill()
            assert line_of(process).startswith("no broker answers")
            process.stdin.write(b"two\n")
            process.stdin.close()
            process.stdin = None
            assert line_of(process).startswith("waiting for 1 record")
            broker.start()
            assert line_of(process).startswith(f"a broker answers at {broker.address} again")
            assert process.wait(60) == 0
        assert Cli(broker.address).text("consume", "t", "-e") == "one\ntwo\n"


def test_produce_to_a_topic_that_is_not_made_says_so_at_once(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path, "auto.create.topics.enable=false") as broker:
        cli = Cli(broker.address)
        cli.text("topic", "create", "orders")
        assert cli.error("produce", "ordrs", stdin=b"x\n") == (
            "there is no topic 'ordrs'; did you mean 'orders'?, and this cluster makes none at first use "
            "(auto.create.topics.enable); `ottla topic create ordrs` makes it"
        )


@contextmanager
def server(answer: bytes | None, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A port that answers each connection with some bytes, once it was spoken to."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with connection if context is None else context.wrap_socket(connection, server_side=True) as spoken:
                    spoken.recv(64)
                    if answer:
                        spoken.sendall(answer)
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


@pytest.mark.parametrize("command", [["topic", "list"], ["consume", "t"], ["produce", "t"]], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP server answers there; /metrics and /health have a port"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server answers there; name the port of Kafka's protocol"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "that port speaks TLS; "),
        (None, "something there takes connections and closes them when it is spoken to"),
        (b"hello, who are you?\n", "something there does not answer in Kafka's protocol"),
    ],
    ids=["http", "ssh", "tls", "closes", "other"],
)
def test_a_port_of_something_else_is_told_by_what_it_says(command: list[str], answer: bytes | None, words: str) -> None:
    with server(answer) as address:
        error = Cli(address).error(*command)
    assert error.startswith(f"no Kafka broker answers at {address}: {words}")


def test_the_http_port_of_a_broker_is_told(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        error = Cli(f"127.0.0.1:{broker.http_port}").error("topic", "list")
    assert "an HTTP server answers there; /metrics and /health have a port of their own" in error


def test_a_wait_of_more_than_a_second_says_what_it_waits_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with running(address, "topic", "list") as process:
            assert line_of(process) == f"waiting for an answer of {address} ..."
            code, said, seconds = interrupt(process)
    assert code == 130, said
    assert seconds < ENDS_WITHIN_S


def test_a_member_that_a_service_manager_ends_leaves_its_group(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        cli = Cli(broker.address)
        cli.text("produce", "t", stdin=b"one\n")
        with running(broker.address, "consume", "t", "-g", "g") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"one\n"
            process.terminate()
            assert process.wait(60) == 130
        (group,) = cli.json("group", "list")
        assert group["state"] == "Empty", "or the next member waits until its session has run out"


def test_what_cannot_be_meant_is_refused_and_a_place_behind_the_end_is_told(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        cli = Cli(broker.address)
        cli.text("produce", "t", stdin=b"one\n")
        assert "the name after -g is empty" in cli.error("consume", "t", "-g", "", code=2)
        done = cli.call("consume", "t", "-o", "999", "-e")
        assert (done.returncode, done.stdout) == (0, b"")
        assert done.stderr == b"ottla: partition 0 of t ends at offset 1: reading on from there\n"
