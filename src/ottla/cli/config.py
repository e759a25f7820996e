"""`ottla config`: the settings of topics, brokers, groups, loggers and client metrics."""

from __future__ import annotations

import click

from ottla.cli.complete import named_by_kind, settings
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import cluster_options, parse_pairs
from ottla.cli.requests import configs
from ottla.cli.requests.asking import ask
from ottla.cli.terminal import bold, cell_text, dim, print_json, print_table
from ottla.cli.waiting import notice
from ottla.client.cluster import Cluster

_KIND = click.Choice(list(configs.TYPES))


@click.group(cls=SuggestingGroup)
def config() -> None:
    """Show and change settings. KIND is topic, broker, group, broker-logger or client-metrics.

    A broker is named by its id; `broker default` stands for all brokers.
    """


@config.command("list")
@click.option("-k", "--kind", "kinds", type=_KIND, multiple=True, help="Only these; repeatable.")
@cluster_options
def list_command(kinds: tuple[str, ...], bootstrap: str, as_json: bool) -> None:
    """List what can have settings of its own."""
    numbers = [configs.TYPES[kind] for kind in kinds]
    found = ask(bootstrap, lambda cluster: configs.resources(cluster, numbers))
    rows = [(configs.TYPE_NAMES.get(row.kind, str(row.kind)), row.name or "default") for row in found]
    if as_json:
        print_json([{"kind": kind, "name": name} for kind, name in rows])
    elif rows:
        print_table(("KIND", "NAME"), rows)
    else:
        print(dim("Nothing of this kind has settings of its own."))


@config.command("describe")
@click.argument("kind", type=_KIND)
@click.argument("name", shell_complete=named_by_kind)
@click.option("-a", "--all", "everything", is_flag=True, help="Defaults as well, not only what someone has set.")
@click.option("--doc", is_flag=True, help="What each setting means.")
@cluster_options
def describe_command(kind: str, name: str, everything: bool, doc: bool, bootstrap: str, as_json: bool) -> None:
    """Show the settings of one topic, broker or group."""
    resource = configs.resource_of(kind, name)

    async def work(cluster: Cluster) -> list[configs.Config]:
        await _check_exists(cluster, resource)
        return await configs.describe(cluster, resource, documentation=doc)

    found = [row for row in ask(bootstrap, work) if everything or row.given]
    if as_json:
        print_json([_shape(row, doc) for row in found])
    elif not found:
        print(dim(f"Nobody has set anything for {resource}; --all shows the defaults."))
    elif doc:
        for row in found:
            print(f"{bold(row.name)} = {cell_text(_value(row))}  {dim(_source(row))}")
            if row.documentation:
                print(_prose(row.documentation))
    else:
        cells = [(row.name, _value(row), _source(row)) for row in found]
        print_table(("SETTING", "VALUE", "FROM"), cells)


def _prose(documentation: str) -> str:
    """Kafka writes its documentation as HTML."""
    import re
    from textwrap import fill

    return fill(re.sub(r"</?[a-z][^>]*>", "", documentation), 100, initial_indent="  ", subsequent_indent="  ")


async def _check_exists(cluster: Cluster, resource: configs.Resource) -> None:
    if configs.TYPE_NAMES[resource.kind] == "topic":
        from ottla.cli.requests.topics import topics_named

        await topics_named(cluster, [resource.name])


def _value(row: configs.Config) -> str | None:
    return "(secret)" if row.sensitive else row.value


def _source(row: configs.Config) -> str:
    return configs.SOURCES.get(row.source, str(row.source))


def _shape(row: configs.Config, doc: bool) -> dict[str, object]:
    result: dict[str, object] = {
        "name": row.name,
        "value": row.value,
        "from": _source(row),
        "type": configs.KINDS.get(row.kind),
        "secret": row.sensitive,
        "read_only": row.read_only,
    }
    return {**result, "documentation": row.documentation} if doc else result


@config.command("set")
@click.argument("kind", type=_KIND)
@click.argument("name", shell_complete=named_by_kind)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...", shell_complete=settings)
@cluster_options
def set_command(kind: str, name: str, pairs: tuple[str, ...], bootstrap: str, as_json: bool) -> None:
    """Change settings; what is not named stays as it is."""
    values = parse_pairs(pairs)
    _alter(configs.resource_of(kind, name), values, (), bootstrap, as_json)


@config.command("unset")
@click.argument("kind", type=_KIND)
@click.argument("name", shell_complete=named_by_kind)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=settings)
@cluster_options
def unset_command(kind: str, name: str, keys: tuple[str, ...], bootstrap: str, as_json: bool) -> None:
    """Give settings back to their default."""
    _alter(configs.resource_of(kind, name), {}, keys, bootstrap, as_json)


def _warn_if_without_effect(resource: configs.Resource, key: str) -> None:
    """Kafka takes these, for the listeners that need them. Here they are stored, and nothing more."""
    if configs.TYPE_NAMES[resource.kind] != "broker":
        return
    from ottla.broker.refusals import REFUSALS
    from ottla.metadata.effective import base_name

    rule = REFUSALS.get(key) or REFUSALS.get(base_name(key))
    if rule is not None:
        notice(f"a broker of Ottla stores {key} without effect: {rule.lacks}")


def _alter(
    resource: configs.Resource, values: dict[str, str], unset: tuple[str, ...], bootstrap: str, as_json: bool
) -> None:
    async def work(cluster: Cluster) -> None:
        await _check_exists(cluster, resource)
        await configs.alter(cluster, resource, values, unset)

    ask(bootstrap, work)
    if as_json:
        kind = configs.TYPE_NAMES[resource.kind]
        print_json({"kind": kind, "name": resource.name or "default", "set": values, "unset": list(unset)})
        return
    for key, value in values.items():
        print(f"{resource}: {key} = {value}")
        _warn_if_without_effect(resource, key)
    for key in unset:
        print(f"{resource}: {key} is back to its default")
