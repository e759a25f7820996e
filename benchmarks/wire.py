"""A blocking connection that speaks the protocol directly: for set-up, probes, and loads that cost a client little."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import TypeVar

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.records.record import BatchBuilder

CLIENT_ID = "bench"
BY_ID = 13
"""Since this version Produce names topics by id."""
LATEST = -1

Answer = TypeVar("Answer", bound=Message)


class Refused(Exception):
    """The broker answered with an error code."""


class Wire:
    """One connection, one request at a time."""

    def __init__(self, address: str, timeout_s: float = 60) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def exchange(self, frame: bytes) -> bytes:
        """Sends a frame, its length first; the answer's frame without its length."""
        self.socket.sendall(frame)
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = self.socket.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise ConnectionResetError("the broker closed the connection")
        return data

    def ask(self, request: Message, version: int, answer: type[Answer]) -> Answer:
        assert request.api is not None
        frame = self.exchange(b"".join(request_frame(request, version, 1, CLIENT_ID)))
        return answer.decode(version, frame, read_response_header(request.api, version, frame)[1])[0]

    def topic(self, name: str, *, create: bool = False) -> MetadataResponse.MetadataResponseTopic:
        wanted = [MetadataRequest.MetadataRequestTopic(name=name)]
        request = MetadataRequest(topics=wanted, allow_auto_topic_creation=create)
        return self.ask(request, 12, MetadataResponse).topics[0]

    def wait_for_topic(self, name: str, partitions: int, *, create: bool = False) -> bytes:
        """Returns the topic's id once every partition has a leader."""
        return until(lambda: self._ready_topic(name, partitions, create))

    def _ready_topic(self, name: str, partitions: int, create: bool) -> bytes | None:
        found = self.topic(name, create=create)
        led = [one for one in found.partitions if one.leader_id >= 0 and not one.error_code]
        return found.topic_id if not found.error_code and len(led) >= partitions else None

    def produce(self, frame: bytes, version: int) -> None:
        """Raises Refused."""
        answer = self.exchange(frame)
        check_produced(answer, version)

    def end_offsets(self, topic: str, partitions: int) -> list[int]:
        asked = [
            ListOffsetsRequest.ListOffsetsPartition(partition_index=one, timestamp=LATEST) for one in range(partitions)
        ]
        request = ListOffsetsRequest(
            replica_id=-1, isolation_level=0, topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=asked)]
        )
        answer = self.ask(request, 7, ListOffsetsResponse)
        for one in answer.topics[0].partitions:
            refuse(one.error_code)
        return [one.offset for one in answer.topics[0].partitions]


def greeted(address: str, count: int) -> list[Wire]:
    """Connections that have said which versions they speak. Each is answered before the next is opened: Kafka queues
    50 unaccepted connections, and one more waits for a second."""
    wires = []
    for _ in range(count):
        wires.append(Wire(address))
        wires[-1].ask(
            ApiVersionsRequest(client_software_name="bench", client_software_version="1"), 3, ApiVersionsResponse
        )
    return wires


def refuse(code: int) -> None:
    if code:
        raise Refused(f"error code {code}")


def check_produced(answer: bytes, version: int) -> None:
    """Raises Refused unless every partition of a produce answer says that it is well."""
    position = read_response_header(0, version, answer)[1]
    for topic in ProduceResponse.decode(version, answer, position)[0].responses:
        for one in topic.partition_responses:
            refuse(one.error_code)


Found = TypeVar("Found")


def until(call: Callable[[], Found | None], timeout_s: float = 600) -> Found:
    """What `call` returns, once it does and neither refuses nor fails to connect."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = call()
        except (OSError, Refused):
            found = None
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came of it in {timeout_s} s")
        time.sleep(0.002)


def create_topic(address: str, name: str, partitions: int, **configs: str) -> bytes:
    """The id of a new topic, all of whose partitions have a leader."""
    with Wire(address) as wire:
        until(lambda: _created(wire, name, partitions, configs))
        topic_id = wire.wait_for_topic(name, partitions)
        until(lambda: wire.end_offsets(name, partitions))  # Kafka names a leader before the leader knows
        return topic_id


def _created(wire: Wire, name: str, partitions: int, configs: dict[str, str]) -> bool:
    settings = [
        CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=value)
        for key, value in configs.items()
    ]
    topic = CreateTopicsRequest.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=settings
    )
    answer = wire.ask(
        CreateTopicsRequest(topics=[topic], timeout_ms=60_000, validate_only=False), 5, CreateTopicsResponse
    )
    refuse(answer.topics[0].error_code)
    return True


def delete_topic(address: str, name: str) -> None:
    with Wire(address) as wire:
        request = DeleteTopicsRequest(topic_names=[name], timeout_ms=60_000)
        refuse(wire.ask(request, 5, DeleteTopicsResponse).responses[0].error_code)


def one_record_batch(size_bytes: int) -> bytes:
    builder = BatchBuilder()
    builder.append(int(time.time() * 1000), None, b"x" * size_bytes)
    return builder.build()


def produce_frame(version: int, topic: str, topic_id: bytes, partition: int, batch: bytes, acks: int = 1) -> bytes:
    """A whole request, ready to be sent again and again."""
    by_id = version >= BY_ID
    data = ProduceRequest.TopicProduceData(
        name="" if by_id else topic,
        topic_id=Uuid(topic_id) if by_id else ZERO_UUID,
        partition_data=[ProduceRequest.PartitionProduceData(index=partition, records=batch)],
    )
    request = ProduceRequest(transactional_id=None, acks=acks, timeout_ms=30_000, topic_data=[data])
    return b"".join(request_frame(request, version, 7, CLIENT_ID))


def fetch_frame(topic: str, offsets: dict[int, int], *, max_bytes: int, max_wait_ms: int) -> bytes:
    """A full fetch (no session) of partitions by name, from their offsets on."""
    asked = [
        FetchRequest.FetchPartition(
            partition=partition, current_leader_epoch=-1, fetch_offset=offset, last_fetched_epoch=-1,
            log_start_offset=-1, partition_max_bytes=max_bytes,
        )
        for partition, offset in offsets.items()
    ]  # fmt: skip
    request = FetchRequest(
        replica_id=-1, max_wait_ms=max_wait_ms, min_bytes=1, max_bytes=max_bytes, isolation_level=0, session_id=0,
        session_epoch=-1, topics=[FetchRequest.FetchTopic(topic=topic, partitions=asked)],
        forgotten_topics_data=[], rack_id="",
    )  # fmt: skip
    return b"".join(request_frame(request, 12, 7, CLIENT_ID))
