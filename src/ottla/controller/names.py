"""Topic names: which are valid, and which would collide."""

from __future__ import annotations

import re

from ottla.common.errors import InvalidTopicException
from ottla.common.names import MOST_TOPIC_CHARACTERS

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+\Z")


def check_topic_name(name: str) -> None:
    """Raises InvalidTopicException with Kafka's sentence."""
    problem = _problem(name)
    if problem is not None:
        raise InvalidTopicException(f"Topic name is invalid: {problem}")


def _problem(name: str) -> str | None:
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > MOST_TOPIC_CHARACTERS:
        return f"the length of '{name}' is longer than the max allowed length {MOST_TOPIC_CHARACTERS}"
    if _LEGAL.match(name) is None:
        return f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def collision_key(name: str) -> str:
    """Two names with the same key collide: metric names cannot tell `.` from `_`."""
    return name.replace(".", "_")
