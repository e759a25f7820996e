"""Fetch as a request that makes no sense, and in what order it answers (compared with Kafka 4.3.1)."""

from __future__ import annotations

import asyncio

import pytest

from ottla.client.connection import open_connection
from ottla.common.names import Uuid
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.testing.cluster import PORT
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
        topic_id = await broker.topic("a", partitions=2)
        await broker.produce("a")
        session_id = (await broker.ask(want("a", topic_id, 0, 1, session_epoch=0), 18)).session_id
        forgotten = [FetchRequest.ForgottenTopic(topic_id=topic_id, partitions=[0])]
        request = in_session(
            session_id, 1, topics=want("a", topic_id, 0).topics, forgotten_topics_data=forgotten, max_bytes=1000
        )
        assert (await broker.ask(request, 18)).responses == []
        assert (await broker.ask(in_session(session_id, 2), 18)).responses == []

    on_broker(scenario)


def test_a_session_that_is_left_with_nothing_answers_what_the_request_named_without_a_session() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.produce("a")
        session_id = (await broker.ask(want("a", topic_id, 0, session_epoch=0), 18)).session_id
        forgotten = [FetchRequest.ForgottenTopic(topic_id=topic_id, partitions=[0])]
        request = in_session(
            session_id, 1, topics=want("a", topic_id, 0).topics, forgotten_topics_data=forgotten, max_bytes=1000
        )
        answer = await broker.ask(request, 18)
        assert answer.session_id == 0 and answer.responses[0].partitions[0].records
        assert (await broker.ask(in_session(session_id, 2), 18)).error_code == 70

    on_broker(scenario)


WAIT_MS = 1000
UNTIL_TOLD = 2**31 - 1


def at(partition: int, offset: int = 0, **fields: int) -> FetchRequest.FetchPartition:
    return FetchRequest.FetchPartition(
        partition=partition, fetch_offset=offset, **{"partition_max_bytes": 1000, **fields}
    )


def polling(*topics: tuple[str, Uuid, list[FetchRequest.FetchPartition]], **fields: int) -> FetchRequest:
    rows = [FetchRequest.FetchTopic(topic=name, topic_id=uuid, partitions=wanted) for name, uuid, wanted in topics]
    options = {"max_wait_ms": WAIT_MS, "min_bytes": 1, "max_bytes": 10_000, "session_epoch": -1, **fields}
    return FetchRequest(topics=rows, **options)


async def timed(broker: Asking, request: FetchRequest, version: int = 18) -> tuple[float, FetchResponse]:
    """How long the answer took, in virtual ms, and the answer."""
    before = broker.node.loop.time()
    answer = await broker.ask(request, version)
    return round((broker.node.loop.time() - before) * 1000), answer


def codes(answer: FetchResponse) -> list[tuple[int, int]]:
    return [(one.partition_index, one.error_code) for topic in answer.responses for one in topic.partitions]


REFUSED = {"unknown partition": ("a", 7), "negative partition": ("a", -1), "unknown topic": ("nosuch", 0)}


@pytest.mark.parametrize("version", [4, 12, 13, 18])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_partition_that_is_refused_does_not_end_the_wait_of_the_others(version: int, kind: str) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        name, index = REFUSED[kind]
        refused = (name, topic_id if name == "a" else NOWHERE, [at(index)])
        code = 100 if name != "a" and version >= 13 else 3
        waited_ms, answer = await timed(broker, polling(refused, ("a", topic_id, [at(0)])), version)
        assert waited_ms >= WAIT_MS
        assert codes(answer) == [(0, 0), (index, code)]
        waited_ms, answer = await timed(broker, polling(refused), version)
        assert (waited_ms < WAIT_MS / 2, codes(answer)) == (True, [(index, code)]), "nobody is left to wait for"

    on_broker(scenario)


