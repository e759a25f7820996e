"""Where a broker binds and what it advertises, from its settings: checked as Kafka checks it, and pure.

Kafka's own words stand in the sentences, since people search for them; what to do follows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ottla.common.errors import InvalidConfig

if TYPE_CHECKING:
    from ottla.broker.settings import BrokerSettings

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_PLAINTEXT = "PLAINTEXT"
_LACKS = {
    "SSL": "no encryption",
    "SASL_PLAINTEXT": "no authentication",
    "SASL_SSL": "neither encryption nor authentication",
}
LISTENER_MAP = "listener.security.protocol.map"
_ENDPOINT = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")
_WILDCARDS = ("", "0.0.0.0", "::")


class Address(NamedTuple):
    """A listener's name, host and port, as in `PLAINTEXT://127.0.0.1:9092`. An IPv6 host stands without brackets."""

    name: str
    host: str
    port: int

    @property
    def text(self) -> str:
        """`host:port` as a client is told it, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host or '*'}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """It binds every address of the machine."""
        return self.host in _WILDCARDS

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def addresses_of(settings: BrokerSettings, host_name: str = "localhost") -> list[tuple[Address, Address]]:
    """Where each listener of clients binds, and what it advertises; the first fault raises InvalidConfig.

    A listener without a host advertises `host_name`, as Kafka does; one that advertised.listeners leaves out advertises
    what it binds (Kafka tells nobody, so a client of it finds no broker). Listeners named in controller.listener.names
    may stand everywhere and are not bound: brokers and controllers here talk through the metadata store.
    """
    for fault in faults(settings):
        raise InvalidConfig(fault)
    advertised = {one.name: one for one in map(_parse, settings.advertised_listeners or ())}
    found = []
    for bind in _distinct(settings.listeners):
        if bind.name in _controllers(settings):
            continue
        public = advertised.get(bind.name, bind)
        found.append((bind, public._replace(host=host_name) if public.is_wildcard else public))
    return found


def needs_host_name(settings: BrokerSettings) -> bool:
    """Whether a client would be told this machine's own name."""
    return any(public.host == _UNNAMED for _, public in addresses_of(settings, _UNNAMED))


_UNNAMED = "?"


def faults(settings: BrokerSettings) -> Iterator[str]:
    """What is wrong with the addresses, a sentence each; empty where the broker can start with them."""
    try:
        listeners = _distinct(settings.listeners)
        advertised = _distinct(settings.advertised_listeners or ())
        protocols = _protocols(settings)
    except InvalidConfig as error:
        yield error.message
        return
    controllers = _controllers(settings)
    yield from _faults_of_names(settings, listeners, advertised, protocols)
    yield from _faults_of_ports(listeners)
    yield from _faults_of_advertised(settings, listeners, advertised)
    unprotected = list(_unprotected([one for one in listeners if one.name not in controllers], protocols))
    yield from unprotected
    shown = {one.name for one in advertised or listeners} - set(controllers)
    if not shown:
        yield (
            "There must be at least one broker advertised listener. Perhaps all listeners appear in "
            "controller.listener.names? Add one for clients to listeners"
        )
    elif not unprotected and not any(True for _ in _unknown_names(listeners, protocols)):
        yield from _faults_between_brokers(settings, protocols, shown)


def _faults_of_names(
    settings: BrokerSettings, listeners: list[Address], advertised: list[Address], protocols: Mapping[str, str]
) -> Iterator[str]:
    for name in _unknown_names(listeners, protocols):
        yield f"No security protocol defined for listener {name}; add {name}:{_PLAINTEXT} to {LISTENER_MAP}"
    for setting, addresses in (("listeners", listeners), ("advertised.listeners", advertised)):
        names = [one.name for one in addresses]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield f"Each listener must have a different name, {setting} has {name} twice"
    known = {one.name for one in listeners}
    strangers = [one.name for one in advertised if one.name not in known]
    if strangers:
        yield (
            "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. "
            f"{', '.join(strangers)} is not among {', '.join(_names(listeners))}"
        )


def _names(addresses: Iterable[Address]) -> list[str]:
    return list(dict.fromkeys(one.name for one in addresses))


def _unknown_names(listeners: list[Address], protocols: Mapping[str, str]) -> Iterator[str]:
    return iter(dict.fromkeys(one.name for one in listeners if one.name not in protocols))


