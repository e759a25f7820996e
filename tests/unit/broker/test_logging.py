"""What a broker says at info and debug, on virtual time: an operator finds who did what, and why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import ottla
from ottla.common.log import JSON, Log
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.testing.clock import SimClock
from tests.unit.broker.handlers.support import Asking, on_broker, on_coordinator

SOURCE = Path(ottla.__file__).parent
PAGE = SOURCE.parents[1] / "docs" / "logging.md"
CALL = re.compile(
    r'(?:\b_?log\.(?:debug|info|warn|error)|log_failure|chronicle|ctx\.tell|\.note|\bsay)\(\s*f?"([a-z_]+\.[a-z_]+)'
)
YIELD = re.compile(r'yield \(?\s*"([a-z]+\.[a-z_]+)"')
TOPIC, BROKER = 2, 4


def lines_of(broker: Asking) -> list[str]:
    """Everything that the broker logs from now on, at every level."""
    lines: list[str] = []
    broker.node.log._write = lines.append
    return lines


def events(lines: list[str], *names: str) -> list[str]:
    """The lines of these events, without their time."""
    return [line.split(" ", 1)[1].rstrip() for line in lines if line.split(" ")[2].rstrip() in names]


def test_the_page_lists_every_event() -> None:
    found = {
        event
        for part in ("broker", "controller", "coordinator", "metadata", "storage")
        for path in (SOURCE / part).rglob("*.py")
        for event in CALL.findall(path.read_text(encoding="utf-8"))
    }
    found |= set(YIELD.findall((SOURCE / "broker" / "audit.py").read_text(encoding="utf-8")))
    listed = re.findall(r"^\| `([a-z_.]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(found)


def test_topics_are_told_with_who_made_and_deleted_them() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        await broker.topic("orders", 3)
        await broker.ask(
            DeleteTopicsRequest(topics=[DeleteTopicsRequest.DeleteTopicState(name="orders")], timeout_ms=9), 6
        )
        return events(lines, "topic.created", "topic.deleted")

    created, deleted = on_broker(scenario)
    assert created.startswith("info topic.created topic=orders partitions=3 replicas=1 principal=User:ANONYMOUS ")
    assert deleted.startswith("info topic.deleted topic=orders principal=User:ANONYMOUS client_id=")
    assert " address=" in deleted


def altered(kind: int, name: str, *pairs: tuple[str, str]) -> IncrementalAlterConfigsRequest:
    change = IncrementalAlterConfigsRequest.AlterableConfig
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=kind, resource_name=name, configs=[change(name=key, value=value) for key, value in pairs]
    )
    return IncrementalAlterConfigsRequest(resources=[resource])


def test_settings_are_told_by_name_and_never_by_value() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        await broker.ask(altered(BROKER, "1", ("sasl.jaas.config", "hunter2"), ("log.retention.ms", "5000")), 1)
        assert not any("hunter2" in line or "5000" in line for line in lines)
        return events(lines, "config.altered", "config.not_enforced")

    told, warned = on_broker(scenario)
    assert told.startswith("info config.altered kind=broker name=1 settings=sasl.jaas.config,log.retention.ms ")
    assert warned.startswith("warn config.not_enforced what=broker names=sasl.jaas.config meaning='these settings")


def test_a_refused_or_only_tried_change_is_not_told() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        await broker.ask(altered(BROKER, "1", ("node.id", "7")), 1)
        tried = altered(BROKER, "1", ("log.retention.ms", "5000"))
        tried.validate_only = True
        await broker.ask(tried, 1)
        return events(lines, "config.altered")

    assert on_broker(scenario) == []


def test_a_quota_is_told_to_be_stored_and_not_enforced() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        entity = AlterClientQuotasRequest.EntityData(entity_type="user", entity_name="alice")
        change = AlterClientQuotasRequest.OpData(key="producer_byte_rate", value=1024.0)
        entry = AlterClientQuotasRequest.EntryData(entity=[entity], ops=[change])
        await broker.ask(AlterClientQuotasRequest(entries=[entry]), 1)
        return events(lines, "quota.altered", "config.not_enforced")

    told, warned = on_broker(scenario)
    assert told.startswith("info quota.altered entity=user:alice keys=producer_byte_rate ")
    assert warned.startswith("warn config.not_enforced what=quota names=user:alice meaning=")


def test_records_that_somebody_deletes_are_told() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        await broker.topic("t")
        await broker.produce("t")
        row = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=1)
        topic = DeleteRecordsRequest.DeleteRecordsTopic(name="t", partitions=[row])
        await broker.ask(DeleteRecordsRequest(topics=[topic], timeout_ms=9), 2)
        return events(lines, "partition.records_deleted")

    (told,) = on_broker(scenario)
    assert told.startswith("info partition.records_deleted partition=t-0 start=1 principal=User:ANONYMOUS ")


def test_a_rebalance_is_told_with_its_reason_and_members_with_theirs() -> None:
    async def scenario(broker: Asking) -> list[str]:
        lines = lines_of(broker)
        join = JoinGroupRequest(
            group_id="g",
            session_timeout_ms=6000,
            rebalance_timeout_ms=6000,
            protocol_type="consumer",
            protocols=[JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")],
        )
        answer = await broker.ask(join, 3)
        assert answer.error_code == 0
        await broker.node.loop.create_task(asyncio_sleep(10))
        return events(lines, "group.member_joined", "group.rebalancing", "group.member_left")

    joined, rebalancing, left, again = on_coordinator(scenario, {"group.initial.rebalance.delay.ms": "0"})
    assert joined.startswith("info group.member_joined group=g member=")
    assert rebalancing.startswith("info group.rebalancing group=g generation=0 reason='joined: ")
    assert left.endswith("reason='no sign of life within its session timeout of 6000 ms'") or "never synced" in left
    assert again.startswith("info group.rebalancing group=g generation=1 reason=")


async def asyncio_sleep(seconds: float) -> None:
    """On virtual time."""
    import asyncio

    await asyncio.sleep(seconds)


def test_each_request_is_told_at_debug_and_nothing_is_asked_where_it_is_off() -> None:
    async def scenario(broker: Asking) -> tuple[list[str], list[str]]:
        lines = lines_of(broker)
        await broker.topic("quiet")
        quiet = events(lines, "request.served")
        broker.node.log.set_level_of("request", "debug")
        await broker.ask(altered(TOPIC, "nosuch", ("retention.ms", "5")), 1)
        return quiet, events(lines, "request.served")

    quiet, loud = on_broker(scenario)
    assert quiet == []
    served = next(line for line in loud if "api=IncrementalAlterConfigs" in line)
    assert served.startswith("debug request.served api=IncrementalAlterConfigs version=1 client_id=")
    assert served.endswith("error=UNKNOWN_TOPIC_OR_PARTITION")
    assert " ms=" in served


@pytest.mark.parametrize("value", [1, "two words", None, 'a "quote"'])
def test_json_lines_are_objects_with_the_facts(value: object) -> None:
    lines: list[str] = []
    Log(SimClock(), lines.append, form=JSON).info("segment.rolled", partition="orders-0", value=value)
    told = json.loads(lines[0])
    assert list(told) == ["time", "level", "event", "partition", "value"]
    assert (told["level"], told["event"], told["value"]) == ("info", "segment.rolled", value)


def test_no_fact_takes_the_place_of_what_every_line_has() -> None:
    lines: list[str] = []
    Log(SimClock(), lines.append, form=JSON).info("feature.updated", level=3, time="noon")
    assert json.loads(lines[0])["level"] == "info"


def test_a_level_that_changes_while_running_changes_what_is_told() -> None:
    log = Log(SimClock(), lambda line: None)
    assert not log.tells_requests
    log.set_level_of("request", "debug")
    assert log.tells_requests
    log.set_level_of("request", None)
    assert not log.tells_requests
    log.level = "debug"
    assert log.tells_requests
