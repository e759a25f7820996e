"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources (compared with Kafka 4.3.1)."""

from __future__ import annotations

from typing import Any

from ottla.common.log import SUBJECTS
from ottla.protocol.messages.configs import (
    AlterConfigsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
)
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from tests.unit.broker.handlers.support import Asking, on_broker

TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND = 0, 1, 2
Resource = DescribeConfigsRequest.DescribeConfigsResource


def describe(*resources: tuple[int, str, list[str] | None], **options: bool) -> DescribeConfigsRequest:
    return DescribeConfigsRequest(
        resources=[
            Resource(resource_type=kind, resource_name=name, configuration_keys=keys) for kind, name, keys in resources
        ],
        **options,
    )


def incremental(*resources: tuple[int, str, list[tuple[str, int, str | None]]]) -> IncrementalAlterConfigsRequest:
    change = IncrementalAlterConfigsRequest.AlterableConfig
    return IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsRequest.AlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[change(name=key, config_operation=operation, value=text) for key, operation, text in changes],
            )
            for kind, name, changes in resources
        ]
    )


async def codes(broker: Asking, request: Any) -> list[tuple[int, str | None]]:
    answer = await broker.ask(request, request.versions[1])
    return [(one.error_code, one.error_message) for one in answer.responses]


def test_only_what_is_asked_for_is_described() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", retention_ms="1000")
        keys = ["retention.ms", "cleanup.policy", "nonsense"]
        plain = (await broker.ask(describe((TOPIC, "a", keys)), 4)).results[0]
        assert [(one.name, one.value, one.config_source, one.config_type) for one in plain.configs] == [
            ("cleanup.policy", "delete", 5, 7), ("retention.ms", "1000", 1, 5),
        ]  # fmt: skip
        assert all(one.synonyms == [] and one.documentation is None for one in plain.configs)
        full = describe((TOPIC, "a", keys), include_synonyms=True, include_documentation=True)
        policy, retention = (await broker.ask(full, 4)).results[0].configs
        assert [(one.name, one.value, one.source) for one in policy.synonyms] == [("log.cleanup.policy", "delete", 5)]
        assert [(one.name, one.value, one.source) for one in retention.synonyms] == [("retention.ms", "1000", 1)]
        assert retention.documentation

    on_broker(scenario)


def test_no_key_or_an_empty_list_of_keys_asks_for_all() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for version in range(1, 5):
            answer = await broker.ask(describe((TOPIC, "a", []), (TOPIC, "a", None), (BROKER, "1", None)), version)
            empty, null, of_broker = (len(one.configs) for one in answer.results)
            assert empty == null > 25
            assert of_broker > 200

    on_broker(scenario)


def test_each_resource_has_its_own_error() -> None:
    async def scenario(broker: Asking) -> None:
        asked = [
            (TOPIC, "absent", 3), (TOPIC, "a b", 17), (TOPIC, "", 17), (BROKER, "2", 42), (BROKER, "x", 42),
            (BROKER, "", 0), (LOGGER, "", 42), (LOGGER, "2", 42), (LOGGER, "x", 42), (CLIENT_METRICS, "", 42),
            (CLIENT_METRICS, "any", 0), (GROUP, "", 42), (GROUP, "any", 0),
        ]  # fmt: skip
        answer = await broker.ask(describe(*[(kind, name, None) for kind, name, _ in asked]), 4)
        found = [(one.resource_type, one.resource_name, one.error_code) for one in answer.results]
        assert found == asked
        assert [bool(one.error_message) for one in answer.results] == [code not in (0, 3) for _, _, code in asked]

    on_broker(scenario)


def test_a_resource_of_an_unknown_type_refuses_the_whole_request() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        answer = await broker.ask(describe((TOPIC, "a", None), (99, "x", None)), 4)
        assert [(one.error_code, one.configs) for one in answer.results] == [(42, []), (42, [])]

    on_broker(scenario)


def test_one_forbidden_resource_does_not_keep_the_others_from_being_changed() -> None:
    async def scenario(broker: Asking) -> None:
        for topic in "abc":
            await broker.topic(topic)
        guard(broker.node, DenyOnly(Check(Operation.ALTER_CONFIGS, ResourceType.TOPIC, "b")))
        changes = [(TOPIC, topic, [("retention.ms", SET, "1000")]) for topic in "abc"]
        found = await codes(broker, incremental(*changes))  # type: ignore[arg-type]
        assert [code for code, _ in found] == [0, 29, 0]
        assert [broker.node.topic_settings(topic).retention_ms == 1000 for topic in "abc"] == [True, False, True]
        replaced = AlterConfigsRequest(
            resources=[AlterConfigsRequest.AlterConfigsResource(resource_type=TOPIC, resource_name=t) for t in "abc"]
        )
        assert [code for code, _ in await codes(broker, replaced)] == [0, 29, 0]
        assert not any(broker.node.topic_settings(topic).retention_ms == 1000 for topic in "abc")

    on_broker(scenario)


