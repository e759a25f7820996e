"""`max.connections.per.ip.overrides`: limits for single addresses."""

from __future__ import annotations

from ottla.common.errors import InvalidConfig

NAME = "max.connections.per.ip.overrides"


def parse_limits(text: str) -> dict[str, int]:
    """`host:limit,host:limit`, by the address as a connection shows it. Raises InvalidConfig.

    Kafka resolves names once, when it reads the setting. Here they are refused: an answer of the name server may be
    another one for each connection, and a limit that does not hold protects nobody.
    """
    items = [one.strip() for one in text.split(",") if one.strip()]
    return dict(map(_parse, items))


def _parse(item: str) -> tuple[str, int]:
    host, colon, limit = item.rpartition(":")
    if not (colon and host and limit.isascii() and limit.isdigit()):
        raise InvalidConfig(f"{NAME}: {item!r} is not of the form host:limit")
    from ipaddress import ip_address  # only for who has such limits

    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(limit)
    except ValueError:
        raise InvalidConfig(
            f"{NAME}: {host!r} is a name, and names are not resolved here; write its address, as in 10.0.0.1:{limit}"
        ) from None
