"""The same connection on asyncio's own loop and on uvloop, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from ottla.client.connection import ConnectionOptions, open_connection
from ottla.common.errors import NetworkException
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest
from tests.unit.client.scripted import ScriptedBroker, versions


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_requests_large_answers_and_the_end_of_a_connection(new_loop: Callable[[], Any]) -> None:
    async def main() -> None:
        broker: Any = ScriptedBroker(SimpleNamespace(loop=asyncio.get_running_loop()), port=0)  # type: ignore[arg-type]
        broker.handlers[18] = lambda _request, _version: versions(api_0=(3, 13), api_3=(0, 13))
        large = MetadataResponse(cluster_id="x" * 30_000)
        broker.handlers[3] = lambda _request, _version: large
        broker.handlers[0] = lambda _request, _version: None
        await broker.start()
        port = broker.server.sockets[0].getsockname()[1]
        connection = await open_connection("127.0.0.1", port, ConnectionOptions(max_in_flight=20))
        for _ in range(5):
            records = ProduceRequest.PartitionProduceData(records=memoryview(bytes(100_000)))
            topic = ProduceRequest.TopicProduceData(topic_id=bytes(16), partition_data=[records])
            assert await connection.send(ProduceRequest(acks=0, topic_data=[topic])) is None
        answers = [connection.submit(MetadataRequest(topics=[])) for _ in range(60)]
        for answer in answers:
            assert await answer == large
        broker.handlers[3] = lambda _request, _version: None
        pending = connection.submit(MetadataRequest(topics=[]))
        broker.stop()
        with pytest.raises(NetworkException):
            await pending
        await connection.wait_closed()
        assert [
            len(request.topic_data[0].partition_data[0].records) for request in broker.requests(ProduceRequest)
        ] == [100_000] * 5

    loop = new_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), 30))
    finally:
        loop.close()
