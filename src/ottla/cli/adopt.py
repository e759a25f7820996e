"""`ottla log adopt`: takes over the data folders of a stopped broker, Apache Kafka's or ours without its metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottla.cli.options import json_option
from ottla.cli.terminal import count_text, dim, print_json, print_table, size_text

if TYPE_CHECKING:
    from ottla.broker.adoption.plan import Consent, Plan


@click.command("adopt")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER...")
@click.option("--dry-run", is_flag=True, help="Say what would be taken over, and change nothing.")
@click.option("--unprotected", is_flag=True, help="Go on although ACLs and SCRAM users will not be enforced.")
@click.option("--partial", is_flag=True, help="Go on although some partitions are not in these folders.")
@json_option
def adopt_command(folders: tuple[Path, ...], dry_run: bool, unprotected: bool, partial: bool, as_json: bool) -> None:
    """Take over the data folders of a broker that is stopped.

    Name all folders of its log.dirs, in their order. An Apache Kafka's topics, partitions, settings, offsets, producers
    and transactions stay what they are; the records stay where they lie. Of a folder whose metadata is lost, topics are
    made anew from the partitions in it. Nothing is deleted, and only metadata.sqlite and ottla-checkpoint are written.
    """
    from ottla.broker.adoption.plan import Consent

    paths = [str(folder.absolute()) for folder in folders]
    plan = _adopt(paths, Consent(unprotected=unprotected, partial=partial), dry_run)
    if as_json:
        topics = [{**topic._asdict(), "configs": dict(topic.configs)} for topic in plan.topics]
        print_json({"cluster_id": plan.cluster_id, "node_id": plan.node_id, "topics": topics, "notes": plan.notes})
        return
    _print(plan, paths, dry_run)


def _adopt(paths: list[str], consent: Consent, dry_run: bool) -> Plan:
    import asyncio

    from ottla.broker.adoption.plan import CannotAdopt
    from ottla.broker.adoption.taking import adopt
    from ottla.common.clock import SystemClock, SystemRandom
    from ottla.metadata.stores.sqlite import SqliteStore
    from ottla.storage.os_files import OsFiles

    store = SqliteStore(paths[0], SystemClock())
    try:
        return asyncio.run(adopt(OsFiles(), paths, store, SystemRandom(), consent, dry_run=dry_run))
    except CannotAdopt as error:
        raise click.ClickException(str(error)) from None


def _print(plan: Plan, paths: list[str], dry_run: bool) -> None:
    rows = [
        [
            topic.name,
            topic.partitions,
            size_text(topic.size_bytes),
            ", ".join(f"{k}={v}" for k, v in topic.configs.items()),
        ]
        for topic in plan.topics
    ]
    if rows:
        print_table(["TOPIC", "PARTITIONS", "SIZE", "SETTINGS"], rows)
    for note in plan.notes:
        print(f"note: {note}")
    partitions = sum(topic.partitions for topic in plan.topics)
    what = f"{count_text(len(rows), 'topic')}, {count_text(partitions, 'partition')} of cluster {plan.cluster_id}"
    if dry_run:
        print(f"would take over {what}. Nothing was changed.")
        return
    node = "" if plan.node_id == 1 else f" --set node.id={plan.node_id}"
    dirs = "" if len(paths) == 1 else f" --set log.dirs={','.join(paths)}"
    print(f"took over {what}.")
    print(dim(f"Start it with: ottla up --data {paths[0]}{node}{dirs}"))
