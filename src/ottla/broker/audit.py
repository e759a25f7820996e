"""What administrators changed, and who: one event for each thing that an admin request changed.

Names of settings are told, values are not: a value may be a secret, and the present one can be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ottla.broker.refusals import without_effect
from ottla.broker.settings import BrokerSettings
from ottla.coordinator.outcome import Note
from ottla.metadata.effective import general_setting
from ottla.metadata.image import BROKER_CONFIG, CLIENT_METRICS_CONFIG, GROUP_CONFIG, TOPIC_CONFIG
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest
from ottla.protocol.messages.configs import AlterConfigsRequest, IncrementalAlterConfigsRequest
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.reassignments import AlterPartitionReassignmentsRequest
from ottla.protocol.messages.scram import AlterUserScramCredentialsRequest

if TYPE_CHECKING:
    from ottla.broker.context import Context

_KINDS = {
    TOPIC_CONFIG: "topic",
    BROKER_CONFIG: "broker",
    GROUP_CONFIG: "group",
    CLIENT_METRICS_CONFIG: "client-metrics",
}
_SETTINGS = "these settings are stored, and have no effect: see docs/settings.md"
_QUOTAS = "quotas are stored and shown, and nobody is slowed down by them yet"
_USERS = "the user is stored and shown, and nobody has to authenticate yet"


def tell(ctx: Context, request: Any, response: Any) -> None:
    """Tells the log what `request` changed, given the controller's answer."""
    describe = _CHANGES.get(type(request))
    if describe is None or getattr(request, "validate_only", False):
        return
    for event, facts in describe(request, response):
        ctx.tell(event, **facts)
    for kind, names, meaning in _not_enforced(request, response):
        ctx.node.log.warn("config.not_enforced", what=kind, names=",".join(names), meaning=meaning)


def _topics_created(request: CreateTopicsRequest, response: Any) -> Iterator[Note]:
    for topic in response.topics:
        if not topic.error_code:
            yield (
                "topic.created",
                {"topic": topic.name, "partitions": topic.num_partitions, "replicas": topic.replication_factor},
            )


def _topics_deleted(request: DeleteTopicsRequest, response: Any) -> Iterator[Note]:
    for topic in response.responses:
        if not topic.error_code:
            yield "topic.deleted", {"topic": topic.name}


def _partitions_added(request: CreatePartitionsRequest, response: Any) -> Iterator[Note]:
    wanted = {topic.name: topic.count for topic in request.topics}
    for topic in response.results:
        if not topic.error_code:
            yield "topic.partitions_added", {"topic": topic.name, "partitions": wanted.get(topic.name)}


def _altered(request: Any, response: Any) -> list[Any]:
    """The resources of the request whose settings were changed."""
    done = {(one.resource_type, one.resource_name) for one in response.responses if not one.error_code}
    return [one for one in request.resources if (one.resource_type, one.resource_name) in done]


def _configs_altered(request: Any, response: Any) -> Iterator[Note]:
    for resource in _altered(request, response):
        yield (
            "config.altered",
            {
                "kind": _KINDS.get(resource.resource_type, resource.resource_type),
                "name": resource.resource_name or "default",
                "settings": ",".join(dict.fromkeys(one.name for one in resource.configs)),
            },
        )


def _quotas_altered(request: AlterClientQuotasRequest, response: Any) -> Iterator[Note]:
    for asked, answer in zip(request.entries, response.entries, strict=False):
        if not answer.error_code:
            entity = ",".join(f"{part.entity_type}:{part.entity_name or 'default'}" for part in answer.entity)
            yield "quota.altered", {"entity": entity, "keys": ",".join(operation.key for operation in asked.ops)}


def _users_altered(request: AlterUserScramCredentialsRequest, response: Any) -> Iterator[Note]:
    for answer in response.results:
        if not answer.error_code:
            yield "user.altered", {"user": answer.user}


def _features_updated(request: UpdateFeaturesRequest, response: Any) -> Iterator[Note]:
    if not response.error_code:
        for update in request.feature_updates:
            yield "feature.updated", {"feature": update.feature, "feature_level": update.max_version_level}


def _leaders_elected(request: ElectLeadersRequest, response: Any) -> Iterator[Note]:
    partitions = sum(len(result.partition_result) for result in response.replica_election_results)
    if partitions:
        yield "partition.election_asked", {"partitions": partitions}


def _reassigned(request: AlterPartitionReassignmentsRequest, response: Any) -> Iterator[Note]:
    for topic in response.responses:
        for partition in topic.partitions:
            if not partition.error_code:
                yield "partition.reassigned", {"partition": f"{topic.name}-{partition.partition_index}"}


_CHANGES: dict[type, Callable[[Any, Any], Iterator[Note]]] = {
    CreateTopicsRequest: _topics_created,
    DeleteTopicsRequest: _topics_deleted,
    CreatePartitionsRequest: _partitions_added,
    AlterConfigsRequest: _configs_altered,
    IncrementalAlterConfigsRequest: _configs_altered,
    AlterClientQuotasRequest: _quotas_altered,
    AlterUserScramCredentialsRequest: _users_altered,
    UpdateFeaturesRequest: _features_updated,
    ElectLeadersRequest: _leaders_elected,
    AlterPartitionReassignmentsRequest: _reassigned,
}


def _not_enforced(request: Any, response: Any) -> Iterator[tuple[str, list[str], str]]:
    """What was stored and has no effect: quotas, users, and broker settings that a start would refuse. Kind, names, and
    what that means."""
    if isinstance(request, AlterClientQuotasRequest):
        names = [str(facts["entity"]) for _, facts in _quotas_altered(request, response)]
        if names:
            yield "quota", names, _QUOTAS
    elif isinstance(request, AlterUserScramCredentialsRequest):
        names = [str(facts["user"]) for _, facts in _users_altered(request, response)]
        if names:
            yield "user", names, _USERS
    elif isinstance(request, AlterConfigsRequest | IncrementalAlterConfigsRequest):
        for resource in _altered(request, response):
            if resource.resource_type == BROKER_CONFIG:
                names = [one.name for one in resource.configs if one.value is not None and _has_no_effect(one.name)]
                if names:
                    yield "broker", names, _SETTINGS


def _has_no_effect(name: str) -> bool:
    definition = general_setting(BrokerSettings.definitions, name)
    return definition is not None and bool(without_effect([definition.name], BrokerSettings.definitions))
