"""Listeners are checked as Apache Kafka 4.3.1 checks them (each answer was asked of its KafkaConfig)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ottla.broker.addresses import Address, addresses_of, needs_host_name
from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig

MAP = "listener.security.protocol.map"
TWO = f"{MAP}=A:PLAINTEXT,PLAINTEXT:PLAINTEXT"
STOCK = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""
"""The settings of the server.properties that Kafka 4 ships."""


def load(*lines: str) -> BrokerSettings:
    return BrokerSettings.load(dict(line.split("=", 1) for line in lines))


def found(*lines: str) -> list[tuple[str, str]]:
    return [(bind.text, public.text) for bind, public in addresses_of(load(*lines), "this.example")]


def refused(*lines: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        load(*lines)
    return caught.value.message


def test_kafkas_own_file_is_taken_as_it_is() -> None:
    """Its controller's listener may stand everywhere, and is not bound."""
    settings = load(*STOCK.split())
    assert addresses_of(settings) == [(Address("PLAINTEXT", "", 9092), Address("PLAINTEXT", "localhost", 9092))]


@pytest.mark.parametrize(
    ("lines", "addresses"),
    [
        (["listeners=PLAINTEXT://127.0.0.1:23511"], [("127.0.0.1:23511", "127.0.0.1:23511")]),
        (["listeners=PLAINTEXT://:9092"], [("*:9092", "this.example:9092")]),
        (["listeners=PLAINTEXT://[::]:9092"], [("[::]:9092", "this.example:9092")]),
        (["listeners=PLAINTEXT://[::1]:9092"], [("[::1]:9092", "[::1]:9092")]),
        (["listeners=PLAINTEXT://::1:9092"], [("[::1]:9092", "[::1]:9092")]),
        (["listeners=PLAINTEXT://:9092", "advertised.listeners=PLAINTEXT://:9094"], [("*:9092", "this.example:9094")]),
        (["listeners=PLAINTEXT://0.0.0.0:1", "advertised.listeners=PLAINTEXT://h:2"], [("0.0.0.0:1", "h:2")]),
        (["listeners=plaintext://127.0.0.1:1"], [("127.0.0.1:1", "127.0.0.1:1")]),
        (
            ["listeners=PLAINTEXT://h:1,A://0.0.0.0:2", TWO, "advertised.listeners=PLAINTEXT://h:9"],
            [("h:1", "h:9"), ("0.0.0.0:2", "this.example:2")],
        ),
        (["listeners=PLAINTEXT://h_1:1"], [("h_1:1", "h_1:1")]),
        (["listeners=PLAINTEXT://127.0.0.1:1,PLAINTEXT://127.0.0.1:1"], [("127.0.0.1:1", "127.0.0.1:1")]),
        (
            ["listeners=PLAINTEXT://127.0.0.1:1,A://[::1]:1", TWO],
            [("127.0.0.1:1", "127.0.0.1:1"), ("[::1]:1", "[::1]:1")],
        ),
        (
            ["listeners=PLAINTEXT://127.0.0.1:0,A://127.0.0.1:0", TWO],
            [("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:0", "127.0.0.1:0")],
        ),
        (
            ["listeners=PLAINTEXT://:1,A://:2", TWO, "advertised.listeners=PLAINTEXT://h:9,A://h:9"],
            [("*:1", "h:9"), ("*:2", "h:9")],
        ),
        (
            ["listeners=MY_NET-1.x://h:1", f"{MAP}=MY_NET-1.x:PLAINTEXT", "inter.broker.listener.name=my_net-1.X"],
            [("h:1", "h:1")],
        ),
    ],
)
def test_what_is_bound_and_what_is_advertised(lines: list[str], addresses: list[tuple[str, str]]) -> None:
    assert found(*lines) == addresses


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["listeners=ODD://127.0.0.1:9092"], "No security protocol defined for listener ODD"),
        (["listeners=PLAINTEXT://h:1,PLAINTEXT://h:2"], "Each listener must have a different name"),
        (
            ["listeners=PLAINTEXT://127.0.0.1:1,A://127.0.0.2:1", TWO],
            "If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, port: 1",
        ),
        (["listeners=PLAINTEXT://localhost:1,A://h:1", TWO], "If you have two listeners on the same port"),
        (
            ["listeners=PLAINTEXT://h:1,CONTROLLER://h:1", "controller.listener.names=CONTROLLER"],
            "If you have two listeners on the same port",
        ),
        (["listeners=PLAINTEXT://0.0.0.0:1"], "cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP"),
        (["advertised.listeners=PLAINTEXT://0.0.0.0:1"], "cannot use the nonroutable meta-address 0.0.0.0"),
        (["advertised.listeners=PLAINTEXT://[::]:1"], "cannot use the nonroutable meta-address ::"),
        (
            ["advertised.listeners=PLAINTEXT://h:1,OTHER://h:2"],
            "names must be equal to or a subset of the ones defined in listeners. OTHER is not among PLAINTEXT",
        ),
        (["advertised.listeners=PLAINTEXT://h:1,PLAINTEXT://h:2"], "Each listener must have a different name"),
        (
            ["listeners=A://h:1", f"{MAP}=A:PLAINTEXT"],
            "Listener with name PLAINTEXT defined in inter.broker.listener.name not found in",
        ),
        (["listeners=A://h:1", TWO], "inter.broker.listener.name must be a listener name defined in advertised"),
        (["inter.broker.listener.name=NOSUCH"], "Listener with name NOSUCH defined in inter.broker.listener.name"),
        (
            ["inter.broker.listener.name=PLAINTEXT", "security.inter.broker.protocol=PLAINTEXT"],
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set",
        ),
        (
            ["listeners=PLAINTEXT://:1,CONTROLLER://:2", f"{MAP}=PLAINTEXT:PLAINTEXT"],
            "No security protocol defined for listener CONTROLLER",
        ),
        ([f"{MAP}=PLAINTEXT:NONSENSE"], "Invalid security protocol `NONSENSE` defined in"),
        ([f"{MAP}=PLAINTEXT"], "'PLAINTEXT' is not of the form NAME:PROTOCOL"),
        ([f"{MAP}="], "No security protocol defined for listener PLAINTEXT"),
        (["listeners=PLAINTEXT//127.0.0.1:9092"], "Unable to parse 'PLAINTEXT//127.0.0.1:9092' to a broker endpoint"),
        (["listeners=PLAINTEXT://127.0.0.1"], "Unable to parse 'PLAINTEXT://127.0.0.1' to a broker endpoint"),
        (["listeners=PLAINTEXT://host with space:1"], "Unable to parse"),
        (["listeners=PLAINTEXT://user@host:1"], "Unable to parse"),
        (["listeners=PLAINTEXT://h:99999"], "is not between 0 and 65535"),
        (["listeners=PLAINTEXT://h:-1"], "is not between 0 and 65535"),
        (
            ["listeners=CONTROLLER://h:1", "controller.listener.names=CONTROLLER"],
            "There must be at least one broker advertised listener",
        ),
    ],
)
def test_addresses_that_cannot_be_are_refused_with_kafkas_words(lines: list[str], words: str) -> None:
    assert words in refused(*lines)


