"""`ottla profile`: names for clusters, so that `ottla -c prod topic list` asks the right one."""

from __future__ import annotations

import click

from ottla.cli.complete import profiles
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import json_option
from ottla.cli.profiles import Profiles
from ottla.cli.terminal import dim, print_json, print_table


@click.group(cls=SuggestingGroup)
def profile() -> None:
    """Names for clusters: add, list, use, remove.

    `ottla -c NAME ...` or `--cluster NAME` asks that one, `ottla profile use NAME` makes it the one that is asked
    without either. -b and OTTLA_BOOTSTRAP are stronger than the one in use.
    """


@profile.command("add")
@click.argument("name")
@click.option("-b", "--bootstrap-server", "bootstrap", metavar="HOST:PORT", required=True, help="Its brokers.")
def add_command(name: str, bootstrap: str) -> None:
    """Give a cluster a name, or another address to the name."""
    from ottla.client.bootstrap import parse_bootstrap
    from ottla.common.errors import InvalidConfig

    try:
        parse_bootstrap(bootstrap)
    except InvalidConfig as error:
        raise click.UsageError(error.message) from None
    held = Profiles.load()
    held.clusters[name] = bootstrap
    held.save()
    print(f"{name} is {bootstrap}: `ottla -c {name} topic list` asks it, and `ottla profile use {name}` all commands.")


@profile.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the names."""
    held = Profiles.load()
    rows = [(name, bootstrap, name == held.current) for name, bootstrap in sorted(held.clusters.items())]
    if as_json:
        print_json([{"name": name, "bootstrap": bootstrap, "in_use": used} for name, bootstrap, used in rows])
    elif rows:
        print_table(("NAME", "BOOTSTRAP", "IN USE"), rows)
    else:
        print(dim("There are no profiles yet; `ottla profile add NAME -b HOST:PORT` makes one."))


@profile.command("use")
@click.argument("name", required=False, shell_complete=profiles)
@click.option("--none", "nothing", is_flag=True, help="Use none: 127.0.0.1:9092 again.")
def use_command(name: str | None, nothing: bool) -> None:
    """Ask this cluster where no other is named."""
    if (name is None) is not nothing:
        raise click.UsageError("say which with NAME, or --none")
    held = Profiles.load()
    if name is not None:
        held.bootstrap(name)
    held.current = name
    held.save()
    print("No profile is in use." if name is None else f"{name} ({held.clusters[name]}) is asked from now on.")


@profile.command("remove")
@click.argument("name", shell_complete=profiles)
def remove_command(name: str) -> None:
    """Forget a name."""
    held = Profiles.load()
    held.bootstrap(name)
    del held.clusters[name]
    if held.current == name:
        held.current = None
    held.save()
    print(f"{name} is forgotten.")