@pytest.mark.parametrize(
    "wrong",
    [at(1, offset=9), at(1, current_leader_epoch=7), at(1, offset=0, last_fetched_epoch=5)],
    ids=["out of range", "unknown epoch", "diverging"],
)
def test_an_error_of_reading_ends_the_wait(wrong: FetchRequest.FetchPartition) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", partitions=2)
        waited_ms, _ = await timed(broker, polling(("a", topic_id, [at(0), wrong])))
        assert waited_ms < WAIT_MS / 2

    on_broker(scenario)


def test_a_session_with_a_refused_partition_waits_and_tells_the_refusal_each_time() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        opened = await broker.ask(polling(("a", topic_id, [at(0), at(7)]), session_epoch=0), 18)
        for epoch in (1, 2, 3):
            request = in_session(opened.session_id, epoch, max_wait_ms=WAIT_MS, min_bytes=1, max_bytes=1000)
            waited_ms, answer = await timed(broker, request)
            assert waited_ms >= WAIT_MS and codes(answer) == [(7, 3)]
        await broker.produce("a")
        answer = await broker.ask(in_session(opened.session_id, 4, max_bytes=1000), 18)
        assert codes(answer) == [(0, 0), (7, 3)] and answer.responses[0].partitions[0].records

    on_broker(scenario)


def test_what_a_session_has_just_served_is_looked_at_behind_the_others() -> None:
    """The answers hold one batch each, so a partition that always has more would starve the other one."""

    async def scenario(broker: Asking) -> None:
        ids = {name: await broker.topic(name) for name in ("a", "b")}
        for name in ("a", "a", "a", "b", "b"):
            await broker.produce(name)
        wanted = [(name, ids[name], [at(0)]) for name in ids]
        answer = await broker.ask(polling(*wanted, session_epoch=0, max_bytes=1), 18)
        session_id, offsets, told = answer.session_id, dict.fromkeys(ids.values(), 0), []
        for epoch in range(1, 6):
            [topic] = [topic for topic in answer.responses if topic.partitions[0].records]
            told.append(topic.topic_id)
            offsets[topic.topic_id] += 1
            news = polling(("", topic.topic_id, [at(0, offsets[topic.topic_id])])).topics
            answer = await broker.ask(in_session(session_id, epoch, topics=news, max_bytes=1), 18)
        assert told == [ids["a"], ids["b"], ids["a"], ids["b"], ids["a"]]

    on_broker(scenario)


def test_what_a_long_poll_looks_at_twice_counts_once() -> None:
    """The second look finds the first batch again: it must leave room for it, and not take it for a second one."""

    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.produce("a")
        size = len((await broker.ask(polling(("a", topic_id, [at(0)])), 18)).responses[0].partitions[0].records)
        both = {"min_bytes": 2 * size, "max_bytes": 2 * size, "max_wait_ms": UNTIL_TOLD}
        other = await open_connection("broker-1", PORT)
        waiting = asyncio.ensure_future(other.send(polling(("a", topic_id, [at(0)]), **both), version=18))
        await asyncio.sleep(1)
        assert not waiting.done(), "half of the bytes are there"
        await broker.produce("a")
        answer = await waiting
        assert len(answer.responses[0].partitions[0].records) == 2 * size
        other.close()

    on_broker(scenario)


def test_the_bytes_to_wait_for_are_no_more_than_the_answer_may_hold() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        waited_ms, _ = await timed(broker, polling(("a", topic_id, [at(0)]), max_bytes=0))
        assert waited_ms < WAIT_MS / 2, "min(min_bytes, max_bytes) are there"

    on_broker(scenario)


@pytest.mark.parametrize("limits", [{"max_bytes": -1}, {"max_bytes": -(2**31)}])
def test_a_negative_limit_of_a_request_refuses_the_first_partition_that_has_records(limits: dict[str, int]) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        other_id = await broker.topic("b")
        rows = [("a", topic_id, [at(0)]), ("b", other_id, [at(0)])]
        assert codes(await broker.ask(polling(*rows, **limits), 18)) == [(0, 0), (0, 0)], "there is nothing to read"
        await broker.produce("b")
        assert codes(await broker.ask(polling(*rows, **limits), 18)) == [(0, 0), (0, 0)]
        await broker.produce("a")
        answer = await broker.ask(polling(*rows, **limits), 18)
        assert codes(answer) == [(0, -1), (0, 0)] and answer.responses[1].partitions[0].records

    on_broker(scenario)


