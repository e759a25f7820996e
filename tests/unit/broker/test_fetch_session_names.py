"""Sessions are bounded by what they take: a name that no topic can have counts as many partitions."""

from __future__ import annotations

import pytest

from ottla.broker.fetch_sessions import FetchSessions, weight_of
from ottla.common.errors import FetchSessionIdNotFound
from ottla.common.names import MOST_TOPIC_CHARACTERS
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.testing.clock import SimRandom
from tests.unit.broker.handlers.support import Asking, on_broker

LONG = "x" * 32_000
UNKNOWN_TOPIC_OR_PARTITION = 3


def test_names_of_topics_that_can_be_weigh_nothing() -> None:
    assert weight_of("x" * MOST_TOPIC_CHARACTERS) == weight_of(bytes(16)) == 1
    assert weight_of(LONG) * 512 > 4 * len(LONG) - 1024, "at half a kilobyte each: four bytes for each character"


def test_a_session_that_would_take_too_much_is_not_opened_or_ends() -> None:
    sessions = FetchSessions(SimRandom(1), slots=10, most_partitions=1000)
    want = FetchRequest.FetchPartition(partition=0)
    session = sessions.open(False, 3 * weight_of(LONG), 0)
    assert session is not None
    for index in range(3):
        session.put((f"{index}{LONG}", 0), want)
        session.put((f"{index}{LONG}", 0), want)
    assert sessions.partitions == 3 * weight_of(LONG)
    assert sessions.open(False, 2 * weight_of(LONG), 0) is None
    session.forget((f"1{LONG}", 0))
    session.forget((f"1{LONG}", 0))
    assert sessions.partitions == 2 * weight_of(LONG)
    with pytest.raises(FetchSessionIdNotFound):
        sessions.use(session.session_id, 1, False, 3 * weight_of(LONG), 0)
    assert not sessions.partitions


def test_a_long_name_stays_in_its_session_and_its_error_is_told_each_time() -> None:
    """As in Apache Kafka."""

    async def scenario(broker: Asking) -> tuple[FetchResponse, FetchResponse]:
        wanted = FetchRequest.FetchPartition(partition=0)
        topics = [FetchRequest.FetchTopic(topic=LONG, partitions=[wanted])]
        first = await broker.ask(FetchRequest(session_epoch=0, max_wait_ms=0, topics=topics), 12)
        again = FetchRequest(session_id=first.session_id, session_epoch=1, max_wait_ms=0, topics=[])
        second = await broker.ask(again, 12)
        assert broker.node.fetch_sessions.partitions == weight_of(LONG)
        return first, second

    for answer in on_broker(scenario):
        assert answer.session_id
        assert answer.responses[0].partitions[0].error_code == UNKNOWN_TOPIC_OR_PARTITION


def test_sessions_of_long_names_are_refused_when_all_take_too_much() -> None:
    async def scenario(broker: Asking) -> list[bool]:
        wanted = FetchRequest.FetchPartition(partition=0)
        topics = [FetchRequest.FetchTopic(topic=f"{index}{LONG}"[:32_000], partitions=[wanted]) for index in range(10)]
        request = FetchRequest(session_epoch=0, max_wait_ms=0, topics=topics)
        return [bool((await broker.ask(request, 12)).session_id) for _ in range(4)]

    limit = str(25 * weight_of(LONG))
    assert on_broker(scenario, {"ottla.max.fetch.session.partitions": limit}) == [True, True, False, False]
