"""`ottla consume`: topics to the standard output, with kcat's habits; alone, or as a member of a group."""

from __future__ import annotations

import signal
import sys
from typing import Any, BinaryIO

import click

from ottla.cli import complete
from ottla.cli.clients import Line, called, kafka, partitions_of, reach, sentence, settings
from ottla.cli.options import bootstrap_option, parse_pairs
from ottla.cli.positions import END, STORED, Span, assignment, parse_positions
from ottla.cli.progress import Progress
from ottla.cli.record_format import Printer, compile_format, json_line
from ottla.cli.terminal import dim
from ottla.cli.waiting import notice, telling, waiting, within

_WAIT_S = 0.2
"""So long may Ctrl-C take."""
_AT_ONCE = 1000
_LEAVE_S, _GIVE_UP_S = 10.0, 0.5
"""How long leaving a group may take at the end, and after Ctrl-C."""


@click.command()
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...", shell_complete=complete.topics)
@bootstrap_option
@click.option("-o", "--offset", "words", multiple=True, metavar="WHERE",
              help="beginning, end, N, -N for the last N, s@TIME and e@TIME.  [default: beginning]")  # fmt: skip
@click.option(
    "-p", "--partition", "partitions", metavar="N", type=click.IntRange(0), multiple=True, help="Only this; repeatable."
)
@click.option("-e", "--exit", "to_the_end", is_flag=True, help="Stop at the end instead of waiting for more.")
@click.option("-c", "--count", metavar="N", type=click.IntRange(1), help="Stop after so many.")
@click.option("-g", "--group", metavar="GROUP", shell_complete=complete.groups,
              help="Share the partitions with the other members of this group, and commit.")  # fmt: skip
