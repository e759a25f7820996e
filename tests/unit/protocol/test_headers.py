"""Headers and frames as the specification has them."""

from __future__ import annotations

import pytest

from ottla.protocol.codec import EncodeError, ProtocolError
from ottla.protocol.headers import (
    RequestHeader,
    read_request_header,
    read_response_header,
    request_frame,
    response_frame,
)
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.fetch import FetchResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse


def frame(parts: list[bytes]) -> bytes:
    data = b"".join(parts)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    return data[4:]


def test_request_header_of_version_1_has_no_tagged_section() -> None:
    data = b"\x00\x0c\x00\x03\x00\x00\x00\x07\x00\x02me" + b"body"
    assert read_request_header(data) == RequestHeader(12, 3, 7, "me", 12)


def test_request_header_of_version_2_ends_with_a_tagged_section() -> None:
    data = b"\x00\x0c\x00\x04\x00\x00\x00\x07\x00\x02me"
    assert read_request_header(data + b"\x00body").body == 13
    assert read_request_header(data + b"\x01\x09\x02xxbody").body == 17
    assert read_request_header(b"1234" + data + b"\x00", 4).body == 17


def test_client_id_may_be_null() -> None:
    assert read_request_header(b"\x00\x0c\x00\x03\x00\x00\x00\x07\xff\xff").client_id is None


def test_unknown_api_versions_version_has_the_flexible_header() -> None:
    assert read_request_header(b"\x00\x12\x00\x63\x00\x00\x00\x07\xff\xff\x00").body == 11


def test_unknown_api_is_parsed_so_that_it_can_be_refused() -> None:
    assert read_request_header(b"\x03\xe7\x00\x00\x00\x00\x00\x07\xff\xff").api_key == 999


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x0c\x00\x03\x00\x00\x00\x07\x00\x05me", b"\0\x0c\0\x04\0\0\0\x07\0\x02me"]
)
def test_a_header_that_ends_too_early_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_request_header(data)


@pytest.mark.parametrize("client_id", [None, "", "me", "ä" * 40])
@pytest.mark.parametrize("version", [3, 4])
def test_request_frames_are_read_back(version: int, client_id: str | None) -> None:
    request = HeartbeatRequest(group_id="g", generation_id=2)
    data = frame(request_frame(request, version, 99, client_id))
    header = read_request_header(data)
    assert header[:4] == (12, version, 99, client_id)
    assert HeartbeatRequest.decode(version, data, header.body) == (request, len(data))


def test_a_client_id_too_long_for_the_header_is_our_error() -> None:
    with pytest.raises(EncodeError):
        request_frame(HeartbeatRequest(), 0, 1, "x" * 32768)


@pytest.mark.parametrize(("version", "header_bytes"), [(3, 4), (4, 5)])
def test_response_header_is_flexible_with_the_response(version: int, header_bytes: int) -> None:
    data = frame(response_frame(HeartbeatResponse(error_code=27), version, 99))
    assert read_response_header(12, version, data) == (99, header_bytes)
    assert HeartbeatResponse.decode(version, data, header_bytes)[0].error_code == 27


@pytest.mark.parametrize("version", range(5))
def test_api_versions_response_always_has_header_version_0(version: int) -> None:
    data = frame(response_frame(ApiVersionsResponse(error_code=35), version, 99))
    assert read_response_header(18, version, data) == (99, 4)
    assert ApiVersionsResponse.decode(version, data, 4)[0].error_code == 35


def test_response_frame_counts_large_records_that_are_parts_of_their_own() -> None:
    partition = FetchResponse.PartitionData(records=bytes(100_000))
    response = FetchResponse(responses=[FetchResponse.FetchableTopicResponse(topic="t", partitions=[partition])])
    parts = response_frame(response, 12, 5)
    assert len(parts) == 3
    data = frame(parts)
    assert FetchResponse.decode(12, data, 5)[0] == response


def test_api_versions_request_is_flexible_from_version_3() -> None:
    assert frame(request_frame(ApiVersionsRequest(), 2, 1, None)) == b"\x00\x12\x00\x02\x00\x00\x00\x01\xff\xff"
    assert frame(request_frame(ApiVersionsRequest(), 3, 1, None))[10:] == b"\x00\x01\x01\x00"


def test_response_header_that_ends_too_early_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        read_response_header(12, 4, b"\0\0\0\x01")