def test_the_log_level_changes_until_the_broker_stops() -> None:
    async def scenario(broker: Asking) -> None:
        before = (await broker.ask(describe((LOGGER, "1", None)), 4)).results[0].configs
        assert {(one.name, one.value, one.config_source) for one in before} == {
            (name, "INFO", 6) for name in ("root", *SUBJECTS)
        }
        quiet = incremental((LOGGER, "1", [("connection", SET, "ERROR")]))
        assert await codes(broker, quiet) == [(0, None)]
        assert (broker.node.log.level_of("connection"), broker.node.log.level) == ("error", "info")
        assert await codes(broker, incremental((LOGGER, "1", [("connection", DELETE, None)]))) == [(0, None)]
        assert broker.node.log.level_of("connection") == "info"
        assert await codes(broker, incremental((LOGGER, "1", [("root", SET, "DEBUG")]))) == [(0, None)]
        assert broker.node.log.level == "debug"
        after = (await broker.ask(describe((LOGGER, "1", ["root"])), 4)).results[0].configs
        assert after[0].value == "DEBUG"
        tried = incremental((LOGGER, "1", [("root", SET, "ERROR")]))
        tried.validate_only = True
        assert await codes(broker, tried) == [(0, None)]
        assert broker.node.log.level == "debug"

    on_broker(scenario)


def test_wrong_log_levels_are_refused_in_kafkas_words() -> None:
    levels = "DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
    refused: list[tuple[str, tuple[str, int, str | None], int, str]] = [
        ("1", ("no.such", SET, "WARN"), 40, "Logger no.such does not exist!"),
        ("1", ("root", SET, "LOUD"), 40, "Cannot set the log level of root to LOUD as it is not a supported log level. "
                                         f"Valid log levels are {levels}"),
        ("1", ("root", APPEND, "INFO"), 42, "APPEND operation is not allowed for the BROKER_LOGGER resource"),
        ("1", ("root", SET, None), 42, "Null value not supported for : root"),
        ("1", ("root", DELETE, None), 42, "Removing the log level of the root logger is not allowed"),
        ("9", ("root", SET, "INFO"), 42, "Unexpected node id. Expected 1, but received 9"),
        ("", ("root", SET, "INFO"), 42, "Node id must be an integer, but it is: "),
    ]  # fmt: skip

    async def scenario(broker: Asking) -> None:
        for name, change, code, message in refused:
            assert await codes(broker, incremental((LOGGER, name, [change]))) == [(code, message)]
        twice = incremental((LOGGER, "1", [("root", SET, "WARN")]), (LOGGER, "1", [("root", SET, "INFO")]))
        assert await codes(broker, twice) == [(42, "Each resource must appear at most once.")] * 2
        again = incremental((LOGGER, "1", [("root", SET, "WARN"), ("root", SET, "ERROR")]))
        assert await codes(broker, again) == [(42, "Error due to duplicate config keys")]
        assert broker.node.log.level == "info"

    on_broker(scenario)


def test_resources_with_settings_are_listed() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        group, metrics = ("consumer.session.timeout.ms", SET, "50000"), ("interval.ms", SET, "1000")
        assert (
            await codes(broker, incremental((GROUP, "g", [group]), (CLIENT_METRICS, "m", [metrics]))) == [(0, None)] * 2
        )
        for types, expected in (
            ([], [("g", GROUP), ("m", CLIENT_METRICS), ("1", LOGGER), ("1", BROKER), ("a", TOPIC)]),
            ([GROUP, CLIENT_METRICS], [("g", GROUP), ("m", CLIENT_METRICS)]),
            ([TOPIC, TOPIC], [("a", TOPIC)]),
        ):
            answer = await broker.ask(ListConfigResourcesRequest(resource_types=types), 1)
            assert [(one.resource_name, one.resource_type) for one in answer.config_resources] == expected
        old = await broker.ask(ListConfigResourcesRequest(), 0)
        assert [one.resource_name for one in old.config_resources] == ["m"]
        assert (await broker.ask(ListConfigResourcesRequest(resource_types=[TOPIC, 99]), 1)).error_code == 35

    on_broker(scenario)