@click.option("-f", "--format", "layout", metavar="FORMAT", help="See below.  [default: %s\\n]")
@click.option("-K", "key_delimiter", metavar="TEXT", help="Print key and value with this between.")
@click.option("-D", "delimiter", metavar="TEXT", help="What to print after each record.  [default: \\n]")
@click.option("-Z", "null_as_word", is_flag=True, help="Print null as NULL, not as nothing.")
@click.option("-J", "--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no hints.")
@click.option("-u", "--unbuffered", is_flag=True, help="Write out each record at once.")
@click.option("-X", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of librdkafka; repeatable.")
def consume(
    topics: tuple[str, ...],
    bootstrap: str,
    words: tuple[str, ...],
    partitions: tuple[int, ...],
    to_the_end: bool,
    count: int | None,
    group: str | None,
    layout: str | None,
    key_delimiter: str | None,
    delimiter: str | None,
    null_as_word: bool,
    as_json: bool,
    quiet: bool,
    unbuffered: bool,
    pairs: tuple[str, ...],
) -> None:
    """Print the records of TOPICs, from the beginning, until Ctrl-C.

    \b
    ottla consume orders -o -10 -e          the last ten of each partition
    ottla consume orders -f '%k: %s\\n'      key and value
    ottla consume orders -J -e | jq .key    as JSON
    ottla consume orders -g billing         as a member of a group

    \b
    Format: %s value, %k key, %t topic, %p partition, %o offset, %T timestamp (ms), %h headers,
    %S and %K lengths (-1 is null), %R length of the value as 4 bytes, \\n \\t \\xNN.
    """
    if as_json and (layout is not None or key_delimiter is not None or delimiter is not None):
        raise click.UsageError("-J has its own format; leave out -f, -K and -D")
    span = parse_positions(words)
    if group is not None and (partitions or span._replace(word=None) != Span()):
        raise click.UsageError("a group decides itself who reads what; with -g only -o beginning or -o end is possible")
    if group == "":
        raise click.UsageError("the name after -g is empty; leave -g out to read without a group")
    printer = (
        json_line if as_json else compile_format(_format(layout, key_delimiter, delimiter), empty_is_null=null_as_word)
    )
    properties = parse_pairs(pairs)
    address = properties.get("bootstrap.servers", bootstrap)
    line = Line(address, reach(address, plain="security.protocol" not in properties))
    output = _Output(printer, count, quiet, unbuffered)
    reader = _Reader(bootstrap, group, span, properties, output, line)
    interrupted = True
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager ends it as Ctrl-C does
    try:
        if group is not None:
            reader.join(topics, to_the_end)
        else:
            reader.assign(topics, list(partitions), span, to_the_end)
        reader.run()
        interrupted = False
    finally:
        reader.close(_GIVE_UP_S if interrupted else _LEAVE_S)


def _format(layout: str | None, key_delimiter: str | None, delimiter: str | None) -> str:
    if layout is not None:
        return layout
    key = "" if key_delimiter is None else f"%k{key_delimiter.replace('%', '%%')}"
    return f"{key}%s{delimiter.replace('%', '%%') if delimiter is not None else chr(92) + 'n'}"


class _Output:
    """The standard output, and how much went there."""

    def __init__(self, printer: Printer, count: int | None, quiet: bool, unbuffered: bool) -> None:
        self.quiet = quiet
        self._printer = printer
        self._left = count
        self._unbuffered = unbuffered
        self._stream: BinaryIO = sys.stdout.buffer
        self.progress = Progress("received", shown=not quiet and not sys.stdout.isatty())

    @property
    def full(self) -> bool:
        return self._left == 0

    def write(self, record: Any) -> None:
        data = self._printer(record)
        self._stream.write(data)
        if self._unbuffered:
            self._stream.flush()
        if self._left is not None:
            self._left -= 1
        self.progress.add(1, len(data))

    def flush(self) -> None:
        self._stream.flush()

    def hint(self, text: str) -> None:
        if not self.quiet and sys.stderr.isatty() and sys.stdout.isatty():
            print(dim(text), file=sys.stderr)


class _Reader:
    """One consumer. `stops` holds, for each partition still read, where it ends; None is for ever."""

    def __init__(
        self,
        bootstrap: str,
        group: str | None,
        span: Span,
        properties: dict[str, str],
        output: _Output,
        line: Line,
    ) -> None:
        self._kafka = kafka()
        self._line = line
        defaults = {
            "error_cb": line.on_error,
            "group.id": group or "ottla-consume",
            "enable.auto.commit": group is not None,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "fetch.queue.backoff.ms": 10,  # a full queue would otherwise rest a second
            "auto.offset.reset": "latest" if span.word == END else "earliest",
        }
        try:
            self._consumer: Any = self._kafka.Consumer(settings(bootstrap, properties, **defaults))
        except self._kafka.KafkaException as error:
            raise click.UsageError(sentence(error.args[0])) from None
        self._output = output
        self._grouped = group is not None
        self._stops: dict[tuple[str, int], int | None] = {}
        self._to_the_end = False
        self._ended: dict[tuple[str, int], None] = {}
        self._assigned: dict[tuple[str, int], None] | None = None
        self._hinted = False
        self._told = False
        self._waited_s = 0.0
        self._has_read = False

    # -- what to read

    def assign(self, topics: tuple[str, ...], partitions: list[int], span: Span, to_the_end: bool) -> None:
        """Raises ClickException for a topic or partition that does not exist."""
        if span.word == STORED:
            raise click.UsageError("-o stored needs a group (-g)")
        starts = []
        for topic in dict.fromkeys(topics):
            existing = partitions_of(self._consumer, topic)
            for partition in partitions:
                if partition not in existing:
                    raise click.ClickException(
                        f"topic {topic} has no partition {partition}; it has 0 to {existing[-1]}"
                    )
            found = self._positions(topic, partitions or existing, span, to_the_end)
            for (name, number), (start, stop) in found.items():
                if span.offset is not None and start < span.offset:
                    notice(f"partition {number} of {name} ends at offset {start}: reading on from there")
                if stop is None or start < stop:
                    self._stops[name, number] = stop
                    starts.append(self._kafka.TopicPartition(name, number, start))
        self._to_the_end = to_the_end or span.until_ms is not None
        self._consumer.assign(starts)

    def _positions(
        self, topic: str, partitions: list[int], span: Span, to_the_end: bool
    ) -> dict[tuple[str, int], tuple[int, int | None]]:
        try:
            make = self._kafka.TopicPartition
            return waiting(
                lambda: assignment(self._consumer, make, topic, partitions, span, to_the_end=to_the_end),
                f"looking up the offsets of {topic}",
            )
        except self._kafka.KafkaException as error:
            raise click.ClickException(sentence(error.args[0])) from None

    def join(self, topics: tuple[str, ...], to_the_end: bool) -> None:
        """Raises ClickException for a topic that does not exist."""
        for topic in topics:
            partitions_of(self._consumer, topic)
        self._to_the_end = to_the_end

        def assigned(_consumer: Any, partitions: list[Any]) -> None:
            self._assigned = {(row.topic, row.partition): None for row in partitions}
            self._ended.clear()

        self._consumer.subscribe(list(topics), on_assign=assigned)

    # -- reading

    def run(self) -> None:
        """Until everything is read that was asked for. Raises ClickException for an error that does not pass."""
        while not self._output.full and not self._done():
            first = called(lambda: self._consumer.poll(_WAIT_S))
            self._line.look()
            if first is None:
                self._tell_of_the_group()
                continue
            last: dict[tuple[str, int], Any] = {}
            for message in (first, *called(lambda: self._consumer.consume(_AT_ONCE, 0))):
                if message.error() is not None:
                    self._on_error(message)
                elif not self._output.full and self._wants(message):
                    self._output.write(message)
                    last[message.topic(), message.partition()] = message
                    self._has_read = True
            self._output.flush()
            if self._grouped:
                for message in last.values():
                    self._consumer.store_offsets(message=message)

    def _tell_of_the_group(self) -> None:
        """Once: a group may take as long as its slowest member to share its partitions out."""
        if self._grouped and self._assigned is None and not self._told:
            self._waited_s += _WAIT_S
            if self._waited_s >= 1:
                self._told = True
                if not self._output.quiet:
                    notice("waiting for the group to share its partitions out ...")

    def _done(self) -> bool:
        if not self._to_the_end:
            return False
        if self._grouped:
            return self._assigned is not None and all(key in self._ended for key in self._assigned)
        return not self._stops

    def _wants(self, message: Any) -> bool:
        """Also notes where a partition is at its stop."""
        if self._grouped:
            return True
        key = (message.topic(), message.partition())
        stop = self._stops.get(key)
        if stop is not None and message.offset() + 1 >= stop:
            del self._stops[key]
            return bool(message.offset() < stop)
        return stop is not None or key in self._stops

    def _on_error(self, message: Any) -> None:
        error, errors = message.error(), self._kafka.KafkaError
        if error.code() == errors._PARTITION_EOF:
            key = (message.topic(), message.partition())
            self._ended[key] = None
            if self._to_the_end:
                self._stops.pop(key, None)
            elif not self._hinted and len(self._ended) >= len(self._assigned or self._stops):
                self._hinted = True
                self._output.hint("That is all there is; waiting for more. Ctrl-C stops.")
        elif error.code() in (errors._ALL_BROKERS_DOWN, errors._TRANSPORT, errors._RESOLVE, errors._TIMED_OUT):
            self._line.on_error(error)
        elif error.fatal() or not error.retriable():
            raise click.ClickException(sentence(error))

    def close(self, most_s: float) -> None:
        """Commits, in a group, what was written out; without an answer in time somebody reads it again."""
        self._output.progress.end()
        with telling(lambda: "waiting for the broker to take the commit, and the leave of the group"):
            done = within(self._consumer.close, most_s)
        if not done and self._has_read and self._grouped:
            notice("the broker has not answered: what was read last may not be committed, and will be read again")
