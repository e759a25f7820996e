"""What `produce`, `consume` and `demo` share: an ordinary Kafka client (librdkafka), and its errors as sentences."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click

from ottla.cli.options import missing
from ottla.cli.requests.asking import CONNECT_TIMEOUT_MS, no_broker
from ottla.cli.waiting import notice, telling, waiting
from ottla.cli.who_answers import who_answers
from ottla.client.bootstrap import Address, parse_bootstrap
from ottla.common.clock import SystemClock
from ottla.common.errors import InvalidConfig

METADATA_TIMEOUT_S = 15.0
_PROBE_S = 0.25
_PROBE_EVERY_S = 1.0
_REMIND_S = 15.0


def kafka() -> ModuleType:
    """The module confluent_kafka. Raises ClickException with the line that installs it."""
    try:
        import confluent_kafka
    except ImportError:
        raise click.ClickException(
            "this command uses the client library confluent-kafka; install it with: pip install confluent-kafka rich"
        ) from None
    module: ModuleType = confluent_kafka
    return module


def settings(bootstrap: str, properties: dict[str, str], **defaults: Any) -> dict[str, Any]:
    """librdkafka's settings: ours, overridden by -X. Its own log lines are dropped: errors come as errors."""
    return {"bootstrap.servers": bootstrap, "client.id": "ottla-cli", "log_level": 2, **defaults, **properties}


def reach(bootstrap: str, *, plain: bool = True) -> list[Address]:
    """The addresses. Raises ClickException at once if none accepts, or if what accepts is no Kafka broker: librdkafka
    would go on trying in silence. Not `plain`: it is asked for TLS or SASL, and only has to accept."""
    try:
        addresses = parse_bootstrap(bootstrap)
    except InvalidConfig as error:
        raise click.UsageError(error.message) from None
    reason = ""
    with telling(lambda: f"connecting to {bootstrap}"):
        for address in addresses:
            try:
                socket.create_connection(address, CONNECT_TIMEOUT_MS / 1000).close()
            except OSError as error:
                reason = error.strerror or str(error)
                continue
            if plain and who_answers(*address) is not None:
                continue
            return addresses
        raise no_broker(bootstrap, reason)


def called(call: Callable[[], Any]) -> Any:
    """What a call of librdkafka returns. confluent-kafka 2.16 loses a Ctrl-C that comes within one of its calls, and
    then returns neither a value nor an error."""
    try:
        return call()
    except SystemError as error:
        if "without setting an exception" not in str(error):
            raise
        raise KeyboardInterrupt from None


class Line:
    """Whether a broker can be reached, told when that changes. `on_error` is librdkafka's error_cb."""

    def __init__(self, bootstrap: str, addresses: list[Address]) -> None:
        self._bootstrap = bootstrap
        self._addresses = addresses
        self._clock = SystemClock()
        self._down_since: float | None = None
        self._next_probe = 0.0
        self._next_word = 0.0
        self.problem: str | None = None
        """What no waiting mends: a wrong password, say."""

    def on_error(self, error: Any) -> None:
        errors = kafka().KafkaError
        if error.code() in (errors._ALL_BROKERS_DOWN, errors._TRANSPORT, errors._RESOLVE):
            if self._down_since is None and not self._is_open():
                self._lost()
        elif error.code() in (errors._AUTHENTICATION, errors._SSL):
            self.problem = sentence(error)

    def _lost(self) -> None:
        now = self._clock.monotonic()
        self._down_since = now
        self._next_probe = now + _PROBE_EVERY_S
        self._next_word = now + _REMIND_S
        notice(f"no broker answers at {self._bootstrap} any more; trying again until it does, Ctrl-C stops")

    def look(self) -> None:
        """Now and then: is it back? Raises ClickException for what no waiting mends."""
        if self.problem is not None:
            raise click.ClickException(self.problem)
        if self._down_since is None:
            return
        now = self._clock.monotonic()
        if now < self._next_probe:
            return
        self._next_probe = now + _PROBE_EVERY_S
        if self._is_open():
            notice(f"a broker answers at {self._bootstrap} again, after {now - self._down_since:.0f} s")
            self._down_since = None
        elif now >= self._next_word:
            self._next_word = now + _REMIND_S
            notice(f"still no broker at {self._bootstrap}, for {now - self._down_since:.0f} s")

    def _is_open(self) -> bool:
        for address in self._addresses:
            try:
                socket.create_connection(address, _PROBE_S).close()
            except OSError:
                continue
            return True
        return False


def metadata_of(client: Any, topic: str | None = None) -> Any:
    """librdkafka's metadata of one topic or of all. Raises KafkaException."""
    what = "waiting for the cluster's metadata" if topic is None else f"waiting for the metadata of {topic}"
    return waiting(lambda: client.list_topics(topic, timeout=METADATA_TIMEOUT_S), what)


def partitions_of(client: Any, topic: str) -> list[int]:
    """Raises ClickException for a topic that does not exist, or that we may not read."""
    module = kafka()
    try:
        found = metadata_of(client, topic).topics[topic]
        if found.error is None:
            return sorted(found.partitions)
        if found.error.code() == module.KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise missing("topic", topic, sorted(metadata_of(client).topics))
        raise click.ClickException(f"topic {topic}: {found.error.str()}")
    except module.KafkaException as error:
        raise click.ClickException(sentence(error.args[0])) from None


_WORDS = {
    "_TIMED_OUT": "no answer in time",
    "_TRANSPORT": "the connection to the broker was lost",
    "_ALL_BROKERS_DOWN": "no broker answers",
    "_MSG_TIMED_OUT": "it could not be delivered in time (message.timeout.ms)",
    "_UNKNOWN_TOPIC": "there is no such topic",
    "_UNKNOWN_PARTITION": "the topic has no such partition",
    "_RESOLVE": "the name of the broker is not known",
    "_AUTHENTICATION": "the broker refuses the authentication",
    "_SSL": "TLS failed",
}
"""Errors of librdkafka itself, which it calls local, in our words."""


def sentence(error: Any) -> str:
    """What librdkafka says, without its codes."""
    known = _WORDS.get(error.name())
    if known is not None:
        return known
    text: str = error.str()
    return text.replace("Local: ", "").removeprefix("Unable to produce message: ").rstrip(".")
