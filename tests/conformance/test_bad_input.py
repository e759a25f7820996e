"""What bad input gets: the reactions of Apache Kafka 4.3.1 (docs/compatibility.md), over a real socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaBroker]:
    with OttlaBroker(tmp_path_factory.mktemp("ottla")) as started:
        yield started


class Wire:
    """A socket that sends bytes as they are and reads frames."""

    def __init__(self, broker: OttlaBroker) -> None:
        self.socket = socket.create_connection(("127.0.0.1", broker.port), timeout=20)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def frame(self) -> bytes | None:
        """The next answer, or None when the broker has closed the connection."""
        head = self._read(4)
        return None if head is None else self._read(int.from_bytes(head, "big"))

    def _read(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not more:
                assert not data, "the connection was closed inside an answer"
                return None
            data += more
        return data

    def works(self) -> bool:
        """An ordinary request is still answered."""
        self.send(request(ApiVersionsRequest(), 0, 77))
        answer = self.frame()
        return answer is not None and answer[:4] == (77).to_bytes(4, "big")


def request(message: Message, version: int, correlation_id: int = 1) -> bytes:
    return b"".join(request_frame(message, version, correlation_id, "test"))


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def header(key: int, version: int, correlation_id: int = 1) -> bytes:
    return struct.pack(">hhih", key, version, correlation_id, 4) + b"test"


CLOSING = {
    "a negative length": struct.pack(">i", -1),
    "a length of zero": struct.pack(">i", 0),
    "a length above the limit": struct.pack(">i", 104_857_601),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100f8010000f40303") + bytes(240),
    "a header that is too short": frame(b"\x00\x12\x00"),
    "an unknown API": frame(header(999, 0)),
    "a negative API": frame(header(-1, 0)),
    "a removed API": frame(header(4, 0)),
    "an API of controllers": frame(header(52, 0)),
    "an API between brokers": frame(header(58, 0) + b"\0" * 20),
    "Metadata in a version to come": frame(header(3, 14) + b"\0" * 20),
    "Fetch in a version of the past": frame(header(1, 3) + b"\0" * 20),
    "Produce in a version of the past": frame(header(0, 2) + b"\0" * 20),
    "a negative version": frame(header(3, -1) + b"\0" * 20),
    "a body that ends early": frame(header(3, 1) + b"\0\0\0\5\0\3ab"),
    "an array longer than the frame": frame(header(3, 1) + b"\x7f\xff\xff\xff"),
    "random bytes": frame(header(0, 9) + bytes(range(1, 200))),
    "ApiVersions cut short": frame(header(18, 3) + b"\0\x0aabc"),
}


@pytest.mark.parametrize("data", CLOSING.values(), ids=CLOSING.keys())
def test_what_does_not_parse_closes_the_connection(broker: OttlaBroker, data: bytes) -> None:
    with Wire(broker) as wire:
        wire.send(data)
        assert wire.frame() is None
    with Wire(broker) as another:
        assert another.works()


@pytest.mark.parametrize("version", [5, 99, -1])
def test_an_unknown_version_of_api_versions_is_answered_in_the_oldest_form(broker: OttlaBroker, version: int) -> None:
    with Wire(broker) as wire:
        wire.send(frame(header(18, version, 42) + b"\0" + b"anything"))
        answer = wire.frame()
        assert answer is not None
        assert answer[:4] == (42).to_bytes(4, "big")
        response, _ = ApiVersionsResponse.decode(0, answer, 4)
        assert response.error_code == 35
        assert [(one.api_key, one.min_version, one.max_version) for one in response.api_keys] == [(18, 0, 4)]
        assert wire.works()


@pytest.mark.parametrize("name", ["", "-x", "a b", "x-", "ä"])
def test_a_client_must_name_its_software_properly(broker: OttlaBroker, name: str) -> None:
    with Wire(broker) as wire:
        wire.send(request(ApiVersionsRequest(client_software_name=name, client_software_version="1.0"), 3))
        answer = wire.frame()
        assert answer is not None
        response, _ = ApiVersionsResponse.decode(3, answer, 4)
        assert (response.error_code, response.api_keys) == (42, [])
        assert wire.works()


def test_bytes_after_a_request_are_ignored(broker: OttlaBroker) -> None:
    with Wire(broker) as wire:
        body = request(MetadataRequest(topics=[]), 1)[4:]
        wire.send(frame(body + b"abc"))
        answer = wire.frame()
        assert answer is not None
        _, position = read_response_header(3, 1, answer)
        response, _ = MetadataResponse.decode(1, answer, position)
        assert response.topics == []
        assert wire.works()


def produce(acks: int, topic: str, records: bytes | None) -> ProduceRequest:
    data = ProduceRequest.PartitionProduceData(index=0, records=records)
    return ProduceRequest(
        acks=acks, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])]
    )


def test_produce_without_records_is_refused_where_kafka_never_answers(broker: OttlaBroker) -> None:
    with Wire(broker) as wire:
        wire.send(request(MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name="empty")]), 4))
        assert wire.frame() is not None
        wire.send(request(produce(1, "empty", None), 9))
        answer = wire.frame()
        assert answer is not None
        _, position = read_response_header(0, 9, answer)
        response, _ = ProduceResponse.decode(9, answer, position)
        assert response.responses[0].partition_responses[0].error_code == 87


def test_a_failed_produce_without_acks_closes_the_connection(broker: OttlaBroker) -> None:
    with Wire(broker) as wire:
        wire.send(request(produce(0, "never-created", b"x"), 9))
        assert wire.frame() is None


def test_answers_come_in_the_order_of_requests(broker: OttlaBroker) -> None:
    with Wire(broker) as wire:
        wire.send(b"".join(request(ApiVersionsRequest(), 0, number) for number in range(500)))
        for number in range(500):
            answer = wire.frame()
            assert answer is not None
            assert int.from_bytes(answer[:4], "big") == number


def test_a_request_that_arrives_byte_by_byte_is_answered(broker: OttlaBroker) -> None:
    with Wire(broker) as wire:
        for byte in request(ApiVersionsRequest(), 0, 5):
            wire.send(bytes([byte]))
        answer = wire.frame()
        assert answer is not None
        assert int.from_bytes(answer[:4], "big") == 5


def test_announced_bytes_cost_nothing(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path / "ottla") as broker:
        process = psutil.Process(broker.pid)
        wires = [Wire(broker) for _ in range(200)]
        assert all(wire.works() for wire in wires)
        before = process.memory_info().rss
        for wire in wires:
            wire.send(struct.pack(">i", 100_000_000) + header(0, 9))
        with Wire(broker) as another:
            assert another.works()
        assert process.memory_info().rss - before < 8 * MEGABYTE
        for wire in wires:
            wire.socket.close()


def test_received_bytes_are_bounded_over_all_connections(tmp_path: Path) -> None:
    limit = 4 * MEGABYTE
    with OttlaBroker(tmp_path / "ottla", f"ottla.max.received.bytes={limit}") as broker:
        process = psutil.Process(broker.pid)
        before = process.memory_info().rss
        wires = []
        for _ in range(40):
            wire = Wire(broker)
            wire.socket.setblocking(False)
            wire.send(struct.pack(">i", 50 * MEGABYTE) + header(0, 9))
            wires.append(wire)
        for _ in range(50):  # as much as the broker takes, and no more
            for wire in wires:
                try:
                    wire.socket.send(bytes(MEGABYTE))
                except BlockingIOError:
                    pass
        with Wire(broker) as another:
            assert another.works()
        # The limit, one frame that is let through, and what the allocator keeps.
        assert process.memory_info().rss - before < limit + 2 * 50 * MEGABYTE
        for wire in wires:
            wire.socket.close()
