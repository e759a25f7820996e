"""One member of the demo's group, a process of its own: reads flights, counts them, commits, and says what it does.

Its standard output is lines of JSON for the demo: {"assigned": [partitions]} and {"counted": flights}.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from ottla.cli.clients import kafka, sentence, settings
from ottla.cli.flights.store import Store
from ottla.cli.flights.sums import Sums, add

_AT_ONCE, _WAIT_S = 1000, 0.1


class Event(TypedDict):
    """A flight as it travels: what the member needs of it."""

    origin: str
    destination: str
    departure_delay: int | None
    arrival_delay: int | None


def fold(sums: Sums, event: Event) -> None:
    add(sums, event["origin"], event["destination"], event["departure_delay"], event["arrival_delay"])


def consumer_settings(bootstrap: str, group: str, name: str, session_timeout_ms: int) -> dict[str, Any]:
    """Offsets are committed after the flights are counted, so a killed member's last ones are delivered again."""
    ours = {
        "group.id": group,
        "client.id": name,
        "session.timeout.ms": session_timeout_ms,
        "heartbeat.interval.ms": session_timeout_ms // 6,
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": 500,
        "fetch.queue.backoff.ms": 10,
        "fetch.wait.max.ms": 50,
    }
    return settings(bootstrap, {}, **ours)


def run(bootstrap: str, topic: str, group: str, name: str, session_timeout_ms: int, path: Path) -> None:
    """Until it is told to stop: then it commits and leaves the group."""
    store = Store(path)
    consumer = kafka().Consumer(consumer_settings(bootstrap, group, name, session_timeout_ms))

    def say(what: str, value: object) -> None:
        print(json.dumps({what: value}), flush=True)

    def assigned(_consumer: Any, partitions: list[Any]) -> None:
        say("assigned", sorted(row.partition for row in partitions))

    consumer.subscribe([topic], on_assign=assigned)
    try:
        _work(consumer, store, name, say)
    finally:
        consumer.close()
        store.close()


def _work(consumer: Any, store: Store, name: str, say: Callable[[str, object], None]) -> None:
    while True:
        batches: dict[int, list[tuple[int, Event]]] = {}
        messages = consumer.consume(_AT_ONCE, _WAIT_S)
        for message in messages:
            if message.error() is None:
                batches.setdefault(message.partition(), []).append((message.offset(), json.loads(message.value())))
            elif not message.error().retriable():
                raise SystemExit(f"{name}: {sentence(message.error())}")
        if batches:
            say("counted", store.count(name, batches, fold))
            for message in {message.partition(): message for message in messages if message.error() is None}.values():
                _mark(consumer, message)


def _mark(consumer: Any, message: Any) -> None:
    """As counted, to be committed. A partition that was taken away meanwhile is no longer ours to commit."""
    module = kafka()
    try:
        consumer.store_offsets(message=message)
    except module.KafkaException as error:
        if error.args[0].code() != module.KafkaError._STATE:
            raise


if __name__ == "__main__":
    bootstrap, topic, group, name, session_timeout_ms, path = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(bootstrap, topic, group, name, int(session_timeout_ms), Path(path))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)
