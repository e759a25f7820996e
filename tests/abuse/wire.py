"""A blocking connection that sends requests as they are, and requests that attacks and neighbours have in common."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import zstandard

from ottla.protocol.api import APIS
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.batch import BatchHeader, assemble
from ottla.records.compression import GZIP, ZSTD, compress
from ottla.records.record import BatchBuilder, encode_record

TIMEOUT_S = 120


class Wire:
    """One connection. `ask` waits for the answer, `send` does not."""

    def __init__(self, port: int, timeout_s: float = TIMEOUT_S) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._asked: list[tuple[int, int]] = []

    def send(self, request: Message, version: int) -> None:
        assert request.api is not None
        self._asked.append((request.api, version))
        self.socket.sendall(b"".join(map(bytes, request_frame(request, version, 1, "abuse"))))

    def send_body(self, key: int, version: int, body: bytes, *, tags: bytes = b"\0") -> None:
        """A request whose body was made by hand, of a flexible version."""
        head = struct.pack(">hhih", key, version, 1, -1) + tags
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head)
        self.socket.sendall(body)
        self._asked.append((key, version))

    def answer(self) -> Any:
        """Of the request asked first; None when the connection was closed instead."""
        key, version = self._asked.pop(0)
        try:
            (size,) = struct.unpack(">i", self._read(4))
            data = self._read(size)
        except (ConnectionError, TimeoutError):
            return None
        _, at = read_response_header(key, version, data)
        return APIS[key].response_class().decode(version, data, at)[0]

    def skip_answer(self) -> int:
        """Reads an answer without looking at it; its bytes, -1 when the connection was closed."""
        self._asked.pop(0)
        try:
            (size,) = struct.unpack(">i", self._read(4))
            left = size
            while left:
                left -= len(self.socket.recv(min(left, 1 << 20))) or _closed()
        except (ConnectionError, TimeoutError):
            return -1
        return int(size)

    def ask(self, request: Message, version: int) -> Any:
        self.send(request, version)
        return self.answer()

    def close(self) -> None:
        self.socket.close()

    def _read(self, count: int) -> bytes:
        out = bytearray()
        while len(out) < count:
            out += self.socket.recv(min(count - len(out), 1 << 20)) or bytes(_closed())
        return bytes(out)


def _closed() -> int:
    raise ConnectionError("closed")


def create(wire: Wire, name: str, partitions: int = 1, **configs: str) -> None:
    texts = [
        CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=text)
        for key, text in configs.items()
    ]
    wanted = CreateTopicsRequest.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=1, configs=texts
    )
    wire.ask(CreateTopicsRequest(topics=[wanted], timeout_ms=30_000), 7)


def produce(wire: Wire, topic: str, data: bytes, partition: int = 0) -> Any:
    """The answer for the partition, None when the connection was closed."""
    part = ProduceRequest.PartitionProduceData(index=partition, records=data)
    named = ProduceRequest.TopicProduceData(name=topic, partition_data=[part])
    answer = wire.ask(ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[named]), 9)
    return None if answer is None else answer.responses[0].partition_responses[0]


def fetch(wire: Wire, topic: str, offset: int, *, wait_ms: int = 500, partition: int = 0) -> bytes:
    wanted = FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20)
    request = FetchRequest(
        max_wait_ms=wait_ms, min_bytes=1, topics=[FetchRequest.FetchTopic(topic=topic, partitions=[wanted])]
    )
    answer = wire.ask(request, 12)
    return b"" if answer is None else bytes(answer.responses[0].partitions[0].records or b"")


def batch(value: bytes = b"value") -> bytes:
    builder = BatchBuilder()
    builder.append(now_ms(), b"key", value)
    return builder.build()


def dense(count: int, key: bytes | None = b"k", codec: int = ZSTD) -> bytes:
    """A batch of many equal records, in as few bytes as the codec can."""
    plain = encode_record(0, 0, key, b"v") * count
    packed = zstandard.ZstdCompressor().compress(plain) if codec == ZSTD else compress(GZIP, plain)
    at = now_ms()
    return assemble(BatchHeader(0, 0, -1, 2, 0, codec, count - 1, at, at, -1, -1, -1, count), packed)


def now_ms() -> int:
    return int(time.time() * 1000)
