"""The broker's connection on real sockets: plain and under TLS, on asyncio's own loop and on uvloop.

The two loops buffer, pause and split differently, and under TLS differently again; clients must not notice.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ottla.broker.node import Node
from ottla.broker.settings import BrokerSettings
from ottla.broker.unsent import READ_AHEAD_BYTES
from ottla.client.connection import Connection, ConnectionOptions, open_connection
from ottla.common.clock import SystemClock, SystemRandom
from ottla.common.log import Log
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder, read_all
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles

TOPIC = "large"
MIB = 1 << 20
LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
Scenario = Callable[["Served"], Awaitable[None]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.fixture(params=["plain", "tls"])
def server_and_client_tls(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    if request.param == "plain":
        return None, None
    path: Path = request.getfixturevalue("certificate")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


class Served:
    """A broker in this process, and how to reach it."""

    def __init__(self, node: Node, tls: ssl.SSLContext | None) -> None:
        self.node = node
        self.tls = tls

    @property
    def port(self) -> int:
        return self.node.listeners[0].bind.port

    async def connect(self) -> Connection:
        return await open_connection("127.0.0.1", self.port, ConnectionOptions(tls=self.tls, max_in_flight=500))

    async def fill(self, connection: Connection, batches: int) -> list[bytes]:
        """A topic with values of 1 MiB each, one in a batch, sent without waiting for one another."""
        wanted = CreateTopicsRequest.CreatableTopic(
            name=TOPIC, num_partitions=1, replication_factor=1,
            configs=[CreateTopicsRequest.CreatableTopicConfig(name="max.message.bytes", value=str(4 * MIB))],
        )  # fmt: skip
        assert (await connection.send(CreateTopicsRequest(topics=[wanted]))).topics[0].error_code == 0
        values = [bytes([number + 1]) * MIB for number in range(batches)]
        answers = [connection.submit(self.produce(value), version=9) for value in values]
        offsets = [(await answer).responses[0].partition_responses[0].base_offset for answer in answers]
        assert offsets == list(range(batches))
        return values

    def produce(self, value: bytes) -> ProduceRequest:
        batch = BatchBuilder()
        batch.append(1_700_000_000_000, None, value)
        data = ProduceRequest.PartitionProduceData(index=0, records=batch.build())
        topic = ProduceRequest.TopicProduceData(name=TOPIC, partition_data=[data])
        return ProduceRequest(acks=-1, timeout_ms=10_000, topic_data=[topic])

    def fetch(self) -> FetchRequest:
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=64 * MIB)
        topic = FetchRequest.FetchTopic(topic=TOPIC, partitions=[part])
        return FetchRequest(max_wait_ms=1000, min_bytes=1, max_bytes=64 * MIB, topics=[topic])

    async def slow_reader(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Asks for everything in two requests, and has not read the answers yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, limit=64 * 1024)
        for correlation_id in (1, 2):
            writer.write(b"".join(request_frame(self.fetch(), 12, correlation_id, None)))
        return reader, writer

    @property
    def pins(self) -> int:
        log = self.node.replicas.find(TOPIC, 0).log
        assert log is not None
        return sum(segment.pins for segment in log._segments)

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(0.001)


def serve(
    new_loop: Callable[[], Any],
    tls: tuple[ssl.SSLContext | None, ssl.SSLContext | None],
    folder: Path,
    scenario: Scenario,
) -> None:
    lines: list[str] = []
    loop = new_loop()
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: failures.append(context))

    async def main() -> None:
        settings = BrokerSettings.load(
            {
                "node.id": "1",
                "listeners": "PLAINTEXT://127.0.0.1:0",
                "log.dirs": str(folder / "data"),
                "ottla.metadata.store": "memory",
                "process.roles": "broker,controller",
            }
        )
        clock = SystemClock()
        node = Node(
            settings, loop=loop, files=OsFiles(), clock=clock, random=SystemRandom(), offload=ThreadOffload(),
            log=Log(clock, lines.append),
        )  # fmt: skip
        node.listeners[0].ssl_context = tls[0]
        await node.start()
        try:
            await scenario(Served(node, tls[1]))
        finally:
            await node.stop()

    try:
        loop.run_until_complete(asyncio.wait_for(main(), 20))
    finally:
        loop.close()
    assert not failures, failures
    assert not [line for line in lines if "failed" in line]


@pytest.mark.parametrize("new_loop", LOOPS)
def test_large_and_small_requests_in_one_pipeline(
    new_loop: Callable[[], Any], server_and_client_tls: Any, tmp_path: Path
) -> None:
    async def scenario(served: Served) -> None:
        connection = await served.connect()
        values = await served.fill(connection, 3)
        small = [connection.submit(MetadataRequest(topics=[]), version=9) for _ in range(200)]
        large = connection.submit(served.produce(bytes(3 * MIB)), version=9)
        after = [connection.submit(MetadataRequest(topics=[]), version=9) for _ in range(200)]
        for answer in small + after:
            assert (await answer).controller_id == 1
        assert (await large).responses[0].partition_responses[0].base_offset == 3
        fetched = await connection.send(served.fetch(), version=12)
        records = [record.value for record in read_all(fetched.responses[0].partitions[0].records)]
        assert records == [*values, bytes(3 * MIB)]
        assert served.pins == 0
        connection.close()

    serve(new_loop, server_and_client_tls, tmp_path, scenario)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_slow_reader_gets_all_of_a_file_range_and_little_of_it_waits_in_memory(
    new_loop: Callable[[], Any], server_and_client_tls: Any, tmp_path: Path
) -> None:
    async def scenario(served: Served) -> None:
        connection = await served.connect()
        values = await served.fill(connection, 12)
        connection.close()
        await served.until(lambda: not served.node.listeners[0].connections)
        # Without TLS the file itself is sent, and one small piece waits for the socket to have room again.
        ahead_bytes = 3 * READ_AHEAD_BYTES if served.tls else 16 * 1024
        reader, writer = await served.slow_reader()
        await served.until(lambda: served.pins == 1 and served.node.unsent.used_bytes > 0)
        for _ in range(2):
            answer = bytearray(4)
            answer += await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            (broker_side,) = served.node.listeners[0].connections
            transport: Any = broker_side._transport
            assert transport.get_write_buffer_size() <= ahead_bytes
            assert served.node.unsent.used_bytes <= ahead_bytes
            response, _ = FetchResponse.decode(12, answer, read_response_header(1, 12, answer, 4)[1])
            records = response.responses[0].partitions[0].records
            assert records is not None
            assert [record.value for record in read_all(records)] == values
        assert served.pins == 0
        await served.until(lambda: served.node.unsent.used_bytes == 0)
        writer.close()

    serve(new_loop, server_and_client_tls, tmp_path, scenario)


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize("who", ["client", "broker"])
def test_a_connection_that_ends_in_mid_answer_gives_its_file_back(
    new_loop: Callable[[], Any], server_and_client_tls: Any, tmp_path: Path, who: str
) -> None:
    async def scenario(served: Served) -> None:
        listener = served.node.listeners[0]
        connection = await served.connect()
        await served.fill(connection, 12)
        connection.close()
        await served.until(lambda: not listener.connections)
        reader, writer = await served.slow_reader()
        await reader.readexactly(100_000)
        assert served.pins == 1
        if who == "client":
            writer.transport.abort()
        else:
            (broker_side,) = listener.connections
            broker_side.close("a test ends it")
            assert served.pins == 0
            writer.transport.abort()
        await served.until(lambda: not listener.connections)
        assert served.pins == 0
        assert served.node.budget.used_bytes == served.node.unsent.used_bytes == 0

    serve(new_loop, server_and_client_tls, tmp_path, scenario)