def _faults_of_ports(listeners: list[Address]) -> Iterator[str]:
    by_port: dict[int, list[Address]] = {}
    for one in listeners:
        if one.port:
            by_port.setdefault(one.port, []).append(one)
    for port, sharing in by_port.items():
        if len(sharing) > 1 and not (len(sharing) == 2 and {_version(one.host) for one in sharing} == {4, 6}):
            yield (
                "If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, port: "
                f"{port} of {', '.join(one.name for one in sharing)}; give each a port of its own"
            )


def _faults_of_advertised(
    settings: BrokerSettings, listeners: list[Address], advertised: list[Address]
) -> Iterator[str]:
    own = {one.name for one in advertised}
    told = [*advertised, *(one for one in listeners if one.name not in own and not settings.advertised_listeners)]
    for one in told:
        if one.name in _controllers(settings):
            continue
        if one.host == "0.0.0.0" or (one.host == "::" and one.name in own):
            yield (
                f"advertised.listeners cannot use the nonroutable meta-address {one.host}. Use a routable IP address. "
                f"Say with advertised.listeners={one.name}://HOST:{one.port} how clients reach this machine"
            )


def _unprotected(listeners: list[Address], protocols: Mapping[str, str]) -> Iterator[str]:
    """Encryption and authentication that a listener promises and that this broker does not have."""
    for one in listeners:
        protocol = protocols.get(one.name, _PLAINTEXT)
        if protocol != _PLAINTEXT:
            by = f"{LISTENER_MAP}={one.name}:{protocol}" if one.name != protocol else f"{one.name}://"
            lacks = _LACKS[protocol]
            yield (
                f"the listener {one.name}://{one.text} asks for {protocol} ({by}): this broker has {lacks} yet, and "
                "would serve everybody in clear text; use a PLAINTEXT listener on an address that only trusted "
                "clients reach"
            )


def _faults_between_brokers(settings: BrokerSettings, protocols: Mapping[str, str], shown: set[str]) -> Iterator[str]:
    named = settings.inter_broker_listener_name
    if named is not None and "security.inter.broker.protocol" in settings.texts:
        yield "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set"
        return
    name = (named or settings.security_inter_broker_protocol).upper()
    if name not in protocols:
        yield f"Listener with name {name} defined in inter.broker.listener.name not found in {LISTENER_MAP}"
    elif name not in shown:
        yield (
            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options "
            f"based on currently configured listeners are {', '.join(sorted(shown))}"
        )


def _controllers(settings: BrokerSettings) -> tuple[str, ...]:
    return tuple(name.upper() for name in settings.controller_listener_names or () if name)


def _protocols(settings: BrokerSettings) -> dict[str, str]:
    """Protocol by listener name. Without a map of one's own a controller's listener is PLAINTEXT, as in Kafka."""
    found: dict[str, str] = {}
    for entry in filter(None, (one.strip() for one in settings.listener_security_protocol_map.split(","))):
        name, colon, protocol = entry.rpartition(":")
        if not (colon and name):
            raise InvalidConfig(f"{LISTENER_MAP}: {entry!r} is not of the form NAME:PROTOCOL")
        if protocol.strip().upper() not in PROTOCOLS:
            raise InvalidConfig(
                f"Invalid security protocol `{protocol}` defined in {LISTENER_MAP}; there are {', '.join(PROTOCOLS)}"
            )
        found[name.strip().upper()] = protocol.strip().upper()
    if LISTENER_MAP not in settings.texts:
        for name in _controllers(settings):
            found.setdefault(name, _PLAINTEXT)
    return found


def _distinct(texts: Iterable[str]) -> list[Address]:
    """Parsed, what is said twice in the same words once (Kafka's lists have no duplicates since 4.1)."""
    return [_parse(text) for text in dict.fromkeys(texts)]


def _parse(text: str) -> Address:
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None or not match[1]:
        raise InvalidConfig(f"Unable to parse {text!r} to a broker endpoint; write NAME://host:port")
    port = int(match[3])
    if not 0 <= port < 65536:
        raise InvalidConfig(f"the port of the listener {text!r} is not between 0 and 65535")
    return Address(match[1].upper(), match[2], port)


def _version(host: str) -> int | None:
    """4 or 6 for a number, None for a name."""
    from ipaddress import ip_address  # only where two listeners share a port

    try:
        return ip_address(host).version
    except ValueError:
        return None
