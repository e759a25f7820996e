"""Headers and frames: what stands before the body of every request and response.

A frame is an int32 length and that many bytes. Request headers are version 1, or 2 with a tagged section where the
request is flexible; the client id keeps its classic encoding in both. Response headers are version 0, or 1 likewise;
those of ApiVersions are always 0, since its client does not know yet what the server speaks (KIP-511).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from ottla.protocol.api import APIS
from ottla.protocol.codec import MAX_STRING_BYTES, EncodeError, ProtocolError, skip_tagged_fields, truncated
from ottla.protocol.message import Message

API_VERSIONS_KEY = 18
NEVER = 32768

_FLEXIBLE_SINCE = {api.key: NEVER if api.flexible is None else api.flexible for api in APIS.values()}
_read_request = struct.Struct(">hhih").unpack_from
_read_correlation = struct.Struct(">i").unpack_from
_pack_frame = struct.Struct(">ii").pack
_pack_flexible_frame = struct.Struct(">iix").pack
_pack_request = struct.Struct(">ihhih").pack
_new = tuple.__new__


class RequestHeader(NamedTuple):
    """What a request says about itself. `body` is the position of what follows."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body: int


def read_request_header(buffer: bytes | bytearray | memoryview, position: int = 0) -> RequestHeader:
    """The header that begins at `position`, behind the frame's length. Raises ProtocolError.

    An unknown API has the header of an API that is not flexible: the caller will refuse it anyway.
    """
    try:
        api_key, api_version, correlation_id, size = _read_request(buffer, position)
        body = position + 10
        client_id = None
        if size >= 0:
            body += size
            client_id = str(buffer[body - size : body], "utf-8", "replace")  # as Java reads it
        if api_version >= _FLEXIBLE_SINCE.get(api_key, NEVER):
            if buffer[body]:
                body = skip_tagged_fields(buffer, body, len(buffer))
            else:
                body += 1
    except (struct.error, IndexError) as error:
        raise ProtocolError(f"not a request header: {error}") from error
    if body > len(buffer):
        raise truncated(body - len(buffer))
    return _new(RequestHeader, (api_key, api_version, correlation_id, client_id, body))


def request_frame(message: Message, version: int, correlation_id: int, client_id: str | None) -> list[Any]:
    """A whole request as parts to send, its length first. Raises EncodeError."""
    return framed_request(message, message.encode_parts(version), version, correlation_id, client_id)


def framed_request(
    message: Message, parts: list[Any], version: int, correlation_id: int, client_id: str | None
) -> list[Any]:
    """The same from the parts of the message."""
    assert message.api is not None
    name = b"" if client_id is None else client_id.encode()
    if len(name) > MAX_STRING_BYTES:
        raise EncodeError(f"a client id of {len(name)} bytes; {MAX_STRING_BYTES} is the limit")
    if message.is_flexible(version):
        name += b"\0"
    size = 10 + len(name) + sum(map(len, parts))
    name_size = -1 if client_id is None else len(name) - message.is_flexible(version)
    head = _pack_request(size, message.api, version, correlation_id, name_size)
    parts[0] = b"".join((head, name, parts[0]))
    return parts


def response_head(kind: type[Message], version: int) -> tuple[Callable[[int, int], bytes], int]:
    """What packs the length and the header of such responses, and the bytes of the header that the length counts."""
    if kind.is_flexible(version) and kind.api != API_VERSIONS_KEY:
        return _pack_flexible_frame, 5
    return _pack_frame, 4


def response_frame(message: Message, version: int, correlation_id: int) -> list[Any]:
    """A whole response as parts to send, its length first. Raises EncodeError."""
    return framed_response(message, message.encode_parts(version), version, correlation_id)


def framed_response(message: Message, parts: list[Any], version: int, correlation_id: int) -> list[Any]:
    """The same from the parts of the message."""
    size = sum(map(len, parts)) if len(parts) > 1 else len(parts[0])
    pack, head_bytes = response_head(type(message), version)
    parts[0] = pack(size + head_bytes, correlation_id) + parts[0]
    return parts


def read_response_header(
    api_key: int, api_version: int, buffer: bytes | bytearray | memoryview, position: int = 0
) -> tuple[int, int]:
    """The correlation id of a response, and the position of its body. Raises ProtocolError."""
    try:
        (correlation_id,) = _read_correlation(buffer, position)
        position += 4
        if api_version >= _FLEXIBLE_SINCE.get(api_key, NEVER) and api_key != API_VERSIONS_KEY:
            position = skip_tagged_fields(buffer, position, len(buffer))
    except (struct.error, IndexError) as error:
        raise ProtocolError(f"not a response header: {error}") from error
    return correlation_id, position
