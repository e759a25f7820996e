"""`ottla topic`: list, describe, create, alter and delete topics. What concerns offsets is in `topic_offsets`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from ottla.cli.complete import settings, topics
from ottla.cli.nouns import SuggestingGroup, did_you_mean
from ottla.cli.options import cluster_options, confirm, parse_pairs, yes_option
from ottla.cli.requests.asking import ask
from ottla.cli.requests.topics import Topic, add_partitions, all_topics, topics_named
from ottla.cli.terminal import Size, bold, count_text, dim, print_json, print_table
from ottla.cli.topic_offsets import delete_records_command, offsets_command
from ottla.client.cluster import Cluster
from ottla.common.errors import InvalidConfig, InvalidReplicationFactor, LeaderNotAvailable, TopicAlreadyExists
from ottla.common.names import TopicPartition, uuid_text


@click.group(cls=SuggestingGroup)
def topic() -> None:
    """List, describe, create, alter and delete topics."""


topic.add_command(offsets_command)
topic.add_command(delete_records_command)


@topic.command("list")
@click.option("-a", "--all", "internal", is_flag=True, help="Internal topics as well.")
@click.option("-q", "--quiet", is_flag=True, help="Only the names, one a line.")
@cluster_options
def list_command(internal: bool, quiet: bool, bootstrap: str, as_json: bool) -> None:
    """List the topics."""
    rows = [summary(row) for row in ask(bootstrap, all_topics) if internal or not row.is_internal]
    if as_json:
        print_json(rows)
    elif quiet:
        for row in rows:
            print(row["name"])
    elif rows:
        cells = [(row["name"], row["partition_count"], row["replication_factor"], _health(row)) for row in rows]
        print_table(("TOPIC", "PARTITIONS", "REPLICAS", "STATE"), cells)
    else:
        print(dim("There are no topics yet; `ottla topic create NAME` makes one."))


def summary(row: Topic) -> dict[str, Any]:
    """A topic in a list."""
    return {
        "name": row.name,
        "id": uuid_text(row.topic_id),
        "internal": row.is_internal,
        "partition_count": len(row.partitions),
        "replication_factor": max((len(part.replica_nodes) for part in row.partitions), default=0),
        "without_leader": sum(part.leader_id < 0 for part in row.partitions),
        "under_replicated": sum(len(part.isr_nodes) < len(part.replica_nodes) for part in row.partitions),
    }


def _health(row: dict[str, Any]) -> str:
    if row["without_leader"]:
        return f"{row['without_leader']} without leader"
    return f"{row['under_replicated']} under-replicated" if row["under_replicated"] else "ok"


@topic.command("describe")
@click.argument("names", nargs=-1, required=True, metavar="TOPIC...", shell_complete=topics)
@cluster_options
def describe_command(names: tuple[str, ...], bootstrap: str, as_json: bool) -> None:
    """Show leaders, offsets, sizes and given settings."""

    async def work(cluster: Cluster) -> list[dict[str, Any]]:
        return [await described(cluster, row) for row in await topics_named(cluster, names)]

    found = ask(bootstrap, work)
    if as_json:
        print_json(found)
        return
    for index, row in enumerate(found):
        if index:
            print()
        _print_described(row)


async def described(cluster: Cluster, row: Topic) -> dict[str, Any]:
    """A topic with its partitions and the settings that were given to it."""
    from ottla.cli.requests.configs import TYPES, Resource
    from ottla.cli.requests.configs import describe as describe_configs
    from ottla.cli.requests.log_dirs import sizes
    from ottla.cli.requests.offsets import ranges

    name = row.name or ""
    led = [TopicPartition(name, part.partition_index) for part in row.partitions if part.leader_id >= 0]
    configs = await describe_configs(cluster, Resource(TYPES["topic"], name))
    spans = await ranges(cluster, led)
    on_disk = await sizes(cluster, [name])
    partitions = []
    for part in sorted(row.partitions, key=lambda part: part.partition_index):
        key = TopicPartition(name, part.partition_index)
        span = spans.get(key)
        partitions.append(
            {
                "partition": part.partition_index,
                "leader": part.leader_id,
                "leader_epoch": part.leader_epoch,
                "replicas": list(part.replica_nodes),
                "isr": list(part.isr_nodes),
                "start": span.start if span else None,
                "end": span.end if span else None,
                "size_bytes": on_disk.get(key),
            }
        )
    given = {config.name: config.value for config in configs if config.given}
    return {**summary(row), "configs": given, "partitions": partitions}


def _print_described(row: dict[str, Any]) -> None:
    print(f"{bold(row['name'])}  {dim('id ' + row['id'])}")
    for name, value in row["configs"].items():
        print(f"  {name} = {value}")
    cells = []
    for part in row["partitions"]:
        start, end, size = part["start"], part["end"], part["size_bytes"]
        records = None if end is None else end - start
        shown = None if size is None else Size(size)
        leader = "none" if part["leader"] < 0 else part["leader"]
        cells.append((part["partition"], leader, part["replicas"], part["isr"], start, end, records, shown))
    print_table(("PARTITION", "LEADER", "REPLICAS", "ISR", "START", "END", "OFFSETS", "SIZE"), cells)


@topic.command("create")
@click.argument("name", metavar="TOPIC")
@click.option(
    "-p", "--partitions", metavar="N", type=click.IntRange(1), help="How many; the broker's num.partitions otherwise."
)
@click.option(
    "-r",
    "--replicas",
    metavar="N",
    type=click.IntRange(1),
    help="Copies of each; default.replication.factor otherwise.",
)
@click.option("-c", "--config", "pairs", multiple=True, metavar="KEY=VALUE", shell_complete=settings,
              help="A topic setting; repeatable.")  # fmt: skip
@click.option("--if-not-exists", is_flag=True, help="Say nothing if the topic is there already.")
@cluster_options
def create_command(
    name: str,
    partitions: int | None,
    replicas: int | None,
    pairs: tuple[str, ...],
    if_not_exists: bool,
    bootstrap: str,
    as_json: bool,
) -> None:
    """Create a topic."""
    from ottla.client.operations import create_topic

    configs = parse_pairs(pairs)

    async def work(cluster: Cluster) -> Topic | None:
        try:
            await create_topic(cluster, name, partitions or -1, replicas or -1, configs)
        except TopicAlreadyExists:
            if not if_not_exists:
                raise
            return None
        except InvalidReplicationFactor:
            raise _too_many_replicas(replicas, len(cluster.brokers)) from None
        except InvalidConfig as error:
            raise click.ClickException(_with_the_nearest(error.message, configs)) from None
        return await _settled(cluster, name)

    created = ask(bootstrap, work)
    if as_json:
        print_json({"created": created is not None, **({"name": name} if created is None else summary(created))})
    elif created is not None:
        row = summary(created)
        copies = f"{count_text(row['replication_factor'], 'replica')} each"
        print(f"Created topic {name} with {count_text(row['partition_count'], 'partition')}, {copies}.")


def _too_many_replicas(replicas: int | None, brokers: int) -> click.ClickException:
    if replicas is None:
        return click.ClickException(
            f"default.replication.factor asks for more brokers than the {brokers} of this cluster; say how many with -r"
        )
    return click.ClickException(
        f"-r {replicas} asks for {replicas} brokers, each with a copy, and this cluster has {brokers}; "
        f"use -r {brokers}, or leave it out"
    )


def _with_the_nearest(sentence: str, given: Iterable[str]) -> str:
    """The broker's sentence about a setting, with the name that was probably meant."""
    from ottla.storage.settings import TopicSettings

    unknown = [name for name in given if name not in TopicSettings.definitions and sentence.endswith(f": {name}")]
    return sentence + (did_you_mean(unknown[0], TopicSettings.definitions) if unknown else "")


