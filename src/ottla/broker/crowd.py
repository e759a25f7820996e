"""How many connections there are, in all and from each address, and how many there may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import InvalidConfig

if TYPE_CHECKING:
    from ottla.broker.descriptors import Descriptors
    from ottla.broker.settings import BrokerSettings


class Crowd:
    """Enforces max.connections, max.connections.per.ip and its overrides by closing what comes on top (KIP-402).

    Kafka waits with accepting when max.connections is reached; a client that is closed at once learns of it at once.
    """

    def __init__(self, settings: BrokerSettings, descriptors: Descriptors | None = None) -> None:
        self._settings = settings
        self._descriptors = descriptors
        self._overrides: tuple[str, dict[str, int]] = ("", {})
        self._limits(settings.max_connections_per_ip_overrides)
        self._hosts: dict[str, int] = {}
        self.total = 0
        self.refused = 0

    def enter(self, host: str) -> str | None:
        """A connection from `host`: counted in any case; the reason to close it, or None."""
        here = self._hosts[host] = self._hosts.get(host, 0) + 1
        self.total += 1
        settings = self._settings  # asked each time: all three may change while the broker runs
        most_here = self._limits(settings.max_connections_per_ip_overrides).get(host, settings.max_connections_per_ip)
        most = settings.max_connections
        if self._descriptors is not None:
            most = min(most, self._descriptors.connections)
        if self.total <= most and here <= most_here:
            return None
        self.refused += 1
        if here > most_here:
            return f"max.connections.per.ip allows {most_here} connections from {host}"
        if self._descriptors is not None and most < settings.max_connections:
            return f"the limit of {self._descriptors.limit} open files (ulimit -n) allows {most} connections"
        return f"max.connections allows {most} connections"

    def _limits(self, text: str) -> dict[str, int]:
        if self._overrides[0] != text:
            self._overrides = (text, _parse(text))
        return self._overrides[1]

    def leave(self, host: str) -> None:
        self.total -= 1
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]


def _parse(text: str) -> dict[str, int]:
    """`host:limit,host:limit`. Raises InvalidConfig."""
    limits = {}
    for item in filter(None, (one.strip() for one in text.split(","))):
        host, colon, limit = item.rpartition(":")
        if not (colon and host and limit.isdigit()):
            raise InvalidConfig(f"max.connections.per.ip.overrides: {item!r} is not of the form host:limit")
        limits[host] = int(limit)
    return limits
