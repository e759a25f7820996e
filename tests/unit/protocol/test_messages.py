"""What a declaration gives: constructor, comparison, repr, and the rules of reading and writing a version."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.codec import EncodeError, ProtocolError, uvarint
from ottla.protocol.logs.consumer_offsets import ConsumerGroupMemberMetadataValue
from ottla.protocol.messages.api_versions import ApiVersionsResponse
from ottla.protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse


class FileRange:
    """What storage hands over instead of bytes: nothing but a length is known of it."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def produce_request(records: object) -> ProduceRequest:
    partition = ProduceRequest.PartitionProduceData(index=3, records=records)
    topic = ProduceRequest.TopicProduceData(name="orders", partition_data=[partition])
    return ProduceRequest(acks=-1, timeout_ms=1500, topic_data=[topic])


def test_fields_left_out_get_the_defaults_of_the_schema() -> None:
    request = FetchRequest()
    assert (request.max_bytes, request.session_epoch, request.rack_id, request.topics) == (2**31 - 1, -1, "", [])
    assert request.replica_state is None
    assert FetchRequest.FetchTopic().topic_id == ZERO_UUID


def test_lists_of_defaults_are_not_shared_between_instances() -> None:
    first, second = MetadataRequest(), MetadataRequest()
    assert first.topics is not None
    first.topics.append(MetadataRequest.MetadataRequestTopic(name="orders"))
    assert second.topics == []


def test_a_misspelt_field_is_refused_by_constructor_and_assignment() -> None:
    with pytest.raises(TypeError):
        HeartbeatRequest(group="g")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        HeartbeatRequest().group = "g"  # type: ignore[attr-defined]


def test_messages_are_equal_field_by_field_and_show_what_is_not_default() -> None:
    request = HeartbeatRequest(group_id="g", generation_id=4)
    assert request == HeartbeatRequest(group_id="g", generation_id=4)
    assert request != HeartbeatRequest(group_id="g", generation_id=5)
    assert repr(request) == "HeartbeatRequest(group_id='g', generation_id=4)"
    assert "records=<3 bytes>" in repr(ProduceRequest.decode(9, produce_request(b"abc").encode(9))[0])


def test_a_produce_request_has_the_bytes_of_the_specification() -> None:
    request = produce_request(b"abc")
    assert request.encode(3) == (
        b"\xff\xff\xff\xff\x00\x00\x05\xdc\x00\x00\x00\x01\x00\x06orders\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x03abc"
    )
    assert request.encode(9) == b"\x00\xff\xff\x00\x00\x05\xdc\x02\x07orders\x02\x00\x00\x00\x03\x04abc\x00\x00\x00"


def test_records_are_views_of_the_buffer_and_the_rest_is_copied() -> None:
    buffer = bytearray(produce_request(b"abc").encode(9))
    request, end = ProduceRequest.decode(9, memoryview(buffer))
    buffer[:] = b"\xdd" * len(buffer)
    topic = request.topic_data[0]
    assert topic.name == "orders"
    assert topic.partition_data[0].records == b"\xdd\xdd\xdd"
    assert end == len(buffer)


def test_a_file_range_appears_as_itself_between_the_parts() -> None:
    records = FileRange(70_000)
    partition = FetchResponse.PartitionData(partition_index=1, high_watermark=9, records=records)
    topic = FetchResponse.FetchableTopicResponse(topic="orders", partitions=[partition, partition])
    response = FetchResponse(responses=[topic])
    parts = response.encode_parts(12)
    assert [part is records for part in parts] == [False, True, False, True, False]
    same = FetchResponse.PartitionData(partition_index=1, high_watermark=9, records=bytes(70_000))
    topic.partitions = [same, same]
    joined = b"".join(bytes(70_000) if part is records else part for part in parts)
    assert joined == response.encode(12)


def test_foreign_records_cannot_become_bytes() -> None:
    with pytest.raises(EncodeError, match="in parts"):
        produce_request(FileRange(5)).encode(9)


def test_empty_records_leave_no_empty_part() -> None:
    assert len(produce_request(FileRange(0)).encode_parts(9)) == 1
    assert produce_request(FileRange(0)).encode(9) == produce_request(b"").encode(9)


def test_a_version_that_a_message_does_not_have_is_refused_both_ways() -> None:
    with pytest.raises(ProtocolError, match="no version 99"):
        HeartbeatRequest.decode(99, b"")
    with pytest.raises(EncodeError, match="no version -1"):
        HeartbeatRequest().encode(-1)


def test_an_ignorable_field_is_dropped_where_the_version_lacks_it() -> None:
    topic = ProduceRequest.TopicProduceData(name="orders", topic_id=Uuid(b"i" * 16))
    request = ProduceRequest(topic_data=[topic])
    assert ProduceRequest.decode(12, request.encode(12))[0].topic_data[0].topic_id == ZERO_UUID
    assert ProduceRequest.decode(13, request.encode(13))[0].topic_data[0].name == ""


def test_another_field_that_the_version_lacks_must_keep_its_default() -> None:
    request = HeartbeatRequest(group_id="g", group_instance_id="static-1")
    assert HeartbeatRequest.decode(3, request.encode(3))[0] == request
    with pytest.raises(EncodeError, match="version 2 has no group_instance_id"):
        request.encode(2)


