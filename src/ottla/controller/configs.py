"""Altering configs: of topics, brokers, groups and client metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ottla.common.errors import InvalidConfig, InvalidRequest, KafkaError, UnknownServerError, UnknownTopicOrPartition
from ottla.common.names import java_int
from ottla.common.settings import LIST
from ottla.controller.names import check_topic_name
from ottla.controller.outcome import Outcome
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import BROKER_CONFIG, CLIENT_METRICS_CONFIG, GROUP_CONFIG, TOPIC_CONFIG, ClusterImage
from ottla.protocol.logs.cluster_metadata import ConfigRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.configs import (
    AlterConfigsRequest,
    AlterConfigsResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.storage.settings import TopicSettings

SET, DELETE, APPEND, SUBTRACT = range(4)
_OPERATION_NAMES = ("SET", "DELETE", "APPEND", "SUBTRACT")

_TYPES = (TOPIC_CONFIG, BROKER_CONFIG, CLIENT_METRICS_CONFIG, GROUP_CONFIG)


AlteredOne = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse


class Change(NamedTuple):
    """One operation on one setting of a resource."""

    name: str
    operation: int
    value: str | None


def incremental_alter_configs(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Sets, deletes, appends and subtracts (KIP-339). Each resource is changed as a whole or not at all."""
    assert isinstance(request, IncrementalAlterConfigsRequest)
    counts = _counts([(resource.resource_type, resource.resource_name) for resource in request.resources])
    records: list[Message] = []
    responses, well_formed = [], []
    not_understood = False
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        changes = [Change(each.name, each.config_operation, each.value) for each in resource.configs]
        response = AlteredOne(resource_type=key[0], resource_name=key[1], error_message=None)
        responses.append(response)
        try:
            _check_shape(counts[key], key[0], changes)
            well_formed.append(response)
            records.extend(_alter(image, rules, key, changes))
        except UnknownServerError:
            not_understood = True
        except KafkaError as error:
            response.error_code, response.error_message = error.code, error.message
    if not_understood:  # then nothing of the request is done, and Kafka has no sentence for it either
        records.clear()
        for response in well_formed:
            response.error_code, response.error_message = UnknownServerError.code, None
    return Outcome([] if request.validate_only else records, IncrementalAlterConfigsResponse(responses=responses))


