"""What each API answers where its checks deny: the table of Kafka 4.3.1, observed one call at a time.

A case is a request in every version of its API, and the error codes of the whole answer, in order, when everything is
denied. `denials` says what denying single checks comes to in the newest version: the first denied check decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ottla.protocol.message import Message, Struct
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check

TOPIC, GROUP, TRANSACTIONAL_ID = "orders", "billing", "shipping"

OK = 0
TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED, TRANSACTIONAL_ID_DENIED = 29, 30, 31, 53

Denial = tuple[tuple[Check, ...], list[int]]


class Case(NamedTuple):
    """`request(version)`; `expected(version)` are the codes other than 0; `shown(answer)` must come out empty."""

    what: str
    key: int
    request: Callable[[int], Message]
    expected: Callable[[int], list[int]]
    denials: tuple[Denial, ...] = ()
    shown: Callable[[Any], object] = lambda answer: None
    oldest: int = 0


def always(*codes: int) -> Callable[[int], list[int]]:
    return lambda version: list(codes)


def since(version: int, *codes: int) -> Callable[[int], list[int]]:
    """Older versions have no field for the error."""
    return lambda asked: list(codes) if asked >= version else []


def codes(value: Any) -> list[int]:
    """Every error code in an answer but 0, in the order of its fields."""
    if isinstance(value, list):
        return [code for item in value for code in codes(item)]
    if not isinstance(value, Struct):
        return []
    found = []
    for name in value.fields():
        field = getattr(value, name)
        if name.endswith("error_code"):
            found += [field] if field else []
        else:
            found += codes(field)
    return found


def topic(operation: Operation) -> Check:
    return Check(operation, ResourceType.TOPIC, TOPIC)


def group(operation: Operation) -> Check:
    return Check(operation, ResourceType.GROUP, GROUP)


def cluster(operation: Operation) -> Check:
    return Check(operation, ResourceType.CLUSTER)


def transactional_id(operation: Operation) -> Check:
    return Check(operation, ResourceType.TRANSACTIONAL_ID, TRANSACTIONAL_ID)


def only(check: Check, *expected: int) -> Denial:
    return (check,), list(expected)
