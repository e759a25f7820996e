"""Transactions answered as Apache Kafka answers them: the same conversations with both brokers, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ottla.client.connection import open_connection
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from ottla.protocol.messages.features import UpdateFeaturesRequest
from tests.conformance.kafka_broker import KafkaBroker, start, stop
from tests.conformance.ottla_broker import OttlaBroker
from tests.conformance.transaction_asker import Asker
from tests.conformance.transaction_cases import CONVERSATIONS, Conversation

pytestmark = [pytest.mark.java, pytest.mark.process]

SAFE_DOWNGRADE = 2
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


async def at_level(address: str, level: int) -> None:
    """Finalises transaction.version at another level, and waits until the broker tells it."""
    host, _, port = address.rpartition(":")
    connection = await open_connection(host, int(port))
    update = UpdateFeaturesRequest.FeatureUpdateKey(
        feature="transaction.version", max_version_level=level, upgrade_type=SAFE_DOWNGRADE
    )
    answer = await connection.send(UpdateFeaturesRequest(timeout_ms=10_000, feature_updates=[update]))
    assert answer.error_code == 0, answer
    asked = ApiVersionsRequest(client_software_name="test", client_software_version="1")
    for _ in range(200):
        told = (await connection.send(asked, version=4)).finalized_features
        if [one.max_version_level for one in told if one.name == "transaction.version"] == [level]:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the level does not change")
    connection.close()


def test_conversations_are_the_same_before_the_second_version_of_transactions(tmp_path: Path) -> None:
    """At level 1 an abort without the client leaves records and epochs otherwise than at level 2."""
    theirs = start(tmp_path / "kafka")
    try:
        with OttlaBroker(tmp_path / "ottla", *AS_KAFKA) as mine:
            for address in (theirs.address, mine.address):
                asyncio.run(at_level(address, 1))
            for conversation in CONVERSATIONS:
                expected = asyncio.run(converse(theirs.address, conversation))
                assert asyncio.run(converse(mine.address, conversation)) == expected, conversation.__name__
    finally:
        stop(theirs)


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.__name__)
def test_the_same_conversation_is_told_the_same(
    conversation: Conversation, kafka: KafkaBroker, ours: OttlaBroker
) -> None:
    expected = asyncio.run(converse(kafka.address, conversation))
    assert len(expected) > 10
    assert asyncio.run(converse(ours.address, conversation)) == expected