async def _settled(cluster: Cluster, name: str) -> Topic:
    """The topic once every partition has a leader: Kafka answers before that."""

    async def attempt() -> Topic:
        await cluster.refresh([name])
        row = cluster.topics.get(name)
        if row is None or any(part.leader_id < 0 for part in row.partitions):
            raise LeaderNotAvailable(f"topic {name} was created, but has no leader yet")
        return row

    return await cluster.retrying(attempt)


@topic.command("alter")
@click.argument("name", metavar="TOPIC", shell_complete=topics)
@click.option("-p", "--partitions", metavar="N", type=click.IntRange(1), help="Raise their number to this.")
@click.option("-c", "--config", "pairs", multiple=True, metavar="KEY=VALUE", shell_complete=settings,
              help="Set; repeatable.")  # fmt: skip
@click.option("-d", "--unset", multiple=True, metavar="KEY", shell_complete=settings,
              help="Give back to the default; repeatable.")  # fmt: skip
@cluster_options
def alter_command(
    name: str,
    partitions: int | None,
    pairs: tuple[str, ...],
    unset: tuple[str, ...],
    bootstrap: str,
    as_json: bool,
) -> None:
    """Add partitions to a topic, and change its settings.

    Records stay where they are: with more partitions, a key's new records may go to another one.
    """
    from ottla.cli.requests.configs import TYPES, Resource, alter

    values = parse_pairs(pairs)
    if partitions is None and not values and not unset:
        raise click.UsageError("nothing to change: give --partitions, --config or --unset")

    async def work(cluster: Cluster) -> None:
        await topics_named(cluster, [name])
        if values or unset:
            await alter(cluster, Resource(TYPES["topic"], name), values, unset)
        if partitions is not None:
            await add_partitions(cluster, name, partitions)

    ask(bootstrap, work)
    if as_json:
        print_json({"name": name, "partitions": partitions, "set": values, "unset": list(unset)})
    else:
        print(f"Altered topic {name}.")


@topic.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="TOPIC...", shell_complete=topics)
@click.option("--if-exists", is_flag=True, help="Pass over topics that do not exist.")
@yes_option
@cluster_options
def delete_command(names: tuple[str, ...], if_exists: bool, yes: bool, bootstrap: str, as_json: bool) -> None:
    """Delete topics with everything in them."""
    from ottla.client.operations import delete_topic

    async def look(cluster: Cluster) -> list[Topic]:
        if if_exists:
            await cluster.refresh(names)
            return [cluster.topics[name] for name in names if name in cluster.topics]
        return await topics_named(cluster, names)

    rows = ask(bootstrap, look)
    found = [row.name or "" for row in rows]
    if found:
        total = sum(len(row.partitions) for row in rows)
        confirm(f"Delete {', '.join(found)} with {count_text(total, 'partition')} and all records?", yes)

    async def work(cluster: Cluster) -> None:
        for name in found:
            await delete_topic(cluster, name)

    ask(bootstrap, work)
    if as_json:
        print_json({"deleted": found})
    else:
        for name in found:
            print(f"Deleted topic {name}.")
