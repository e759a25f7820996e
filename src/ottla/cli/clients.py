"""What `produce`, `consume` and `demo` share: an ordinary Kafka client (librdkafka), and its errors as sentences."""

from __future__ import annotations

import socket
from types import ModuleType
from typing import Any

import click

from ottla.cli.options import missing
from ottla.cli.requests.asking import CONNECT_TIMEOUT_MS, no_broker
from ottla.client.bootstrap import parse_bootstrap
from ottla.common.errors import InvalidConfig

METADATA_TIMEOUT_S = 15.0


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


def reach(bootstrap: str) -> None:
    """Raises ClickException at once if no address accepts: librdkafka would go on trying in silence."""
    try:
        addresses = parse_bootstrap(bootstrap)
    except InvalidConfig as error:
        raise click.UsageError(error.message) from None
    reason = ""
    for address in addresses:
        try:
            socket.create_connection(address, CONNECT_TIMEOUT_MS / 1000).close()
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return
    raise no_broker(bootstrap, reason)


def partitions_of(client: Any, topic: str) -> list[int]:
    """Raises ClickException for a topic that does not exist, or that we may not read."""
    module = kafka()
    try:
        metadata = client.list_topics(topic, timeout=METADATA_TIMEOUT_S)
        found = metadata.topics[topic]
        if found.error is None:
            return sorted(found.partitions)
        if found.error.code() == module.KafkaError.UNKNOWN_TOPIC_OR_PART:
            everything = client.list_topics(timeout=METADATA_TIMEOUT_S)
            raise missing("topic", topic, sorted(everything.topics))
        raise click.ClickException(f"topic {topic}: {found.error.str()}")
    except module.KafkaException as error:
        raise click.ClickException(sentence(error.args[0])) from None


def sentence(error: Any) -> str:
    """What librdkafka says, without its codes."""
    text: str = error.str()
    return text.rstrip(".")
