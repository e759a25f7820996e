"""DescribeConfigs (1 to 4) and ListConfigResources (0 to 1; KIP-1142): the settings in force, and who has any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.broker.dynamic_configs import ClientMetricsSettings, broker_id_problem
from ottla.common.errors import (
    ClusterAuthorizationFailed,
    GroupAuthorizationFailed,
    InvalidRequest,
    KafkaError,
    TopicAuthorizationFailed,
    UnknownTopicOrPartition,
    UnsupportedVersion,
)
from ottla.common.log import SUBJECTS
from ottla.controller.names import check_topic_name
from ottla.coordinator.group.settings import GroupSettings
from ottla.metadata.effective import LOGGER, Entry
from ottla.metadata.image import BROKER_CONFIG, BROKER_LOGGER, CLIENT_METRICS_CONFIG, GROUP_CONFIG, TOPIC_CONFIG
from ottla.protocol.messages.configs import (
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

ROOT_LOGGER = "root"
RESOURCE_TYPES = (GROUP_CONFIG, CLIENT_METRICS_CONFIG, BROKER_LOGGER, BROKER_CONFIG, TOPIC_CONFIG)

_ALL_TYPES_SINCE = 1

_WEIGHT = 40
"""Of a resource among the items of a slice: it takes 100 to 500 us."""

Resource = DescribeConfigsRequest.DescribeConfigsResource
Result = DescribeConfigsResponse.DescribeConfigsResult
Shown = DescribeConfigsResponse.DescribeConfigsResourceResult
ConfigResource = ListConfigResourcesResponse.ConfigResource


def config_denial(ctx: Context, operation: Operation, resource_type: int, name: str) -> KafkaError | None:
    """The error of a principal that may not see or change the settings of a resource; None where it may."""
    if resource_type == TOPIC_CONFIG:
        return None if ctx.allows(operation, ResourceType.TOPIC, name) else TopicAuthorizationFailed()
    if resource_type == GROUP_CONFIG:
        return None if ctx.allows(operation, ResourceType.GROUP, name) else GroupAuthorizationFailed()
    return None if ctx.allows(operation, ResourceType.CLUSTER, CLUSTER_NAME) else ClusterAuthorizationFailed()


async def describe_configs(ctx: Context, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    """Needs DESCRIBE_CONFIGS on the topic or group, for anything else on the cluster."""
    results = []
    unknown = any(resource.resource_type not in RESOURCE_TYPES for resource in request.resources)
    known: dict[tuple[int, str], list[Entry]] = {}
    pace = ctx.pace(only_reads=True)
    for resource in _once(request.resources):
        result = Result(resource_type=resource.resource_type, resource_name=resource.resource_name)
        results.append(result)
        try:
            if unknown:
                raise InvalidRequest  # Kafka answers the whole request with it
            denial = config_denial(ctx, Operation.DESCRIBE_CONFIGS, resource.resource_type, resource.resource_name)
            if denial is not None:
                raise denial
            key = (resource.resource_type, resource.resource_name)
            entries = known.get(key)
            if entries is None:
                entries = _entries(ctx, *key)
                if resource.configuration_keys:
                    known = {key: entries}  # the next may ask for other settings of the same resource
            result.configs = _shown(request, entries, resource.configuration_keys)
            ctx.spend(1 + len(result.configs) * (4 if request.include_synonyms else 1))
        except KafkaError as error:
            result.configs = []
            result.error_code = ctx.count_error(error)
            result.error_message = error.message
        if pace.due(_WEIGHT):
            await pace.rest()
    return DescribeConfigsResponse(throttle_time_ms=ctx.throttle_time_ms, results=results)


def _once(resources: list[Resource]) -> Iterable[Resource]:
    """A resource that is named twice with the same keys is answered once: its answer is ten thousand times as long."""
    seen: dict[tuple[int, str, tuple[str, ...] | None], Resource] = {}
    for one in resources:
        keys = one.configuration_keys
        seen.setdefault((one.resource_type, one.resource_name, None if keys is None else tuple(keys)), one)
    return seen.values()


def _entries(ctx: Context, resource_type: int, name: str) -> list[Entry]:
    """The settings of a resource. A group or a subscription need not exist."""
    node = ctx.node
    configs = node.membership.configs
    if resource_type == TOPIC_CONFIG:
        check_topic_name(name)
        if name not in node.image.topics:
            raise UnknownTopicOrPartition("")
        return configs.describe_topic(name)
    if resource_type == BROKER_CONFIG:
        problem = broker_id_problem(name, node.node_id)
        if problem is not None:
            raise problem
        return configs.describe_broker() if name else configs.describe_cluster()
    if resource_type == BROKER_LOGGER:
        _check_logger(name, node.node_id)
        levels = {ROOT_LOGGER: node.log.level, **{subject: node.log.level_of(subject) for subject in SUBJECTS}}
        return [Entry(name, level.upper(), LOGGER, False, False, 0, "", ()) for name, level in levels.items()]
    if resource_type == CLIENT_METRICS_CONFIG:
        if not name:
            raise InvalidRequest("Client metrics subscription name must not be empty")
        return configs.describe_group(resource_type, name, ClientMetricsSettings)
    if resource_type == GROUP_CONFIG:
        if not name:
            raise InvalidRequest("Group name must not be empty")
        return configs.describe_group(resource_type, name, GroupSettings)
    raise AssertionError(f"the resource type {resource_type} was let through")


def _check_logger(name: str, own: int) -> None:
    if not name:
        raise InvalidRequest("Broker id must not be empty")
    if not name.removeprefix("-").isdigit():
        raise InvalidRequest(f"Broker id must be an integer, but it is: {name}")
    if int(name) != own:
        raise InvalidRequest(f"Unexpected broker id, expected {own} but received {name}")


def _shown(request: DescribeConfigsRequest, entries: list[Entry], keys: list[str] | None) -> list[Shown]:
    """Those asked for, or all where none is named; synonyms and documentation only where asked for."""
    wanted = dict.fromkeys(keys) if keys else None
    return [
        Shown(
            name=entry.name,
            value=entry.value,
            read_only=entry.read_only,
            config_source=entry.source,
            is_sensitive=entry.sensitive,
            synonyms=[
                DescribeConfigsResponse.DescribeConfigsSynonym(name=one.name, value=one.value, source=one.source)
                for one in (entry.synonyms if request.include_synonyms else ())
            ],
            config_type=entry.kind,
            documentation=entry.doc if request.include_documentation or entry.source == LOGGER else None,
        )
        for entry in entries
        if wanted is None or entry.name in wanted
    ]


async def list_config_resources(ctx: Context, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse:
    """Needs DESCRIBE_CONFIGS on the cluster. Version 0 lists the subscriptions to client metrics alone."""
    response = ListConfigResourcesResponse(throttle_time_ms=ctx.throttle_time_ms)
    try:
        ctx.authorize(Operation.DESCRIBE_CONFIGS, ResourceType.CLUSTER)
        types = _types(request.resource_types) if ctx.version >= _ALL_TYPES_SINCE else [CLIENT_METRICS_CONFIG]
    except KafkaError as error:
        response.error_code = ctx.count_error(error)
        return response
    response.config_resources = [
        ConfigResource(resource_name=name, resource_type=one) for one in types for name in _names(ctx, one)
    ]
    return response


def _types(asked: list[int]) -> list[int]:
    for one in asked:
        if one not in RESOURCE_TYPES:
            raise UnsupportedVersion(f"the resource type {one} is not supported")
    return [one for one in RESOURCE_TYPES if not asked or one in asked]


def _names(ctx: Context, resource_type: int) -> list[str]:
    """Every topic and every live broker; groups and subscriptions only where they have a setting of their own."""
    image = ctx.node.image
    if resource_type == TOPIC_CONFIG:
        return list(image.topics)
    if resource_type in (BROKER_CONFIG, BROKER_LOGGER):
        return [str(broker.id) for broker in image.brokers.values() if not broker.fenced]
    return [name for kind, name in image.configs if kind == resource_type]
