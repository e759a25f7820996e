"""`ottla group reset`: where a group will read on. It shows the new offsets, and with --yes commits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import click

from ottla.cli.complete import groups
from ottla.cli.options import cluster_options, parse_duration_ms, parse_time_ms, parse_topic
from ottla.cli.requests.asking import ask
from ottla.cli.requests.groups import commit, committed, describe
from ottla.cli.requests.offsets import Range, offsets_at, ranges
from ottla.cli.requests.topics import partitions_of
from ottla.cli.terminal import count_text, dim, print_json, print_table
from ottla.client.cluster import Cluster
from ottla.common.clock import SystemClock
from ottla.common.names import TopicPartition


class Goal(NamedTuple):
    """Exactly one of the ways to say where to."""

    earliest: bool = False
    latest: bool = False
    offset: int | None = None
    shift: int | None = None
    timestamp: int | None = None


class Move(NamedTuple):
    """One partition's change. committed: None where the group had none."""

    topic: str
    partition: int
    committed: int | None
    new: int
    start: int
    end: int


@click.command("reset")
@click.argument("name", metavar="GROUP", shell_complete=groups)
@click.option("-t", "--topic", "words", multiple=True, metavar="TOPIC[:PARTITION,...]",
              help="Which to move; repeatable.  [default: all that it has committed]")  # fmt: skip
@click.option("--to-earliest", is_flag=True, help="To the beginning.")
@click.option("--to-latest", is_flag=True, help="To the end.")
@click.option("--to-offset", type=click.IntRange(0), metavar="N", help="To one offset.")
@click.option("--shift-by", type=int, metavar="N", help="On by N, back by -N.")
@click.option("--to-datetime", metavar="TIME", help="To the first record at or after 2026-11-23T06:30 (UTC).")
@click.option("--by-duration", metavar="DURATION", help="To the first record of the last 90s, 15m, 7d.")
@click.option("-y", "--yes", is_flag=True, help="Commit it; without this it is only shown.")
@cluster_options
def reset_command(
    name: str,
    words: tuple[str, ...],
    to_earliest: bool,
    to_latest: bool,
    to_offset: int | None,
    shift_by: int | None,
    to_datetime: str | None,
    by_duration: str | None,
    yes: bool,
    bootstrap: str,
    as_json: bool,
) -> None:
    """Move a group to other offsets.

    It shows where the group would read on, and with --yes commits that. The group must have no members. Offsets
    outside a partition are brought to its nearest end.
    """
    ways = (to_earliest, to_latest, to_offset, shift_by, to_datetime, by_duration)
    if sum(way is not None and way is not False for way in ways) != 1:
        raise click.UsageError(
            "say where to with one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime, --by-duration"
        )
    goal = Goal(to_earliest, to_latest, to_offset, shift_by)
    if to_datetime is not None:
        goal = Goal(timestamp=parse_time_ms(to_datetime))
    elif by_duration is not None:
        goal = Goal(timestamp=SystemClock().now_ms() - parse_duration_ms(by_duration))
    wanted = [parse_topic(word) for word in words]

    async def work(cluster: Cluster) -> list[Move]:
        moves = await _plan(cluster, name, wanted, goal)
        if yes:
            await commit(cluster, name, {TopicPartition(move.topic, move.partition): move.new for move in moves})
        return moves

    moves = ask(bootstrap, work)
    if as_json:
        print_json({"group": name, "committed": yes, "offsets": [move._asdict() for move in moves]})
        return
    print_table(("TOPIC", "PARTITION", "COMMITTED", "NEW", "START", "END"), moves)
    if yes:
        print(f"Group {name} will read on from there in {count_text(len(moves), 'partition')}.")
    else:
        print(dim("Nothing was changed; repeat with --yes to commit it."))


async def _plan(cluster: Cluster, name: str, wanted: list[tuple[str, list[int] | None]], goal: Goal) -> list[Move]:
    group = await describe(cluster, name)
    if group.members:
        raise click.ClickException(
            f"group {name} has {count_text(len(group.members), 'member')}; stop them first, "
            f"or they would commit their own offsets over yours"
        )
    before = await committed(cluster, name)
    partitions = await partitions_of(cluster, wanted) if wanted else list(before)
    if not partitions:
        raise click.ClickException(f"group {name} has committed nothing; name topics with --topic")
    spans = await ranges(cluster, partitions)
    targets: Mapping[TopicPartition, int] = {}
    if goal.timestamp is not None:
        found = await offsets_at(cluster, partitions, goal.timestamp)
        targets = {partition: at.offset for partition, at in found.items()}
    return [
        Move(
            *partition, before.get(partition), _target(goal, span, before.get(partition), targets.get(partition)), *span
        )
        for partition, span in sorted(spans.items())
    ]


def _target(goal: Goal, span: Range, before: int | None, at_time: int | None) -> int:
    """Inside the partition, its end included. With nothing committed, a shift counts from the beginning."""
    if goal.earliest:
        return span.start
    if goal.latest:
        return span.end
    if goal.offset is not None:
        wanted = goal.offset
    elif goal.shift is not None:
        wanted = (span.start if before is None else before) + goal.shift
    else:
        assert at_time is not None
        wanted = at_time if at_time >= 0 else span.end
    return min(max(wanted, span.start), span.end)