@pytest.mark.parametrize(
    ("lines", "setting"),
    [
        (["listeners=SSL://127.0.0.1:9092"], "SSL://"),
        (["listeners=SASL_PLAINTEXT://127.0.0.1:9092"], "SASL_PLAINTEXT://"),
        (["listeners=SASL_SSL://127.0.0.1:9092"], "SASL_SSL://"),
        (["listeners=PLAINTEXT://127.0.0.1:9092,SSL://127.0.0.1:9093"], "SSL://"),
        (["listeners=CLIENTS://127.0.0.1:9092", f"{MAP}=CLIENTS:SASL_PLAINTEXT"], f"{MAP}=CLIENTS:SASL_PLAINTEXT"),
        ([f"{MAP}=PLAINTEXT:SSL"], f"{MAP}=PLAINTEXT:SSL"),
        ([f"{MAP}=PLAINTEXT:PLAINTEXT,PLAINTEXT:SSL"], f"{MAP}=PLAINTEXT:SSL"),
    ],
)
def test_a_listener_that_promises_security_is_refused(lines: list[str], setting: str) -> None:
    message = refused(*lines)
    assert f"({setting})" in message
    assert "would serve everybody in clear text" in message


def test_only_a_listener_without_a_host_needs_the_name_of_the_machine() -> None:
    assert needs_host_name(load("listeners=PLAINTEXT://:9092"))
    assert not needs_host_name(load("listeners=PLAINTEXT://127.0.0.1:9092"))
    assert not needs_host_name(load("listeners=PLAINTEXT://:9092", "advertised.listeners=PLAINTEXT://h:9092"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("", False), ("0.0.0.0", False),
     ("10.0.0.1", False), ("::", False), ("broker.example", False)],
)  # fmt: skip
def test_loopback_is_what_no_other_machine_reaches(host: str, loopback: bool) -> None:
    assert Address("PLAINTEXT", host, 9092).is_loopback is loopback


def test_the_examples_of_the_page_on_listeners_start() -> None:
    page = (Path(__file__).parents[3] / "docs" / "listeners.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) if block.startswith("listeners=")]
    assert len(blocks) == 2
    for block in blocks:
        assert len(found(*block.split())) == 2
