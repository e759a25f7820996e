"""`ottla up`: a broker for development, on one line."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ottla.cli.options import BOOTSTRAP, parse_pairs

if TYPE_CHECKING:
    from ottla.broker.node import Node

DEFAULT_DATA = "ottla-data"


@click.command()
@click.option(
    "--port", default=9092, show_default=True, metavar="N", type=click.IntRange(0, 65535), help="0 takes a free port."
)
@click.option("--data", type=click.Path(), default=None, help=f"Where to keep the data.  [default: ./{DEFAULT_DATA}]")
@click.option("--ephemeral", is_flag=True, help="Keep everything in a temporary folder that is removed at the end.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Any of Kafka's broker settings; repeatable.")
@click.option("--verbose", is_flag=True, help="Log what happens, not only what goes wrong (ottla.log.level=info).")
def up(port: int, data: str | None, ephemeral: bool, pairs: tuple[str, ...], verbose: bool) -> None:
    """Start a broker on 127.0.0.1 and keep it running until Ctrl-C.

    It is set up for development: one node, topics are created when first used, a new consumer group gets its
    partitions at once.
    """
    from ottla.broker.serve import serve
    from ottla.broker.settings import BrokerSettings
    from ottla.common.errors import InvalidConfig

    listeners = parse_pairs(pairs).get("listeners")
    by_hand = click.get_current_context().get_parameter_source("port") is not ParameterSource.DEFAULT
    if listeners is not None and by_hand and port and not listens_on(listeners, port):
        raise click.UsageError(f"--port {port} and --set listeners={listeners} contradict each other; give one of them")
    if ephemeral and data is not None:
        raise click.UsageError("--ephemeral keeps nothing, so it cannot be combined with --data")
    folder = tempfile.mkdtemp(prefix="ottla-") if ephemeral else str(Path(data or DEFAULT_DATA).absolute())
    try:
        settings = BrokerSettings.load(development_settings(port, folder, ephemeral, verbose), parse_pairs(pairs))
        code = serve(settings, ready=announce)
    except InvalidConfig as error:
        raise click.ClickException(told(error.message)) from None
    finally:
        if ephemeral:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def development_settings(port: int, folder: str, ephemeral: bool, verbose: bool = False) -> dict[str, str]:
    """One node on loopback: Kafka's defaults but for replication factors of 1 and no delay for new groups."""
    return {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": folder,
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "ottla.log.level": "info" if verbose else "warn",
        "ottla.metadata.store": "memory" if ephemeral else "sqlite",
    }


def listens_on(listeners: str, port: int) -> bool:
    """Whether one of these listeners has the port."""
    return any(one.strip().rpartition(":")[2] == str(port) for one in listeners.split(","))


def told(faults: str, where: str | None = None) -> str:
    """The faults of settings for a terminal: a single one on the line, several below it, one a line."""
    lines = faults.split("\n")
    start = f"{where}: " if where is not None else ""
    if len(lines) == 1:
        return start + lines[0]
    return "\n  ".join([f"{start}{len(lines)} settings keep the broker from starting:", *lines])


def announce(node: Node) -> None:
    """The line that scripts wait for, and what a person may try next."""
    listener = node.listeners[0]
    address = listener.advertised.text
    bound = "" if listener.bind == listener.advertised else f" (listening on {listener.bind.text})"
    print(f"ready {address}{bound}", flush=True)
    if sys.stdout.isatty():
        at = "" if address == BOOTSTRAP else f" -b {address}"
        ottla = os.environ.get("OTTLA_COMMAND", "ottla")  # bin/ottla says how it was called
        print(
            f"\nTry, in another terminal:\n"
            f"  echo hello | {ottla} produce greetings{at}\n"
            f"  {ottla} consume greetings{at}\n"
            f"  {ottla} topic list{at}\n"
            f"Any Kafka client works with bootstrap server {address}. Ctrl-C stops the broker.",
            flush=True,
        )
