"""Where to begin: `host:port,host:port`, as in Kafka's bootstrap.servers."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import InvalidConfig

DEFAULT_PORT = 9092


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bootstrap(text: str) -> list[Address]:
    """The addresses in order, without repetition; IPv6 addresses stand in brackets, as in `[::1]:9092`.

    Raises InvalidConfig with a sentence that names the part at fault.
    """
    addresses = dict.fromkeys(_parse(part.strip()) for part in text.split(",") if part.strip())
    if not addresses:
        raise InvalidConfig("no bootstrap server was given; expected host:port, or several separated by commas")
    return list(addresses)


def _parse(part: str) -> Address:
    if "://" in part:
        raise InvalidConfig(f"bootstrap server {part!r}: give host:port without {part.split('://')[0]}://")
    host, separator, port = part.rpartition(":")
    if not separator:
        raise InvalidConfig(f"bootstrap server {part!r} has no port; did you mean {part}:{DEFAULT_PORT}?")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise InvalidConfig(f"bootstrap server {part!r}: put an IPv6 address in brackets, as in [::1]:{DEFAULT_PORT}")
    host = host[1:-1] if bracketed else host
    if not host:
        raise InvalidConfig(f"bootstrap server {part!r} has no host")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
        raise InvalidConfig(f"bootstrap server {part!r}: {port!r} is no port; expected 1 to 65535")
    return Address(host, int(port))
