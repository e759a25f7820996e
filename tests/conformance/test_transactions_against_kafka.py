"""Transactions answered as Apache Kafka answers them: the same conversations with both brokers, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ottla.client.connection import open_connection
from tests.conformance.kafka_broker import KafkaBroker
from tests.conformance.ottla_broker import OttlaBroker
from tests.conformance.transaction_asker import Asker
from tests.conformance.transaction_cases import CONVERSATIONS, Conversation

pytestmark = [pytest.mark.java, pytest.mark.process]

AS_KAFKA = ("transaction.state.log.num.partitions=3", "offsets.topic.num.partitions=3")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaBroker]:
    with OttlaBroker(tmp_path_factory.mktemp("transactions"), *AS_KAFKA) as broker:
        yield broker
    assert "request.failed" not in broker.errors(), broker.errors()


async def converse(address: str, conversation: Conversation) -> list[str]:
    host, _, port = address.rpartition(":")
    connection = await open_connection(host, int(port))
    ask = Asker(connection, conversation.__name__)
    try:
        await ask.create_topic()
        await conversation(ask)
    finally:
        connection.close()
    return ask.told


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.__name__)
def test_the_same_conversation_is_told_the_same(
    conversation: Conversation, kafka: KafkaBroker, ours: OttlaBroker
) -> None:
    expected = asyncio.run(converse(kafka.address, conversation))
    assert len(expected) > 10
    assert asyncio.run(converse(ours.address, conversation)) == expected
