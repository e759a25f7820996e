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
    some = crowd(max_connections_per_ip="1", max_connections_per_ip_overrides="b:2")
    assert some.enter("a") is None
    assert "from a" in (some.enter("a") or "")
    assert [some.enter("b"), some.enter("b")] == [None, None]
    assert some.enter("b") is not None


def test_a_malformed_override_says_what_it_should_be() -> None:
    with pytest.raises(InvalidConfig, match="host:limit"):
        crowd(max_connections_per_ip_overrides="b")


def test_limits_change_while_the_broker_runs() -> None:
    settings = BrokerSettings.of_texts({})
    some = Crowd(settings)
    assert some.enter("a") is None
    settings.adopt({"max.connections.per.ip.overrides": "a:1"})
    assert some.enter("a") is not None
    settings.adopt({"max.connections": "1"})
    assert "max.connections allows 1" in (some.enter("b") or "")
    settings.adopt({})
    assert some.enter("c") is None
