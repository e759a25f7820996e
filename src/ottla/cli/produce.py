"""`ottla produce`: lines, files or JSON into a topic, with kcat's habits."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ottla.cli.clients import Line, called, kafka, metadata_of, reach, sentence, settings
from ottla.cli.complete import topics
from ottla.cli.escapes import unescape
from ottla.cli.input_records import Outgoing, Reading, lines_of_files, parse_header, pieces, whole_files
from ottla.cli.nouns import did_you_mean
from ottla.cli.options import bootstrap_option, parse_pairs
from ottla.cli.progress import Progress
from ottla.cli.terminal import count_text, dim
from ottla.cli.waiting import Abandoned, notice
from ottla.common.clock import SystemClock

_SHOWN_FAILURES = 5
_POLL_S = 0.1
_GIVE_UP_S = 0.5
"""How long what is under way is waited for after Ctrl-C."""
_CREATED_S = 1.0
"""How long a topic may take to come into being at its first use."""


@click.command()
@click.argument("topic", shell_complete=topics)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[FILE]...")
@bootstrap_option
@click.option("-K", "key_delimiter", metavar="TEXT", help="Key and value stand on one line with this between.")
@click.option("-k", "--key", help="One key for all records.")
@click.option("-D", "delimiter", metavar="TEXT", default="\\n", help="What stands between records.  [default: \\n]")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME=VALUE", help="On every record; repeatable.")
@click.option(
    "-p", "--partition", metavar="N", type=click.IntRange(0), help="By default the key decides, as in the Java client."
)
@click.option("-z", "--compression", "codec", type=click.Choice(["none", "gzip", "snappy", "lz4", "zstd"]))
@click.option("-Z", "empty_is_null", is_flag=True, help="An empty key or value is null.")
@click.option("-l", "--lines", "by_line", is_flag=True, help="FILEs hold a record a line; otherwise one each.")
@click.option("-J", "--json", "as_json", is_flag=True, help="Lines of JSON as `ottla consume -J` prints them.")
@click.option("-c", "--count", metavar="N", type=click.IntRange(1), help="Stop after so many.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-X", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of librdkafka; repeatable.")
def produce(
    topic: str,
    files: tuple[Path, ...],
    bootstrap: str,
    key_delimiter: str | None,
    key: str | None,
    delimiter: str,
    headers: tuple[str, ...],
    partition: int | None,
    codec: str | None,
    empty_is_null: bool,
    by_line: bool,
    as_json: bool,
    count: int | None,
    quiet: bool,
    pairs: tuple[str, ...],
) -> None:
    """Write lines of the standard input, or FILEs, to TOPIC.

    Exit code 1 if a record could not be delivered. A record that is sent again after a broken connection may be
    stored twice; -X enable.idempotence=true prevents it.

    \b
    echo hello | ottla produce greetings
    ottla produce orders -K: < lines-of-key-colon-value
    ottla produce pictures cat.png dog.png
    """
    reading = Reading(
        key_delimiter=None if key_delimiter is None else unescape(key_delimiter),
        key=None if key is None else key.encode(),
        headers=[parse_header(word) for word in headers],
        empty_is_null=empty_is_null,
        as_json=as_json,
    )
    between = unescape(delimiter)
    if not between:
        raise click.UsageError("-D needs a delimiter")
    if files:
        found = lines_of_files(files, between) if by_line or as_json else whole_files(files)
    else:
        found = pieces(sys.stdin.buffer, between)
    if not files and not quiet and sys.stdin.isatty():
        print(dim("Type records, one a line; Ctrl-D ends."), file=sys.stderr)
    properties = parse_pairs(pairs)
    given = {"compression.type": codec} if codec is not None else {}
    sender = _Sender(bootstrap, topic, partition, {**given, **properties}, quiet or (not files and sys.stdin.isatty()))
    sender.run(reading.record(piece) for piece in _first(found, count))


def _first(items: Iterator[bytes], count: int | None) -> Iterator[bytes]:
    from itertools import islice

    return items if count is None else islice(items, count)


class _Sender:
    """Hands records to the client library, waits when its queue is full, and counts what came of them."""

    def __init__(
        self, bootstrap: str, topic: str, partition: int | None, properties: dict[str, str], quiet: bool
    ) -> None:
        self._kafka = kafka()
        address = properties.get("bootstrap.servers", bootstrap)
        self._line = Line(address, reach(address, plain="security.protocol" not in properties))
        # Not idempotent, as kcat: librdkafka takes half a second to get a producer id.
        defaults = {"partitioner": "murmur2_random", "linger.ms": 5, "error_cb": self._line.on_error}
        try:
            self._producer: Any = self._kafka.Producer(settings(bootstrap, properties, **defaults))
        except self._kafka.KafkaException as error:
            raise click.UsageError(sentence(error.args[0])) from None
        self._topic = topic
        self._place = {} if partition is None else {"partition": partition}
        self._progress = Progress("sent", shown=not quiet)
        self._failures = 0
        self._clock = SystemClock()
        self._over = threading.Event()

    def run(self, records: Iterator[Outgoing]) -> None:
        """Raises ClickException if a record was not delivered; those before it may be."""
        self._check_topic()
        pump = threading.Thread(target=self._pump, name="pump", daemon=True)
        pump.start()
        most_s: float | None = _GIVE_UP_S
        try:
            for record in records:
                self._send(record)
            most_s = None
        except (click.ClickException, ValueError):
            most_s = None
            raise
        finally:
            # What was read is delivered, also after a line that does not parse, and as far as it goes after Ctrl-C.
            self._deliver(most_s)
            self._over.set()
            self._progress.end()
        if self._failures:
            raise click.ClickException(
                f"{count_text(self._failures, 'record')} of {self._progress.count:,} could not be delivered"
            )

    def _check_topic(self) -> None:
        """Raises ClickException at once for a topic that is not there and does not come into being by being asked for:
        librdkafka would wait for it until message.timeout.ms."""
        until = self._clock.monotonic() + _CREATED_S
        while True:
            try:
                error = metadata_of(self._producer, self._topic).topics[self._topic].error
            except self._kafka.KafkaException as failed:
                raise click.ClickException(sentence(failed.args[0])) from None
            if error is None or error.code() == self._kafka.KafkaError.LEADER_NOT_AVAILABLE:
                return
            if error.code() != self._kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise click.ClickException(f"topic {self._topic}: {sentence(error)}")
            if self._clock.monotonic() >= until:
                known = sorted(metadata_of(self._producer).topics)
                raise click.ClickException(
                    f"there is no topic {self._topic!r}{did_you_mean(self._topic, known)}, and this cluster makes none "
                    f"at first use (auto.create.topics.enable); `ottla topic create {self._topic}` makes it"
                )
            self._over.wait(_POLL_S)

    def _pump(self) -> None:
        """Callbacks come while we wait for the next line as well: a broker that is lost is told then, not later."""
        while not self._over.is_set():
            self._producer.poll(_POLL_S)
            try:
                self._line.look()
            except click.ClickException as error:
                notice(error.message)
                self._line.problem = None

    def _deliver(self, most_s: float | None) -> None:
        """Waits until everything is delivered or has failed; says so after a second. `most_s` bounds it."""
        began, told = self._clock.monotonic(), False
        try:
            while left := called(lambda: self._producer.flush(_POLL_S)):
                waited_s = self._clock.monotonic() - began
                if most_s is not None and waited_s >= most_s:
                    break
                if waited_s >= 1 and not told:
                    told = True
                    notice(f"waiting for {count_text(left, 'record')} to be delivered; Ctrl-C gives them up")
        except KeyboardInterrupt:
            most_s = _GIVE_UP_S
        left = len(self._producer)
        if left:
            Abandoned.left = True
            notice(f"{count_text(left, 'record')} had not been delivered when it was stopped")
            if sys.exc_info()[0] is None:
                raise KeyboardInterrupt

    def _send(self, record: Outgoing) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    timestamp=record.timestamp,
                    on_delivery=self._delivered,
                    **self._place,
                )
                break
            except BufferError:
                called(lambda: self._producer.poll(_POLL_S))
            except self._kafka.KafkaException as error:
                self._failed(error.args[0])
                break
        called(lambda: self._producer.poll(0))
        self._progress.add(1, len(record.value or b"") + len(record.key or b""))

    def _delivered(self, error: Any, _record: Any) -> None:
        if error is not None:
            self._failed(error)

    def _failed(self, error: Any) -> None:
        self._failures += 1
        if self._failures <= _SHOWN_FAILURES:
            print(f"ottla: not delivered: {sentence(error)}", file=sys.stderr)
