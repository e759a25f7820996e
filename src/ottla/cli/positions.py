"""Where `consume` begins and stops: the words of -o, and the offsets that they mean in each partition."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from ottla.cli.options import parse_time_ms

_TIMEOUT_S = 15.0
BEGINNING, END, STORED = "beginning", "end", "stored"


class Span(NamedTuple):
    """What to read. One of `word`, `offset`, `tail` and `from_ms` says where to begin; until_ms is not included."""

    word: str | None = None
    offset: int | None = None
    tail: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None


def parse_positions(words: tuple[str, ...]) -> Span:
    """`beginning`, `end`, `stored`, `N`, `-N` (the last N), `s@TIME`, `e@TIME`; a begin and a stop may be given."""
    span = Span()
    for word in words:
        if word.startswith("e@"):
            span = span._replace(until_ms=parse_time_ms(word[2:]))
        elif word.startswith("s@"):
            span = _begin(span, from_ms=parse_time_ms(word[2:]))
        elif word in (BEGINNING, END, STORED):
            span = _begin(span, word=word)
        elif word.isascii() and word.removeprefix("-").isdigit():
            span = _begin(span, tail=-int(word)) if word.startswith("-") else _begin(span, offset=int(word))
        else:
            raise click.UsageError(f"-o {word!r}: write beginning, end, N, -N for the last N, s@TIME or e@TIME")
    return span


def _begin(span: Span, **where: Any) -> Span:
    if span[:4] != (None, None, None, None):
        raise click.UsageError("-o says twice where to begin")
    return span._replace(**where)


def assignment(
    consumer: Any, make: Any, topic: str, partitions: list[int], span: Span, *, to_the_end: bool
) -> dict[tuple[str, int], tuple[int, int | None]]:
    """(start, stop) for each partition; stop None reads for ever. `make` is TopicPartition of the client library.

    to_the_end: stop at the end as it is now.
    """
    result: dict[tuple[str, int], tuple[int, int | None]] = {}
    starts = _at_time(consumer, make, topic, partitions, span.from_ms)
    stops = _at_time(consumer, make, topic, partitions, span.until_ms)
    for partition in partitions:
        low, high = consumer.get_watermark_offsets(make(topic, partition), timeout=_TIMEOUT_S)
        start = starts[partition] if span.from_ms is not None else _start(span, low, high)
        stop = high if to_the_end else None
        if span.until_ms is not None:
            stop = stops[partition] if stops[partition] >= 0 else high
        result[topic, partition] = (high if start < 0 else min(max(start, low), high), stop)
    return result


def _start(span: Span, low: int, high: int) -> int:
    if span.offset is not None:
        return span.offset
    if span.tail is not None:
        return max(low, high - span.tail)
    return high if span.word == END else low


def _at_time(consumer: Any, make: Any, topic: str, partitions: list[int], time_ms: int | None) -> dict[int, int]:
    """The first offset at or after a time; negative where there is none. Empty if no time is asked for."""
    if time_ms is None:
        return {}
    wanted = [make(topic, partition, time_ms) for partition in partitions]
    found = consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S)
    return {row.partition: row.offset for row in found}
