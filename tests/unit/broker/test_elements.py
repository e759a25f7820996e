"""Requests with many elements: refused when there are too many, read in turns, and forgotten when they are answered."""

from __future__ import annotations

import asyncio

import pytest

from ottla.broker.elements import MOST_ADMIN_ELEMENTS, REQUESTS_OF_ALL, Elements
from ottla.broker.turns import Turns
from ottla.client.connection import open_connection
from ottla.common.errors import NetworkException
from ottla.protocol.codec import SLICE_ELEMENTS, TooManyElements
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker

LIMIT = 10_000
SETTINGS = {"ottla.max.request.elements": str(LIMIT)}


def metadata(count: int) -> MetadataRequest:
    topics = [MetadataRequest.MetadataRequestTopic(name=f"t{index}") for index in range(count)]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=False)


def test_a_request_with_too_many_elements_closes_its_connection_and_no_other() -> None:
    async def scenario(broker: Asking) -> None:
        stranger = await open_connection("broker-1", PORT)
        with pytest.raises(NetworkException):
            await stranger.send(metadata(LIMIT + 1), version=12)
        elements = broker.node.elements
        assert (elements.refused, elements.used) == (1, 0)
        answer = await broker.ask(metadata(LIMIT), 12)
        assert len(answer.topics) == LIMIT
        assert elements.used == 0

    on_broker(scenario, SETTINGS)


def test_a_large_request_is_read_and_answered_in_turns() -> None:
    async def scenario(broker: Asking) -> None:
        before = broker.node.turns.paused
        await broker.ask(metadata(LIMIT), 12)
        assert broker.node.turns.paused - before >= 1.8 * LIMIT // SLICE_ELEMENTS

    on_broker(scenario)


def test_a_produce_larger_than_the_receive_buffer_is_read_in_turns_and_keeps_its_records() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t")
        nothing = [ProduceRequest.PartitionProduceData(index=index, records=None) for index in range(1, 60_000)]
        await broker.produce("t")
        topic = ProduceRequest.TopicProduceData(name="t", partition_data=nothing)
        before = broker.node.turns.paused
        answer = await broker.ask(ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[topic]), 9)
        assert len(answer.responses[0].partition_responses) == 59_999
        assert broker.node.turns.paused > before

    on_broker(scenario)


def test_requests_at_work_have_a_limit_together_and_what_ends_makes_room() -> None:
    async def main() -> None:
        elements = Elements(2000, Turns(asyncio.get_running_loop()))
        data = metadata(2000).encode(12)
        held = [(await elements.read(MetadataRequest, 12, data, 0))[1] for _ in range(REQUESTS_OF_ALL)]
        assert held == [2000] * REQUESTS_OF_ALL and elements.used == elements.limit_of_all
        with pytest.raises(TooManyElements, match="try again later"):
            await elements.read(MetadataRequest, 12, data, 0)
        assert elements.used == elements.limit_of_all
        elements.give(held.pop())
        await elements.read(MetadataRequest, 12, data, 0)

    asyncio.run(main())


def test_a_request_that_the_controller_decides_on_in_one_turn_may_have_fewer() -> None:
    async def scenario(broker: Asking) -> None:
        def elections(count: int) -> ElectLeadersRequest:
            named = [ElectLeadersRequest.TopicPartitions(topic=f"t{index}") for index in range(count)]
            return ElectLeadersRequest(election_type=0, topic_partitions=named, timeout_ms=1000)

        await broker.ask(elections(MOST_ADMIN_ELEMENTS), 2)
        with pytest.raises(NetworkException):
            await broker.ask(elections(MOST_ADMIN_ELEMENTS + 1), 2)

    on_broker(scenario)
