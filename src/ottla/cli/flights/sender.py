"""Replays the flights into the topic, on a thread of its own, and adds up meanwhile what the members must find."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec

from ottla.cli.clients import kafka, sentence, settings
from ottla.cli.flights.source import read_flights
from ottla.cli.flights.sums import Sums, add

_POLL_S = 0.1


class Sender:
    """sent: delivered flights. expected: the sums over the CSV, complete when `done`. failure: why it gave up."""

    def __init__(self, bootstrap: str, topic: str, path: Path, count: int) -> None:
        self.sent = 0
        self.expected: Sums = {}
        self.done = False
        self.failure: str | None = None
        self._topic = topic
        self._path = path
        self._count = count
        self._stop = threading.Event()
        # Idempotent: a record that is sent again after a broken connection is stored once.
        ours = {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 20, "partitioner": "murmur2_random"}
        self._producer: Any = kafka().Producer(settings(bootstrap, {}, **ours))
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # the thread's edge: the demo reports it
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.done = True

    def _send_all(self) -> None:
        encode = msgspec.json.Encoder().encode
        produce, poll = self._producer.produce, self._producer.poll
        for flight in read_flights(self._path, self._count):
            if self._stop.is_set():
                return
            add(self.expected, flight.origin, flight.destination, flight.departure_delay, flight.arrival_delay)
            event = encode(flight._asdict())
            while True:
                try:
                    produce(self._topic, event, flight.carrier, on_delivery=self._delivered)
                    break
                except BufferError:
                    poll(_POLL_S)
            poll(0)
        self._producer.flush()

    def _delivered(self, error: Any, _record: Any) -> None:
        if error is None:
            self.sent += 1
        else:
            self.failure = f"a flight was not delivered: {sentence(error)}"
