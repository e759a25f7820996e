"""Limits on connections."""

from __future__ import annotations

import pytest

from ottla.broker.crowd import Crowd
from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig


def crowd(**settings: str) -> Crowd:
    return Crowd(BrokerSettings.of_texts({name.replace("_", "."): text for name, text in settings.items()}))


def test_connections_above_the_limit_are_refused_until_others_leave() -> None:
    full = crowd(max_connections="2")
    assert [full.enter("a"), full.enter("b")] == [None, None]
    assert "max.connections allows 2" in (full.enter("c") or "")
    full.leave("c")
    full.leave("a")
    assert full.enter("c") is None
    assert (full.total, full.refused) == (2, 1)


def test_an_address_has_its_own_limit() -> None:
    some = crowd(max_connections_per_ip="1", max_connections_per_ip_overrides="10.0.0.2:2")
    assert some.enter("10.0.0.1") is None
    assert "from 10.0.0.1" in (some.enter("10.0.0.1") or "")
    assert [some.enter("10.0.0.2"), some.enter("10.0.0.2")] == [None, None]
    assert some.enter("10.0.0.2") is not None


KNOWN = {"localhost": ["127.0.0.1", "::1"], "host.example": ["10.0.0.7"]}


def resolve(name: str) -> list[str]:
    if name not in KNOWN:
        raise OSError(-2, "Name or service not known")
    return KNOWN[name]


def overridden(text: str) -> Crowd:
    texts = {"max.connections.per.ip": "1", "max.connections.per.ip.overrides": text}
    return Crowd(BrokerSettings.load(texts), resolve=resolve)


def allowed(some: Crowd, host: str) -> int:
    """How many connections from there are let in, of four."""
    return [some.enter(host) for _ in range(4)].count(None)


def test_a_limit_for_a_host_name_holds_for_each_of_its_addresses() -> None:
    some = overridden("localhost:2, host.example:3, 10.0.0.8:4")
    places = ("127.0.0.1", "::1", "10.0.0.7", "10.0.0.8", "10.0.0.9")
    assert [allowed(some, place) for place in places] == [2, 2, 3, 4, 1]


@pytest.mark.parametrize("text", ["[::1]:2", "::1:2", "0:0:0:0:0:0:0:1:2"])
def test_an_address_counts_however_it_is_written(text: str) -> None:
    assert allowed(overridden(text), "::1") == 2


def test_a_host_name_without_an_address_keeps_the_broker_from_starting() -> None:
    with pytest.raises(InvalidConfig) as caught:
        overridden("10.0.0.8:4,nowhere.example:2")
    assert caught.value.message == (
        "max.connections.per.ip.overrides: the address of nowhere.example cannot be found (Name or service not known)"
    )


def test_names_that_were_stored_are_looked_up_at_the_start_and_what_is_wrong_is_told() -> None:
    settings = BrokerSettings.of_texts({})
    some = Crowd(settings, resolve=resolve)
    settings.adopt({"max.connections.per.ip.overrides": "localhost:2"})
    assert some.settle() is None
    assert allowed(some, "::1") == 2
    for text, words in (("nowhere.example:1", "cannot be found"), ("10.0.0.1", "is not of the form host:limit")):
        settings.adopt({"max.connections.per.ip.overrides": text})
        assert words in (some.settle() or "")
        assert allowed(some, "10.0.0.1") == 4


def test_limits_change_while_the_broker_runs() -> None:
    settings = BrokerSettings.of_texts({})
    some = Crowd(settings)
    assert some.enter("10.0.0.1") is None
    settings.adopt({"max.connections.per.ip.overrides": "10.0.0.1:1"})
    assert some.enter("10.0.0.1") is not None
    settings.adopt({"max.connections": "1"})
    assert "max.connections allows 1" in (some.enter("b") or "")
    settings.adopt({})
    assert some.enter("c") is None
