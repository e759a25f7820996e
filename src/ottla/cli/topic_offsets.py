"""`ottla topic offsets` and `ottla topic delete-records`: where partitions begin and end."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ottla.cli.complete import topics
from ottla.cli.options import cluster_options, confirm, parse_time_ms, parse_topic, yes_option
from ottla.cli.requests.asking import ask
from ottla.cli.terminal import count_text, print_json, print_table, time_text
from ottla.client.cluster import Cluster
from ottla.client.operations import LATEST
from ottla.common.names import TopicPartition

_MARKS = {"latest": -1, "earliest": -2, "max-timestamp": -3}


@click.command("offsets")
@click.argument("words", nargs=-1, required=True, metavar="TOPIC[:PARTITION,...]...", shell_complete=topics)
@click.option("--at", "moment", metavar="TIME", help="earliest, latest, max-timestamp, 2026-11-23T06:30 (UTC) or ms.")
@cluster_options
def offsets_command(words: tuple[str, ...], moment: str | None, bootstrap: str, as_json: bool) -> None:
    """Show where partitions begin and end.

    With --at: the first record at or after a time.
    """
    from ottla.cli.requests.offsets import offsets_at, ranges
    from ottla.cli.requests.topics import partitions_of

    wanted = [parse_topic(word) for word in words]
    if moment is None:

        async def ends(cluster: Cluster) -> list[tuple[str, int, int, int]]:
            spans = await ranges(cluster, await partitions_of(cluster, wanted))
            return [(*partition, *span) for partition, span in spans.items()]

        _show(("topic", "partition", "start", "end"), ask(bootstrap, ends), as_json)
        return
    timestamp = _MARKS[moment] if moment in _MARKS else parse_time_ms(moment)

    async def work(cluster: Cluster) -> list[tuple[str, int, int | None, int | None]]:
        found = await offsets_at(cluster, await partitions_of(cluster, wanted), timestamp)
        return [(*partition, _known(at.offset), _known(at.timestamp)) for partition, at in found.items()]

    rows = ask(bootstrap, work)
    if as_json:
        _show(("topic", "partition", "offset", "timestamp"), rows, True)
    else:
        dated = [(*row[:3], None if row[3] is None else time_text(row[3])) for row in rows]
        _show(("topic", "partition", "offset", "time"), dated, False)


def _known(number: int) -> int | None:
    return number if number >= 0 else None


def _show(names: tuple[str, ...], rows: Sequence[tuple[object, ...]], as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table([name.upper() for name in names], rows)


@click.command("delete-records")
@click.argument("word", metavar="TOPIC[:PARTITION,...]", shell_complete=topics)
@click.option("--before", required=True, metavar="OFFSET|TIME|latest", help="Everything before it goes.")
@yes_option
@cluster_options
def delete_records_command(word: str, before: str, yes: bool, bootstrap: str, as_json: bool) -> None:
    """Delete the records before an offset or a time."""
    from ottla.cli.requests.offsets import offsets_at
    from ottla.cli.requests.topics import delete_records, partitions_of

    offset = int(before) if before.isascii() and before.isdigit() else None
    timestamp = LATEST if before == "latest" or offset is not None else parse_time_ms(before)

    async def plan(cluster: Cluster) -> dict[TopicPartition, int]:
        partitions = await partitions_of(cluster, [parse_topic(word)])
        if offset is not None:
            return dict.fromkeys(partitions, offset)
        found = await offsets_at(cluster, partitions, timestamp)
        ends = await offsets_at(cluster, partitions, LATEST)
        return {part: at.offset if at.offset >= 0 else ends[part].offset for part, at in found.items()}

    targets = ask(bootstrap, plan)
    confirm(f"Delete the records before {before} of {count_text(len(targets), 'partition')} of {word}?", yes)

    async def work(cluster: Cluster) -> list[tuple[str, int, int]]:
        return [(*part, await delete_records(cluster, part, target)) for part, target in targets.items()]

    rows = ask(bootstrap, work)
    if as_json:
        print_json([{"topic": topic, "partition": number, "start": start} for topic, number, start in rows])
    else:
        print_table(("TOPIC", "PARTITION", "START"), rows)
