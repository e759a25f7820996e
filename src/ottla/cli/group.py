"""`ottla group`: list and describe groups, and delete them or their offsets. Resetting is in `group_reset`."""

from __future__ import annotations

from typing import Any

import click

from ottla.cli.complete import groups
from ottla.cli.group_reset import reset_command
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import cluster_options, confirm, parse_topic, yes_option
from ottla.cli.requests.asking import ask
from ottla.cli.requests.groups import Described, Listed, all_groups, committed, describe, group_named
from ottla.cli.terminal import bold, count_text, dim, print_json, print_table
from ottla.client.cluster import Cluster
from ottla.client.operations import LATEST
from ottla.common.names import TopicPartition


@click.group(cls=SuggestingGroup)
def group() -> None:
    """List and describe groups with their lag; reset and delete what they have read."""


group.add_command(reset_command)


@group.command("list")
@click.option("-q", "--quiet", is_flag=True, help="Only the names, one a line.")
@cluster_options
def list_command(quiet: bool, bootstrap: str, as_json: bool) -> None:
    """List the groups of every kind."""
    groups = ask(bootstrap, all_groups)
    if as_json:
        print_json([row._asdict() for row in groups])
    elif quiet:
        for row in groups:
            print(row.group)
    elif groups:
        print_table(("GROUP", "TYPE", "PROTOCOL", "STATE"), groups)
    else:
        print(dim("There are no groups."))


@group.command("describe")
@click.argument("names", nargs=-1, required=True, metavar="GROUP...", shell_complete=groups)
@cluster_options
def describe_command(names: tuple[str, ...], bootstrap: str, as_json: bool) -> None:
    """Show members, committed offsets and lag."""

    async def work(cluster: Cluster) -> list[dict[str, Any]]:
        return [await _described(cluster, name) for name in names]

    found = ask(bootstrap, work)
    if as_json:
        print_json(found)
        return
    for index, row in enumerate(found):
        if index:
            print()
        _print_described(row)


async def _described(cluster: Cluster, name: str) -> dict[str, Any]:
    found = await describe(cluster, name)
    offsets = await _offsets(cluster, found)
    return {
        **{key: value for key, value in found._asdict().items() if key != "members"},
        "lag": sum(row["lag"] or 0 for row in offsets),
        "members": [
            {**member._asdict(), "assigned": [str(partition) for partition in member.assigned]}
            for member in found.members
        ],
        "offsets": offsets,
    }


async def _offsets(cluster: Cluster, found: Described) -> list[dict[str, Any]]:
    """A row for each partition that the group has committed or reads now; lag None where nothing is committed."""
    from ottla.cli.requests.offsets import offsets_at

    owners = {partition: member.member for member in found.members for partition in member.assigned}
    offsets = await committed(cluster, found.group)
    partitions = sorted({**offsets, **owners})
    await cluster.refresh(sorted({partition.topic for partition in partitions}))
    ends = await offsets_at(cluster, [part for part in partitions if _exists(cluster, part)], LATEST)
    rows = []
    for part in partitions:
        offset, end = offsets.get(part), ends[part].offset if part in ends else None
        lag = None if offset is None or end is None else max(0, end - offset)
        rows.append(
            {
                "topic": part.topic,
                "partition": part.partition,
                "committed": offset,
                "end": end,
                "lag": lag,
                "member": owners.get(part),
            }
        )
    return rows


def _exists(cluster: Cluster, partition: TopicPartition) -> bool:
    """A deleted topic leaves its committed offsets behind for a while."""
    topic = cluster.topics.get(partition.topic)
    return topic is not None and any(
        row.partition_index == partition.partition and row.leader_id >= 0 for row in topic.partitions
    )


def _print_described(row: dict[str, Any]) -> None:
    facts = [row["type"].lower(), row["state"].lower(), count_text(len(row["members"]), "member")]
    if row["assignor"]:
        facts.append(f"assignor {row['assignor']}")
    if row["epoch"] is not None:
        facts.append(f"epoch {row['epoch']}")
    print(f"{bold(row['group'])}  {', '.join(facts)}, coordinator {row['coordinator']}, lag {row['lag']:,}")
    if row["members"]:
        print()
        cells = [(m["member"], m["instance"], m["client"], m["host"], len(m["assigned"])) for m in row["members"]]
        print_table(("MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"), cells)
    if row["offsets"]:
        print()
        cells = [tuple(offset.values()) for offset in row["offsets"]]
        print_table(("TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"), cells)
    if not row["offsets"]:
        print(dim("It has committed no offsets."))


@group.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="GROUP...", shell_complete=groups)
@yes_option
@cluster_options
def delete_command(names: tuple[str, ...], yes: bool, bootstrap: str, as_json: bool) -> None:
    """Delete groups without members.

    What they have committed goes with them.
    """
    from ottla.cli.requests.groups import delete

    async def look(cluster: Cluster) -> list[Listed]:
        return [await group_named(cluster, name) for name in names]

    ask(bootstrap, look)
    confirm(f"Delete {', '.join(names)} and what {'it has' if len(names) == 1 else 'they have'} committed?", yes)

    async def work(cluster: Cluster) -> None:
        for name in names:
            await delete(cluster, name)

    ask(bootstrap, work)
    if as_json:
        print_json({"deleted": list(names)})
    else:
        for name in names:
            print(f"Deleted group {name}.")


@group.command("delete-offsets")
@click.argument("name", metavar="GROUP", shell_complete=groups)
@click.option("-t", "--topic", "words", multiple=True, required=True, metavar="TOPIC[:PARTITION,...]",
              help="Whose offsets; repeatable.")  # fmt: skip
@yes_option
@cluster_options
def delete_offsets_command(name: str, words: tuple[str, ...], yes: bool, bootstrap: str, as_json: bool) -> None:
    """Forget what a group has committed.

    Only for topics that its members do not read now.
    """
    from ottla.cli.requests.groups import delete_offsets

    wanted = [parse_topic(word) for word in words]

    async def look(cluster: Cluster) -> list[TopicPartition]:
        await group_named(cluster, name)
        known = await committed(cluster, name)
        return [
            part
            for part in known
            if any(part.topic == topic and (numbers is None or part.partition in numbers) for topic, numbers in wanted)
        ]

    partitions = ask(bootstrap, look)
    if not partitions:
        raise click.ClickException(f"group {name} has committed nothing for {', '.join(words)}")
    confirm(f"Forget what {name} has committed for {count_text(len(partitions), 'partition')}?", yes)
    ask(bootstrap, lambda cluster: delete_offsets(cluster, name, partitions))
    if as_json:
        print_json({"group": name, "deleted": [part._asdict() for part in partitions]})
    else:
        print(f"Group {name} has forgotten its offsets of {count_text(len(partitions), 'partition')}.")
