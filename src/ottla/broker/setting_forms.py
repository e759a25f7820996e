"""Settings whose texts have a form of their own, taken apart.

`faults` is asked when the settings are read, so that what is wrong is told with the other faults and before anything is
written; whoever uses such a setting later takes it apart with the same function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ottla.common.errors import InvalidConfig
from ottla.common.names import parse_uuid
from ottla.common.settings import INT_MAX

if TYPE_CHECKING:
    from ottla.broker.settings import BrokerSettings

OVERRIDES = "max.connections.per.ip.overrides"
_HTTP, _FORGOTTEN = "ottla.http.listener", "ottla.forget.directories"
_HOST = re.compile(r"\[?([0-9a-zA-Z\-%._:]+)\]?")
"""Names and addresses as Kafka allows them."""
_PORTS = 1 << 16


def faults(settings: BrokerSettings) -> Iterator[str]:
    """A sentence for each setting that is not of its form."""
    looks: tuple[Callable[[BrokerSettings], object], ...] = (connection_limits_of, http_address, forgotten_directories)
    for look in looks:
        try:
            look(settings)
        except InvalidConfig as error:
            yield error.message


def connection_limits_of(settings: BrokerSettings) -> Mapping[str, int]:
    """Of max.connections.per.ip.overrides. Raises InvalidConfig."""
    return connection_limits(settings.max_connections_per_ip_overrides)


def connection_limits(text: str) -> dict[str, int]:
    """`host:limit,host:limit`, an IPv6 address with or without brackets. Raises InvalidConfig."""
    limits = {}
    for item in filter(None, (one.strip() for one in text.split(","))):
        host, _, limit = item.rpartition(":")
        match, number = _HOST.fullmatch(host.strip()), _number(limit.strip())
        if match is None or number is None or number > INT_MAX:
            raise InvalidConfig(f"{OVERRIDES}: {item!r} is not of the form host:limit")
        limits[match[1]] = number
    return limits


def address_of(host: str) -> str | None:
    """An IP address in the form in which connections have it; None for a name."""
    from ipaddress import ip_address  # only where a limit is set for one of them

    try:
        return str(ip_address(host))
    except ValueError:
        return None


def http_address(settings: BrokerSettings) -> tuple[str, int] | None:
    """Host and port of ottla.http.listener; None where there is to be none. Raises InvalidConfig."""
    text = settings.ottla_http_listener
    if not text:
        return None
    host, _, port = text.rpartition(":")
    match, number = _HOST.fullmatch(host), _number(port)
    if match is None or number is None:
        raise InvalidConfig(f"{_HTTP}={text} is not of the form host:port")
    if number >= _PORTS:
        raise InvalidConfig(f"{_HTTP}={text}: the port is not between 0 and {_PORTS - 1}")
    return match[1], number


def forgotten_directories(settings: BrokerSettings) -> frozenset[bytes]:
    """Ids of directories that are lost for good. Raises InvalidConfig."""
    try:
        return frozenset(bytes(parse_uuid(text)) for text in settings.ottla_forget_directories)
    except ValueError as error:
        raise InvalidConfig(f"{_FORGOTTEN}: {error}") from error


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
