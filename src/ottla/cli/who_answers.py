"""What listens at an address that does not speak Kafka's protocol: told by what it says itself."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_TIMEOUT_S = 1.0
_API_VERSIONS_V0 = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""A whole frame: length, API key 18 in version 0, correlation id 1, no client id."""


class Other(NamedTuple):
    """Something else than Kafka in plain text. `name` says what, `advice` what to do."""

    name: str
    advice: str

    @property
    def sentence(self) -> str:
        return f"{self.name}; {self.advice}"


_KAFKA_PORT = "name the port of Kafka's protocol with -b (`ready HOST:PORT` and the setting listeners say which)"
HTTP = Other("an HTTP server answers there", f"/metrics and /health have a port of their own: {_KAFKA_PORT}")
TLS = Other(
    "that port speaks TLS",
    "produce and consume reach it with -X security.protocol=SSL; the other commands need a PLAINTEXT listener",
)
SSH = Other("an SSH server answers there", _KAFKA_PORT)
CLOSES = Other(
    "something there takes connections and closes them when it is spoken to",
    f"it may want TLS or SASL, or be no broker: {_KAFKA_PORT}",
)
SILENT = Other("something there takes connections and says nothing", f"it may be busy, or no broker: {_KAFKA_PORT}")
STRANGE = Other("something there does not answer in Kafka's protocol", _KAFKA_PORT)


def who_answers(host: str, port: int) -> Other | None:
    """None where a Kafka broker answers in plain text, or where nothing can be reached at all."""
    try:
        said = _say(host, port, _API_VERSIONS_V0)
    except OSError:
        return None
    if said is not None and said[4:8] == b"\x00\x00\x00\x01":
        return None
    known = _known(said)
    if known is not None:
        return known
    if _known(_try(host, port, b"GET / HTTP/1.0\r\n\r\n")) is HTTP:
        return HTTP
    if _speaks_tls(host, port):
        return TLS
    if said is None:
        return SILENT
    return STRANGE if said else CLOSES


def _known(said: bytes | None) -> Other | None:
    if said is None:
        return None
    if said.startswith(b"HTTP/") or b"<html" in said.lower():
        return HTTP
    if said.startswith(b"SSH-"):
        return SSH
    return TLS if said[:2] in (b"\x15\x03", b"\x16\x03") else None


def _say(host: str, port: int, words: bytes) -> bytes | None:
    """The first bytes of the answer; empty where it was closed, None where nothing came in time.

    Raises OSError where nothing can be reached.
    """
    with socket.create_connection((host, port), _TIMEOUT_S) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.sendall(words)
            return connection.recv(64)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""


def _try(host: str, port: int, words: bytes) -> bytes | None:
    try:
        return _say(host, port, words)
    except OSError:
        return None


def _speaks_tls(host: str, port: int) -> bool:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "") or "CERTIFICATE" in (error.reason or "")
    except OSError:
        return False
