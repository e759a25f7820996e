"""`ottla transaction`: what is open, who writes, and how to end what hangs."""

from __future__ import annotations

from typing import Any

import click

from ottla.cli.complete import topics, transactional_ids
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import cluster_options, confirm, yes_option
from ottla.cli.requests.asking import ask
from ottla.cli.terminal import bold, dim, print_json, print_table
from ottla.client.cluster import Cluster


@click.group(cls=SuggestingGroup)
def transaction() -> None:
    """Show transactions and who writes; abort what hangs."""


@transaction.command("list")
@cluster_options
def list_command(bootstrap: str, as_json: bool) -> None:
    """List the transactional ids, their producers and states."""
    from ottla.cli.requests.transactions import all_transactions

    async def work(view: Cluster) -> list[dict[str, Any]]:
        return [
            {
                "transactional_id": row.transactional_id,
                "producer_id": row.producer_id,
                "state": row.transaction_state,
                "coordinator": broker,
            }
            for broker, row in await all_transactions(view)
        ]

    rows = ask(bootstrap, work)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(["TRANSACTIONAL ID", "PRODUCER ID", "STATE", "COORDINATOR"], [list(row.values()) for row in rows])
    else:
        print(dim("There are no transactional ids."))


@transaction.command("describe")
@click.argument("transactional_id", shell_complete=transactional_ids)
@cluster_options
def describe_command(transactional_id: str, bootstrap: str, as_json: bool) -> None:
    """Show one transactional id and its transaction."""
    from ottla.cli.requests.transactions import described

    async def work(view: Cluster) -> dict[str, Any]:
        broker, state = await described(view, transactional_id)
        return {
            "transactional_id": transactional_id,
            "coordinator": broker,
            "state": state.transaction_state,
            "producer_id": state.producer_id,
            "producer_epoch": state.producer_epoch,
            "timeout_ms": state.transaction_timeout_ms,
            "start_ms": state.transaction_start_time_ms if state.transaction_start_time_ms >= 0 else None,
            "partitions": [f"{topic.topic}-{index}" for topic in state.topics for index in topic.partitions],
        }

    row = ask(bootstrap, work)
    if as_json:
        print_json(row)
        return
    for key, value in row.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{bold(key.replace('_', ' ').ljust(17))}  {'-' if shown in (None, '') else shown}")


@transaction.command("producers")
@click.argument("topic", shell_complete=topics)
@click.argument("partition", type=click.IntRange(min=0))
@cluster_options
def producers_command(topic: str, partition: int, bootstrap: str, as_json: bool) -> None:
    """Show who has written to a partition."""
    from ottla.cli.requests.transactions import producers

    async def work(view: Cluster) -> list[dict[str, Any]]:
        return [
            {
                "producer_id": row.producer_id,
                "producer_epoch": row.producer_epoch,
                "last_sequence": row.last_sequence,
                "last_timestamp_ms": row.last_timestamp,
                "coordinator_epoch": row.coordinator_epoch,
                "open_since_offset": row.current_txn_start_offset if row.current_txn_start_offset >= 0 else None,
            }
            for row in await producers(view, topic, partition)
        ]

    rows = ask(bootstrap, work)
    if as_json:
        print_json(rows)
    elif rows:
        titles = [key.replace("_", " ").upper() for key in rows[0]]
        print_table(titles, [list(row.values()) for row in rows])
    else:
        print(dim(f"No producer with an id has written to {topic}-{partition} lately."))


@transaction.command("abort")
@click.argument("topic", shell_complete=topics)
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("start_offset", type=click.IntRange(min=0))
@yes_option
@cluster_options
def abort_command(topic: str, partition: int, start_offset: int, yes: bool, bootstrap: str, as_json: bool) -> None:
    """Abort a transaction that its coordinator has forgotten.

    It is the one of this partition that begins at START_OFFSET; `producers` shows where. Readers of committed data
    wait behind it.
    """
    from ottla.cli.requests.transactions import abort

    confirm(f"Abort the transaction of {topic}-{partition} that begins at offset {start_offset}?", yes)
    producer = ask(bootstrap, lambda view: abort(view, topic, partition, start_offset))
    if as_json:
        print_json({"producer_id": producer.producer_id, "producer_epoch": producer.producer_epoch})
    else:
        print(f"Aborted the transaction of producer {producer.producer_id}, epoch {producer.producer_epoch}.")
