"""Fetch as a request that makes no sense, and in what order it answers (compared with Kafka 4.3.1)."""

from __future__ import annotations

import pytest

from ottla.common.names import Uuid
from ottla.protocol.messages.fetch import FetchRequest
from tests.unit.broker.handlers.support import Asking, on_broker

NOWHERE = Uuid(b"0123456789abcdef")


def want(
    topic: str, topic_id: Uuid, *partitions: int, isolation_level: int = 0, session_epoch: int = -1
) -> FetchRequest:
    wanted = [FetchRequest.FetchPartition(partition=index, partition_max_bytes=1000) for index in partitions]
    asked = FetchRequest.FetchTopic(topic=topic, topic_id=topic_id, partitions=wanted)
    return FetchRequest(
        max_wait_ms=0, min_bytes=0, max_bytes=1000, isolation_level=isolation_level, session_epoch=session_epoch,
        topics=[asked],
    )  # fmt: skip


@pytest.mark.parametrize("version", range(4, 19))
def test_an_isolation_level_that_there_is_not_refuses_the_whole_request(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.produce("a")
        answer = await broker.ask(want("a", topic_id, 0, 9, isolation_level=2, session_epoch=0), version)
        codes = [(one.partition_index, one.error_code) for topic in answer.responses for one in topic.partitions]
        assert codes == ([(0, -1), (9, -1)] if version < 13 else [])
        assert answer.error_code == (-1 if version >= 7 else 0)
        assert answer.session_id == 0 and not broker.node.replicas.find("a", 0).watchers
        answer = await broker.ask(want("a", topic_id, 9, isolation_level=2), version)
        assert [one.error_code for one in answer.responses[0].partitions] == [3], "there is nothing to read"

    on_broker(scenario)


def test_unknown_ids_come_behind_what_is_read_and_before_unknown_partitions() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        request = want("a", topic_id, 9)
        request.topics += [*want("", NOWHERE, 0).topics, *want("a", topic_id, 0).topics]
        answer = await broker.ask(request, 18)
        codes = [(topic.topic_id, one.error_code) for topic in answer.responses for one in topic.partitions]
        assert codes == [(topic_id, 0), (NOWHERE, 100), (topic_id, 3)]

    on_broker(scenario)


def in_session(session_id: int, epoch: int, **fields: object) -> FetchRequest:
    request = FetchRequest(max_wait_ms=0, min_bytes=0, session_id=session_id, session_epoch=epoch)
    for name, value in fields.items():
        setattr(request, name, value)
    return request


def test_a_session_outlives_a_request_with_a_wrong_isolation_level() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.produce("a")
        session_id = (await broker.ask(want("a", topic_id, 0, session_epoch=0), 18)).session_id
        assert (await broker.ask(in_session(session_id, 1, isolation_level=2), 18)).error_code == -1
        answer = await broker.ask(in_session(session_id, 2), 18)
        assert (answer.error_code, answer.session_id) == (0, session_id)
        assert answer.responses[0].partitions[0].records, "what was not told is still to be told"

    on_broker(scenario)


def test_a_partition_that_is_added_and_forgotten_at_once_is_forgotten() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.produce("a")
        session_id = (await broker.ask(want("a", topic_id, 0, session_epoch=0), 18)).session_id
        forgotten = [FetchRequest.ForgottenTopic(topic_id=topic_id, partitions=[0])]
        request = in_session(
            session_id, 1, topics=want("a", topic_id, 0).topics, forgotten_topics_data=forgotten, max_bytes=1000
        )
        assert (await broker.ask(request, 18)).responses == []
        assert (await broker.ask(in_session(session_id, 2), 18)).responses == []

    on_broker(scenario)
