"""What the shell offers while somebody types: names of topics, groups and settings.

It must be quick and must never disturb: after a second there is nothing to offer, and no error is shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ottla.client.cluster import Cluster

MOST_S = 1.0
_CONNECT_MS = 500

Names = list[str]


def topics(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    """Those of users; internal ones once somebody begins to type one."""

    async def work(cluster: Cluster) -> Iterable[str]:
        found = await cluster.refresh(None)
        return [row.name or "" for row in found.topics if not row.is_internal or incomplete.startswith("_")]

    return _offered(ctx, work, incomplete)


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    async def work(cluster: Cluster) -> Iterable[str]:
        from ottla.cli.requests.groups import all_groups

        return [row.group for row in await all_groups(cluster)]

    return _offered(ctx, work, incomplete)


def transactional_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    async def work(cluster: Cluster) -> Iterable[str]:
        from ottla.cli.requests.transactions import all_transactions

        await cluster.refresh([])
        return [row.transactional_id for _, row in await all_transactions(cluster)]

    return _offered(ctx, work, incomplete)


def named_by_kind(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    """What has settings: by the KIND before it."""
    kind = ctx.params.get("kind")
    if kind == "topic":
        return topics(ctx, param, incomplete)
    if kind == "group":
        return groups(ctx, param, incomplete)
    if kind not in ("broker", "broker-logger"):
        return []

    async def work(cluster: Cluster) -> Iterable[str]:
        await cluster.refresh([])
        return [*map(str, sorted(cluster.brokers)), *(["default"] if kind == "broker" else [])]

    return _offered(ctx, work, incomplete)


def settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    """Names of settings of the KIND, with `=` behind them where a value is to follow; values where they are few.

    They are known without asking a broker.
    """
    definitions = _definitions(ctx.params.get("kind", "topic"))
    name, equals, begun = incomplete.partition("=")
    if equals:
        definition = definitions.get(name)
        choices = () if definition is None else definition.one_of or (("true", "false") if definition.kind == 1 else ())
        return [f"{name}={choice}" for choice in choices if choice.startswith(begun)]
    ending = "=" if param.name == "pairs" else ""
    return [f"{each}{ending}" for each in sorted(definitions) if each.startswith(incomplete)]


def _definitions(kind: str) -> dict[str, Any]:
    if kind == "topic":
        from ottla.storage.settings import TopicSettings

        return TopicSettings.definitions
    if kind == "group":
        from ottla.coordinator.group.settings import GroupSettings

        return GroupSettings.definitions
    if kind == "broker":
        from ottla.broker.settings import BrokerSettings

        return BrokerSettings.definitions
    return {}


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> Names:
    from ottla.cli.profiles import Profiles

    try:
        return [name for name in sorted(Profiles.load().clusters) if name.startswith(incomplete)]
    except click.ClickException:
        return []


def _offered(ctx: click.Context, work: Callable[[Cluster], Awaitable[Iterable[str]]], incomplete: str) -> Names:
    """The names that begin like this; none where the cluster does not answer in time, whatever the reason."""
    import asyncio

    try:
        names = asyncio.run(asyncio.wait_for(_ask(ctx, work), MOST_S))
    except Exception:  # the shell's line is no place for an error
        return []
    return sorted(name for name in dict.fromkeys(names) if name.startswith(incomplete))


async def _ask(ctx: click.Context, work: Callable[[Cluster], Awaitable[Iterable[str]]]) -> Iterable[str]:
    from ottla.cli.options import bootstrap_of
    from ottla.client.cluster import Cluster
    from ottla.client.connection import ConnectionOptions
    from ottla.common.clock import SystemRandom

    given = ctx.params.get("bootstrap") or bootstrap_of(ctx, None)
    options = ConnectionOptions(client_id="ottla-completion", connect_timeout_ms=_CONNECT_MS)
    async with Cluster(given, SystemRandom(), options, timeout_ms=int(MOST_S * 1000)) as cluster:
        return await work(cluster)