@pytest.mark.parametrize(
    "request_",
    [
        HeartbeatRequest(group_id=None),  # type: ignore[arg-type]
        HeartbeatRequest(generation_id=2**31),
        HeartbeatRequest(member_id="x" * 32768),
        HeartbeatRequest(member_id="\ud800"),
        ProduceRequest(topic_data=None),  # type: ignore[arg-type]
    ],
    ids=["null", "too large a number", "too long a string", "a lone surrogate", "null array"],
)
@pytest.mark.parametrize("version", [3, 4, 9])
def test_values_that_do_not_fit_are_an_error_of_ours(request_: HeartbeatRequest, version: int) -> None:
    with pytest.raises(EncodeError):
        request_.encode(version)


def test_a_uuid_of_the_wrong_size_is_refused() -> None:
    topic = ProduceRequest.TopicProduceData(topic_id=Uuid(b"short"))
    with pytest.raises(EncodeError, match="not a uuid"):
        ProduceRequest(topic_data=[topic]).encode(13)


def test_null_is_refused_where_only_later_versions_allow_it() -> None:
    everything = MetadataRequest(topics=None)
    assert MetadataRequest.decode(1, everything.encode(1))[0].topics is None
    with pytest.raises(EncodeError):
        everything.encode(0)
    with pytest.raises(ProtocolError, match="topics is null"):
        MetadataRequest.decode(0, b"\xff\xff\xff\xff")


def test_unknown_tagged_fields_are_skipped() -> None:
    data = HeartbeatRequest(group_id="g").encode(4)
    tagged = data[:-1] + b"\x02" + b"\x05\x03abc" + b"\xe8\x07\x00"
    assert HeartbeatRequest.decode(4, tagged) == (HeartbeatRequest(group_id="g"), len(tagged))
    with pytest.raises(ProtocolError):
        HeartbeatRequest.decode(4, data[:-1] + b"\x01\x05\x04abc")


def test_a_tagged_field_is_written_only_if_it_differs_from_its_default() -> None:
    plain, leader = ProduceResponse.PartitionProduceResponse(index=1), ProduceResponse.LeaderIdAndEpoch
    responses = [ProduceResponse.TopicProduceResponse(name="orders", partition_responses=[plain])]
    without = ProduceResponse(responses=responses).encode(10)
    plain.current_leader = leader()
    assert ProduceResponse(responses=responses).encode(10) == without
    plain.current_leader = leader(leader_id=2, leader_epoch=7)
    decoded, _ = ProduceResponse.decode(10, ProduceResponse(responses=responses).encode(10))
    assert decoded.responses[0].partition_responses[0].current_leader == leader(leader_id=2, leader_epoch=7)
    assert ProduceResponse.decode(10, without)[0].responses[0].partition_responses[0].current_leader is None


def test_a_tagged_field_whose_size_lies_is_refused() -> None:
    data = ApiVersionsResponse(finalized_features_epoch=5).encode(3)
    at = data.index(b"\x01\x08" + (5).to_bytes(8, "big"))
    assert ApiVersionsResponse.decode(3, data)[0].finalized_features_epoch == 5
    with pytest.raises(ProtocolError, match="tagged field 1"):
        ApiVersionsResponse.decode(3, data[: at + 1] + b"\x09" + data[at + 2 :] + b"\0")


def test_a_nullable_struct_has_a_marker() -> None:
    cursor = DescribeTopicPartitionsRequest.Cursor(topic_name="orders", partition_index=2)
    for request, marker in (
        (DescribeTopicPartitionsRequest(cursor=None), b"\xff"),
        (DescribeTopicPartitionsRequest(cursor=cursor), b"\x01"),
    ):
        data = request.encode(0)
        assert data[5:6] == marker
        assert DescribeTopicPartitionsRequest.decode(0, data)[0] == request


def test_a_nullable_tagged_struct_knows_null_from_left_out() -> None:
    classic = ConsumerGroupMemberMetadataValue.ClassicMemberMetadata
    for value in (None, classic(), classic(session_timeout_ms=45_000)):
        member = ConsumerGroupMemberMetadataValue(client_id="c", classic_member_metadata=value)
        assert ConsumerGroupMemberMetadataValue.decode(0, member.encode(0))[0] == member


def test_decoding_starts_where_it_is_told_and_leaves_the_rest() -> None:
    data = HeartbeatRequest(group_id="g", generation_id=1).encode(0)
    message, end = HeartbeatRequest.decode(0, b"head" + data + b"rest", 4)
    assert (message.group_id, end) == ("g", 4 + len(data))


def test_a_count_beyond_the_bytes_that_are_left_is_refused_at_once() -> None:
    with pytest.raises(ProtocolError, match="announces 1000000 elements"):
        MetadataRequest.decode(1, (1_000_000).to_bytes(4, "big") + bytes(100))
    with pytest.raises(ProtocolError, match="announces"):
        MetadataRequest.decode(9, uvarint(1_000_001) + bytes(100))


def test_declarations_cost_little_to_import() -> None:
    """A broker starts with a dozen of them: no module but the codec's own and the standard library's smallest."""
    code = (
        "import sys; import ottla.protocol.messages.produce;"
        "heavy = {'dataclasses', 'inspect', 'asyncio', 'logging', 'json', 'enum34', 'ottla.protocol.compiler'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "version"),
    [(HeartbeatRequest, 0), (ProduceRequest, 3)],  # one is read from bytes, one that carries records from a view
)
def test_a_text_that_is_no_utf_8_is_read_as_java_reads_it(kind: Any, version: int) -> None:
    field = "group_id" if kind is HeartbeatRequest else "transactional_id"
    data = kind(**{field: "??"}).encode(version)
    for _ in range(2):
        read, end = kind.decode(version, b"before" + data.replace(b"??", b"\xff\xfe"), 6)
        assert end == len(data) + 6
        assert read == kind(**{field: "\ufffd\ufffd"})
