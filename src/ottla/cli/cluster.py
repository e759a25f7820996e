"""`ottla cluster`: who is in it, what it offers, where its data lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import cluster_options
from ottla.cli.requests.asking import ask
from ottla.cli.terminal import Size, bold, dim, print_json, print_table
from ottla.client.cluster import Cluster, raise_error
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.cluster import DescribeClusterRequest, DescribeClusterResponse


@click.group(cls=SuggestingGroup)
def cluster() -> None:
    """Show the cluster: brokers, features, API versions, log directories."""


@cluster.command("info")
@cluster_options
def info_command(bootstrap: str, as_json: bool) -> None:
    """Show the cluster's id and what there is in it."""
    from ottla.cli.requests.groups import all_groups
    from ottla.cli.requests.topics import all_topics

    async def work(view: Cluster) -> dict[str, Any]:
        topics = await all_topics(view)
        seen = await _describe(view)
        return {
            "cluster_id": seen.cluster_id,
            "controller": seen.controller_id,
            "brokers": len(seen.brokers),
            "topics": sum(not row.is_internal for row in topics),
            "internal_topics": sum(row.is_internal for row in topics),
            "partitions": sum(len(row.partitions) for row in topics),
            "groups": len(await all_groups(view)),
        }

    row = ask(bootstrap, work)
    if as_json:
        print_json(row)
        return
    for key, value in row.items():
        print(f"{bold(key.replace('_', ' ').ljust(15))}  {value}")


async def _describe(view: Cluster) -> DescribeClusterResponse:
    response: DescribeClusterResponse = await view.send(DescribeClusterRequest())
    raise_error(response)
    return response


@cluster.command("brokers")
@cluster_options
def brokers_command(bootstrap: str, as_json: bool) -> None:
    """List the brokers."""

    async def work(view: Cluster) -> list[dict[str, Any]]:
        seen = await _describe(view)
        return [
            {
                "id": row.broker_id,
                "host": row.host,
                "port": row.port,
                "rack": row.rack,
                "controller": row.broker_id == seen.controller_id,
                "fenced": row.is_fenced,
            }
            for row in sorted(seen.brokers, key=lambda row: row.broker_id)
        ]

    _show(ask(bootstrap, work), as_json)


@cluster.command("features")
@cluster_options
def features_command(bootstrap: str, as_json: bool) -> None:
    """List the features and their levels in force."""

    async def work(view: Cluster) -> list[dict[str, Any]]:
        response = await _versions(view, None)
        finalised = {row.name: row.max_version_level for row in response.finalized_features}
        return [
            {
                "feature": row.name,
                "oldest": row.min_version,
                "newest": row.max_version,
                "level": finalised.get(row.name),
            }
            for row in sorted(response.supported_features, key=lambda row: row.name)
        ]

    _show(ask(bootstrap, work), as_json)


async def _versions(view: Cluster, broker: int | None) -> ApiVersionsResponse:
    request = ApiVersionsRequest(client_software_name="ottla-cli", client_software_version="0")
    response: ApiVersionsResponse = await view.send(request, broker=broker)
    raise_error(response)
    return response


@cluster.command("apis")
@click.option("--broker", type=int, metavar="ID", help="Which broker to ask.  [default: any]")
@cluster_options
def apis_command(broker: int | None, bootstrap: str, as_json: bool) -> None:
    """List the requests that a broker answers, with their versions."""

    async def work(view: Cluster) -> list[dict[str, Any]]:
        response = await _versions(view, broker)
        return [
            {"key": row.api_key, "api": _api_name(row.api_key), "oldest": row.min_version, "newest": row.max_version}
            for row in sorted(response.api_keys, key=lambda row: row.api_key)
        ]

    _show(ask(bootstrap, work), as_json)


def _api_name(key: int) -> str:
    from ottla.protocol.api import APIS

    return APIS[key].name if key in APIS else "?"


@cluster.command("log-dirs")
@click.option("--partitions", "each", is_flag=True, help="A line for each partition.")
@cluster_options
def log_dirs_command(each: bool, bootstrap: str, as_json: bool) -> None:
    """Show where the data lies, and how much of it."""
    from ottla.cli.requests.log_dirs import Directory, directories

    def folder(broker: int, row: Directory) -> dict[str, Any]:
        parts = [part for topic in row.topics for part in topic.partitions]
        return {
            "broker": broker,
            "directory": row.log_dir,
            "partitions": len(parts),
            "size_bytes": sum(part.partition_size for part in parts),
            "total_bytes": _known(row.total_bytes),
            "usable_bytes": _known(row.usable_bytes),
            "offline": row.error_code != 0,
        }

    found = ask(bootstrap, directories)
    if not each:
        _show([folder(broker, row) for broker, row in found], as_json)
        return
    rows = [
        {
            "broker": broker,
            "directory": row.log_dir,
            "topic": topic.name,
            "partition": part.partition_index,
            "size_bytes": part.partition_size,
            "offset_lag": part.offset_lag,
        }
        for broker, row in found
        for topic in row.topics
        for part in topic.partitions
    ]
    _show(sorted(rows, key=lambda row: (row["broker"], row["topic"], row["partition"])), as_json)


def _known(size_bytes: int) -> int | None:
    return size_bytes if size_bytes >= 0 else None


def _show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """One shape for both: the keys are the titles."""
    if as_json:
        print_json(list(rows))
    elif rows:
        titles = [key.removesuffix("_bytes").replace("_", " ").upper() for key in rows[0]]
        print_table(titles, [[_cell(key, value) for key, value in row.items()] for row in rows])
    else:
        print(dim("There is nothing to show."))


def _cell(key: str, value: Any) -> Any:
    return Size(value) if key.endswith("_bytes") and value is not None else value
