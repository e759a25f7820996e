"""`ottla produce`: lines, files or JSON into a topic, with kcat's habits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ottla.cli.clients import kafka, reach, sentence, settings
from ottla.cli.escapes import unescape
from ottla.cli.input_records import Outgoing, Reading, lines_of_files, parse_header, pieces, whole_files
from ottla.cli.options import bootstrap_option, parse_pairs
from ottla.cli.progress import Progress
from ottla.cli.terminal import count_text, dim

_SHOWN_FAILURES = 5
_POLL_S = 0.1


@click.command()
@click.argument("topic")
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
        reach(address)
        # Not idempotent, as kcat: librdkafka takes half a second to get a producer id.
        defaults = {"partitioner": "murmur2_random", "linger.ms": 5}
        try:
            self._producer: Any = self._kafka.Producer(settings(bootstrap, properties, **defaults))
        except self._kafka.KafkaException as error:
            raise click.UsageError(sentence(error.args[0])) from None
        self._topic = topic
        self._place = {} if partition is None else {"partition": partition}
        self._progress = Progress("sent", shown=not quiet)
        self._failures = 0

    def run(self, records: Iterator[Outgoing]) -> None:
        """Raises ClickException if a record was not delivered; those before it may be."""
        try:
            for record in records:
                self._send(record)
        finally:
            # What was read is delivered, also after Ctrl-C or a line that does not parse.
            self._producer.flush()
            self._progress.end()
        if self._failures:
            raise click.ClickException(
                f"{count_text(self._failures, 'record')} of {self._progress.count:,} could not be delivered"
            )

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
                self._producer.poll(_POLL_S)
            except self._kafka.KafkaException as error:
                self._failed(error.args[0])
                break
        self._producer.poll(0)
        self._progress.add(1, len(record.value or b"") + len(record.key or b""))

    def _delivered(self, error: Any, _record: Any) -> None:
        if error is not None:
            self._failed(error)

    def _failed(self, error: Any) -> None:
        self._failures += 1
        if self._failures <= _SHOWN_FAILURES:
            print(f"ottla: not delivered: {sentence(error)}", file=sys.stderr)