def test_a_negative_limit_of_a_partition_refuses_it_where_it_has_records() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        request = polling(("a", topic_id, [at(0, partition_max_bytes=-1)]), max_wait_ms=0)
        assert codes(await broker.ask(request, 18)) == [(0, 0)]
        await broker.produce("a")
        assert codes(await broker.ask(request, 18)) == [(0, -1)]

    on_broker(scenario)


def test_a_session_that_loses_its_last_partition_ends() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        opened = await broker.ask(polling(("a", topic_id, [at(0)]), session_epoch=0, max_wait_ms=0), 18)
        forgotten = [FetchRequest.ForgottenTopic(topic_id=topic_id, partitions=[0])]
        waited_ms, answer = await timed(
            broker, in_session(opened.session_id, 1, forgotten_topics_data=forgotten, max_wait_ms=WAIT_MS, min_bytes=1)
        )
        assert (answer.error_code, answer.session_id, answer.responses) == (0, 0, []) and waited_ms < WAIT_MS / 2
        assert (await broker.ask(in_session(opened.session_id, 2), 18)).error_code == 70
        assert not len(broker.node.fetch_sessions) and not broker.node.replicas.find("a", 0).watchers

    on_broker(scenario)


def test_a_session_opened_with_nothing_ends_with_its_first_use() -> None:
    async def scenario(broker: Asking) -> None:
        opened = await broker.ask(polling(session_epoch=0), 18)
        assert opened.session_id
        assert (await broker.ask(in_session(opened.session_id, 1), 18)).session_id == 0
        assert (await broker.ask(in_session(opened.session_id, 2), 18)).error_code == 70

    on_broker(scenario)


@pytest.mark.parametrize("version", [12, 18])
def test_a_topic_that_is_deleted_under_a_wait_ends_it_in_its_place(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        other_id = await broker.topic("b")
        request = polling(("a", topic_id, [at(0)]), ("b", other_id, [at(0)]), max_wait_ms=UNTIL_TOLD)
        other = await open_connection("broker-1", PORT)
        waiting = asyncio.ensure_future(other.send(request, version=version))
        await asyncio.sleep(1)
        await delete(broker, "a")
        answer = await waiting
        assert codes(answer) == [(0, 3), (0, 0)], "what was read before is an error of reading, told in its place"
        assert answer.responses[0].partitions[0].aborted_transactions is None
        other.close()

    on_broker(scenario)


def test_a_topic_made_again_has_another_id_than_the_session_knows() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        other_id = await broker.topic("b")
        rows = [("a", topic_id, [at(0)]), ("b", other_id, [at(0)])]
        session_id = (await broker.ask(polling(*rows, session_epoch=0, max_wait_ms=0), 18)).session_id
        await delete(broker, "a")
        assert codes(await broker.ask(in_session(session_id, 1), 18)) == [(0, 3)]
        again = await broker.topic("a")
        waited_ms, answer = await timed(broker, in_session(session_id, 2, max_wait_ms=WAIT_MS, min_bytes=1))
        assert codes(answer) == [(0, 103)] and waited_ms < WAIT_MS / 2
        await broker.produce("a")
        added = polling(("a", again, [at(0)])).topics
        answer = await broker.ask(in_session(session_id, 3, topics=added, max_bytes=1000), 18)
        assert [(topic.topic_id, topic.partitions[0].error_code) for topic in answer.responses] == [
            (topic_id, 103), (again, 0),
        ]  # fmt: skip

    on_broker(scenario)


async def delete(broker: Asking, topic: str) -> None:
    state = DeleteTopicsRequest.DeleteTopicState(name=topic)
    answer = await broker.ask(DeleteTopicsRequest(timeout_ms=1000, topics=[state]), 6)
    assert answer.responses[0].error_code == 0
