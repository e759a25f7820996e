"""Large messages are read and written in slices, and their elements are counted before they are made."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from ottla.protocol.api import APIS
from ottla.protocol.codec import MAX_TAGGED_FIELDS, SLICE_ELEMENTS, ProtocolError, TooManyElements, uvarint
from ottla.protocol.compiler import compile_sliced_decoder, compile_sliced_encoder
from ottla.protocol.headers import read_request_header
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.produce import ProduceRequest
from tests.conformance.protocol_values import random_message

LIMIT = 500_000


def read(message: type[Any], version: int, data: bytes, limit: int = LIMIT) -> tuple[Any, int, int]:
    """The message, its elements, and how often others may run."""
    steps, pauses = compile_sliced_decoder(message, version)(data, 0, limit), 0
    try:
        while True:
            next(steps)
            pauses += 1
    except StopIteration as stop:
        found, end, left = stop.value
        assert end == len(data)
        return found, limit - left, pauses


def write(message: Any, version: int) -> list[Any]:
    steps = compile_sliced_encoder(type(message), version)(message)
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.name)
def test_the_sliced_forms_read_and_write_what_the_plain_ones_do(api: Any) -> None:
    random = Random(api.name)
    for kind in (api.request_class(), api.response_class()):
        for version in range(kind.versions[0], kind.versions[1] + 1):
            message = random_message(kind, version, random)
            data = message.encode(version)
            assert b"".join(map(bytes, write(message, version))) == data
            found, _, _ = read(kind, version, data)
            assert found == kind.decode(version, data)[0]


def topics(count: int) -> MetadataRequest:
    return MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=f"t{index}") for index in range(count)])


def test_a_large_message_pauses_after_each_slice() -> None:
    message = topics(10 * SLICE_ELEMENTS)
    found, elements, pauses = read(MetadataRequest, 12, message.encode(12))
    assert found == message
    assert elements == 10 * SLICE_ELEMENTS
    assert 10 <= pauses <= 11


def test_elements_are_counted_before_they_are_made_and_over_all_arrays() -> None:
    with pytest.raises(TooManyElements, match="more than 100 elements"):
        read(MetadataRequest, 12, topics(101).encode(12), limit=100)
    read(MetadataRequest, 12, topics(100).encode(12), limit=100)
    empty = AlterClientQuotasRequest.EntryData()
    entries = AlterClientQuotasRequest(entries=[empty] * 60).encode(1)
    read(AlterClientQuotasRequest, 1, entries, limit=60)
    part = ProduceRequest.PartitionProduceData(index=0, records=None)
    topic = ProduceRequest.TopicProduceData(name="t", partition_data=[part] * 9)
    message = ProduceRequest(acks=1, timeout_ms=1, topic_data=[topic] * 10)
    assert read(ProduceRequest, 9, message.encode(9))[1] == 100
    with pytest.raises(TooManyElements):
        read(ProduceRequest, 9, message.encode(9), limit=99)


def test_a_count_that_lies_makes_nothing() -> None:
    steps = compile_sliced_decoder(ElectLeadersRequest, 2)(b"\0" + uvarint(7_000_000) + b"\0" * 21_000_000, 0, LIMIT)
    next(steps)
    with pytest.raises(TooManyElements):
        next(steps)


def test_four_numbers_count_as_one_element() -> None:
    named = ElectLeadersRequest.TopicPartitions(topic="t", partitions=list(range(400)))
    message = ElectLeadersRequest(election_type=0, topic_partitions=[named], timeout_ms=1)
    assert read(ElectLeadersRequest, 2, message.encode(2))[1] == 101


@pytest.mark.parametrize("count", [MAX_TAGGED_FIELDS, MAX_TAGGED_FIELDS + 1])
def test_tagged_fields_are_counted_and_bounded(count: int) -> None:
    data = topics(1).encode(12)
    assert data[-1] == 0
    tags = b"".join(uvarint(1000 + index) + b"\0" for index in range(count))
    data = data[:-1] + uvarint(count) + tags
    header = b"\0\x03\0\x0c\0\0\0\1\xff\xff" + uvarint(count) + tags
    if count <= MAX_TAGGED_FIELDS:
        assert read(MetadataRequest, 12, data)[1] == count + 1
        assert MetadataRequest.decode(12, data)[0] == topics(1)
        assert read_request_header(header).body == len(header)
        return
    for decode in (lambda: MetadataRequest.decode(12, data), lambda: read(MetadataRequest, 12, data)):
        with pytest.raises(ProtocolError, match="tagged fields"):
            decode()
    with pytest.raises(ProtocolError, match="tagged fields"):
        read_request_header(header)


def test_text_that_is_no_utf8_is_read_as_java_reads_it_and_counted_once() -> None:
    data = topics(3).encode(12).replace(b"t1", b"t\xff")
    found, elements, _ = read(MetadataRequest, 12, data, limit=3)
    assert [topic.name for topic in found.topics] == ["t0", "t\ufffd", "t2"]
    assert elements == 3
