"""How many connections there are, in all and from each address, and how many there may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ottla.broker.setting_forms import OVERRIDES, address_of, connection_limits
from ottla.common.errors import InvalidConfig

if TYPE_CHECKING:
    from ottla.broker.descriptors import Descriptors
    from ottla.broker.settings import BrokerSettings

Resolve = Callable[[str], Iterable[str]]
"""All addresses of a host name. Raises OSError."""


def no_names(host: str) -> Iterable[str]:
    """Where there is nobody to ask."""
    raise OSError(f"names are not looked up here: {host}")


class Crowd:
    """Enforces max.connections, max.connections.per.ip and its overrides by closing what comes on top (KIP-402).

    Kafka waits with accepting when max.connections is reached; a client that is closed at once learns of it at once.
    """

    def __init__(
        self, settings: BrokerSettings, descriptors: Descriptors | None = None, resolve: Resolve = no_names
    ) -> None:
        """Names in the settings are looked up at once. Raises InvalidConfig for one that has no address."""
        self._settings = settings
        self._descriptors = descriptors
        self._resolve = resolve
        self._names: dict[str, tuple[str, ...]] = {}
        """The addresses of names in the overrides, as they were at the start."""
        self._overrides: tuple[str, dict[str, int]] = ("", {})
        self._learn(settings.max_connections_per_ip_overrides)
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

    def settle(self) -> str | None:
        """At a start, once the settings that are stored are in force: names in them are looked up. What is wrong with
        them, if anything is; then no address has a limit of its own."""
        try:
            self._learn(self._settings.max_connections_per_ip_overrides)
        except InvalidConfig as error:
            return error.message
        return None

    def _learn(self, text: str) -> None:
        """Raises InvalidConfig. Waits for the network where the text has names: for a start only."""
        for host in connection_limits(text):
            if address_of(host) is None and host not in self._names:
                try:
                    self._names[host] = tuple(self._resolve(host))
                except OSError as error:
                    why = error.strerror or error
                    raise InvalidConfig(f"{OVERRIDES}: the address of {host} cannot be found ({why})") from error

    def _limits(self, text: str) -> dict[str, int]:
        if self._overrides[0] != text:
            self._overrides = (text, self._by_address(text))
        return self._overrides[1]

    def _by_address(self, text: str) -> dict[str, int]:
        """A change brings no name that is not known yet (`DynamicConfigChecks`); what an older store brings was told by
        `settle`."""
        limits: dict[str, int] = {}
        with suppress(InvalidConfig):
            for host, limit in connection_limits(text).items():
                address = address_of(host)
                places = self._names.get(host, ()) if address is None else (address,)
                limits.update(dict.fromkeys(places, limit))
        return limits

    def leave(self, host: str) -> None:
        self.total -= 1
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
