"""Settings of topics, brokers, groups and the like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import click

from ottla.cli.nouns import did_you_mean
from ottla.client.cluster import Cluster, raise_error
from ottla.protocol.messages.configs import (
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)

TYPES = {"topic": 2, "broker": 4, "broker-logger": 8, "client-metrics": 16, "group": 32}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
SOURCES = {
    1: "topic",
    2: "broker",
    3: "all brokers",
    4: "broker's file",
    5: "default",
    6: "logger",
    7: "client metrics",
    8: "group",
}
_ALL_BROKERS, _STATIC, _DEFAULT = 3, 4, 5
_WRITTEN_BY_THE_CLUSTER = "min.insync.replicas"
_BROKER, _LOGGER = TYPES["broker"], TYPES["broker-logger"]
_SET, _DELETE = 0, 1
KINDS = {
    1: "boolean", 2: "string", 3: "int", 4: "short", 5: "long", 6: "double", 7: "list", 8: "class", 9: "password",
}  # fmt: skip


class Resource(NamedTuple):
    """What has settings. name: the broker's id in digits; empty stands for all brokers."""

    kind: int
    name: str

    @property
    def broker(self) -> int | None:
        """The one broker that can answer for it."""
        return int(self.name) if self.kind in (_BROKER, _LOGGER) and self.name else None

    def __str__(self) -> str:
        return f"{TYPE_NAMES[self.kind]} {self.name or 'default'}"


class Config(NamedTuple):
    """One setting in force. value: None if it is secret or has none. documentation: only if asked for."""

    name: str
    value: str | None
    source: int
    sensitive: bool
    read_only: bool
    kind: int
    documentation: str | None

    @property
    def given(self) -> bool:
        """Someone has set it, on this resource or for all. What a new cluster writes for itself, equal to the default,
        nobody has set: min.insync.replicas, since eligible leader replicas need it for the whole cluster (KIP-966)."""
        if self.source == _ALL_BROKERS and self.name == _WRITTEN_BY_THE_CLUSTER and self.value == "1":
            return False
        return self.source not in (_DEFAULT, _STATIC)


def resource_of(kind: str, name: str) -> Resource:
    """`default` names all brokers. Raises UsageError for a broker that is no number."""
    number = TYPES[kind]
    if number in (_BROKER, _LOGGER):
        if name == "default" and number == _BROKER:
            return Resource(number, "")
        if not (name.isascii() and name.isdigit()):
            raise click.UsageError(f"a broker is named by its id{' or by default, for all' * (number == _BROKER)}")
    return Resource(number, name)


async def describe(cluster: Cluster, resource: Resource, *, documentation: bool = False) -> list[Config]:
    """By name. Raises what the broker answers."""
    row = DescribeConfigsRequest.DescribeConfigsResource(
        resource_type=resource.kind, resource_name=resource.name, configuration_keys=None
    )
    request = DescribeConfigsRequest(resources=[row], include_documentation=documentation)
    response: DescribeConfigsResponse = await cluster.send(request, broker=resource.broker)
    raise_error(response.results[0])
    found = [
        Config(
            config.name, config.value, config.config_source, config.is_sensitive, config.read_only,
            config.config_type, config.documentation,
        )
        for config in response.results[0].configs
    ]  # fmt: skip
    return sorted(found, key=lambda config: config.name)


async def alter(cluster: Cluster, resource: Resource, values: Mapping[str, str], unset: Iterable[str]) -> None:
    """Sets some, gives others back to their default, leaves the rest. All or nothing.

    Raises ClickException for a name that is neither known nor set, with the nearest that is.
    """
    plug_ins = resource.kind == _BROKER  # they may know names that the broker does not
    await check_names(cluster, resource, [*([] if plug_ins else values), *unset])
    request = IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsRequest.AlterConfigsResource(
                resource_type=resource.kind,
                resource_name=resource.name,
                configs=[
                    *(_change(name, _SET, value) for name, value in values.items()),
                    *(_change(name, _DELETE, None) for name in unset),
                ],
            )
        ]
    )
    if resource.broker is not None:
        answer: IncrementalAlterConfigsResponse = await cluster.send(request, broker=resource.broker)
        return _check(answer)
    await cluster.send_to_controller(request, _check)


async def check_names(cluster: Cluster, resource: Resource, names: Iterable[str]) -> None:
    """Brokers take any name for a broker, and give any name back to a default that it does not have."""
    wanted = list(names)
    if resource.kind == _LOGGER or not wanted:
        return
    known = [config.name for config in await describe(cluster, resource)]
    if resource.kind == _BROKER and not resource.name and cluster.brokers:
        known += [config.name for config in await describe(cluster, Resource(_BROKER, str(min(cluster.brokers))))]
    for name in wanted:
        if name not in known and not name.startswith("listener.name."):
            raise click.ClickException(
                f"a {TYPE_NAMES[resource.kind]} has no setting {name!r}{did_you_mean(name, known)}"
            )


def _change(name: str, operation: int, value: str | None) -> IncrementalAlterConfigsRequest.AlterableConfig:
    return IncrementalAlterConfigsRequest.AlterableConfig(name=name, config_operation=operation, value=value)


def _check(response: IncrementalAlterConfigsResponse) -> None:
    raise_error(response.responses[0])


async def resources(cluster: Cluster, kinds: Iterable[int]) -> list[Resource]:
    """What may have settings, of these kinds."""
    response: ListConfigResourcesResponse = await cluster.send(ListConfigResourcesRequest(resource_types=list(kinds)))
    raise_error(response)
    return sorted(Resource(row.resource_type, row.resource_name) for row in response.config_resources)