def alter_configs(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Replaces everything stored for a resource; what is not named goes back to its default."""
    assert isinstance(request, AlterConfigsRequest)
    counts = _counts([(resource.resource_type, resource.resource_name) for resource in request.resources])
    records: list[Message] = []
    responses = []
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        changes = [Change(each.name, SET, each.value) for each in resource.configs]
        code, message = 0, None
        try:
            _check_shape(counts[key], key[0], changes)
            named = {change.name for change in changes}
            removed = [Change(name, DELETE, None) for name in image.config(*key) if name not in named]
            records.extend(_alter(image, rules, key, removed + changes))
        except KafkaError as error:
            code, message = error.code, error.message
        responses.append(
            AlterConfigsResponse.AlterConfigsResourceResponse(
                error_code=code, error_message=message, resource_type=key[0], resource_name=key[1]
            )
        )
    return Outcome([] if request.validate_only else records, AlterConfigsResponse(responses=responses))


def _counts(keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    counts: dict[tuple[int, str], int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return counts


def _check_shape(times_named: int, resource_type: int, changes: Sequence[Change]) -> None:
    """What is wrong with a resource's part of the request whatever it is about."""
    if times_named > 1:
        raise InvalidRequest("Each resource must appear at most once.")
    check_changes(changes)
    if resource_type not in _TYPES:
        raise InvalidRequest(f"Unknown resource type {resource_type}")


def check_changes(changes: Sequence[Change]) -> None:
    """What is wrong with the changes of one resource, of a broker's loggers as well, whatever its settings are."""
    if len({change.name for change in changes}) < len(changes):
        raise InvalidRequest("Error due to duplicate config keys")
    missing = [change.name for change in changes if change.operation != DELETE and change.value is None]
    if missing:
        raise InvalidRequest(f"Null value not supported for : {', '.join(missing)}")


def _alter(
    image: ClusterImage, rules: ControllerRules, key: tuple[int, str], changes: Sequence[Change]
) -> list[Message]:
    """The records that make these changes, which are checked together with what is stored."""
    resource_type, name = key
    stored = image.config(resource_type, name)
    for change in changes:
        _check_operation(rules, resource_type, change)
    for change in changes:
        if not 0 <= change.operation < len(_OPERATION_NAMES):
            raise UnknownServerError(f"Unknown config operation {change.operation} for {change.name}.")
    wanted = {change.name: _new_text(rules, resource_type, stored, change) for change in changes}
    result = {**stored, **{each: text for each, text in wanted.items() if text is not None}}
    for each, text in wanted.items():
        if text is None:
            result.pop(each, None)
    _check(image, rules, key, wanted, result)
    # A broker is told even of a value that stays the same, so that it looks at a key store's file again (KAFKA-14136).
    return [
        ConfigRecord(resource_type=resource_type, resource_name=name, name=each, value=text)
        for each, text in wanted.items()
        if resource_type == BROKER_CONFIG or stored.get(each) != text
    ]


def _check_operation(rules: ControllerRules, resource_type: int, change: Change) -> None:
    """Only lists can be added to and taken from; those of client metrics do not count as such."""
    if change.operation not in (APPEND, SUBTRACT) or _is_list(rules, resource_type, change.name):
        return
    operation = _OPERATION_NAMES[change.operation]
    if resource_type == BROKER_CONFIG:
        if not rules.checks.is_known(change.name):
            raise InvalidConfig(f"Unknown config name: {change.name}")
        raise InvalidConfig(f"Config value {operation.lower()} is not allowed for config key: {change.name}")
    raise InvalidConfig(f"Can't {operation} to key {change.name} because its type is not LIST.")


def _new_text(rules: ControllerRules, resource_type: int, stored: Mapping[str, str], change: Change) -> str | None:
    if change.operation == DELETE:
        return None
    assert change.value is not None
    if change.operation == SET:
        return change.value
    present = stored.get(change.name)
    if present is None:
        present = _default_text(rules, resource_type, change.name)
    items = [item.strip() for item in present.split(",")] if present else []
    for item in change.value.split(","):
        if change.operation == APPEND and item not in items:
            items.append(item)
        elif change.operation == SUBTRACT and item in items:
            items.remove(item)
    return ",".join(items)


def _is_list(rules: ControllerRules, resource_type: int, name: str) -> bool:
    if resource_type == TOPIC_CONFIG:
        setting = TopicSettings.definitions.get(name)
        return setting is not None and setting.kind == LIST
    return rules.checks.is_list(resource_type, name)


def _default_text(rules: ControllerRules, resource_type: int, name: str) -> str:
    if resource_type == TOPIC_CONFIG:
        value, _ = rules.configs.topic_default(name)
        return TopicSettings.definitions[name].render(value) or ""
    return rules.checks.default_text(resource_type, name)


def _check(
    image: ClusterImage,
    rules: ControllerRules,
    key: tuple[int, str],
    wanted: Mapping[str, str | None],
    result: Mapping[str, str],
) -> None:
    resource_type, name = key
    if resource_type == TOPIC_CONFIG:
        if not name:
            raise InvalidRequest("Default topic resources are not allowed.")
        check_topic_name(name)
        check_topic_texts(rules, result)
        if name not in image.topics:
            raise UnknownTopicOrPartition(f"The topic '{name}' does not exist.")
    elif resource_type == BROKER_CONFIG:
        _check_broker_id(image, name)
        rules.checks.check_broker(name, wanted, result)
    elif resource_type == GROUP_CONFIG:
        if not name:
            raise InvalidRequest("Default group resources are not allowed.")
        rules.checks.check_group(wanted, result)
    else:
        rules.checks.check_client_metrics(name, wanted, result)


def _check_broker_id(image: ClusterImage, name: str) -> None:
    number = java_int(name)
    if number is not None and number not in image.brokers:
        known = ", ".join(str(broker) for broker in sorted(image.brokers))
        raise InvalidRequest(f"Unexpected broker id, expected {known}, but received {name}")


def check_topic_texts(rules: ControllerRules, texts: Mapping[str, str]) -> None:
    """Raises InvalidConfig unless a topic may have exactly these settings of its own."""
    for name in texts:
        if name not in TopicSettings.definitions:
            raise InvalidConfig(TopicSettings.unknown(name))
    settings = rules.configs.topic_with(texts)
    settings.check_together()
    if settings.remote_storage_enable and not rules.remote_storage:
        raise InvalidConfig(
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage."
        )
