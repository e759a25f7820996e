"""Regular expressions that match topic names in time linear in the name: no expression can stall the broker.

The engine is RE2, which Kafka's coordinator uses as well (in Java).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ottla.common.errors import InvalidRegularExpression

_MEMORY_BYTES = 1 << 20
"""Of one pattern, its remembered states included; a larger one is refused."""
_MOST_COMPILED = 64

_AS_KAFKA_SAYS = {
    "missing )": "missing closing )",
    "unexpected )": "regexp/syntax: internal error",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "trailing \\": "trailing backslash at end of expression",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
}


class Pattern:
    """A compiled expression. Raises InvalidRegularExpression."""

    def __init__(self, text: str) -> None:
        import re2  # only a broker with patterns pays for it: 30 ms

        options = re2.Options()
        options.max_mem = _MEMORY_BYTES
        options.log_errors = False
        options.never_capture = True
        try:
            self._expression: Any = re2.compile(text, options)
        except re2.error as error:
            raise InvalidRegularExpression(
                f"SubscribedTopicRegex `{text}` is not a valid regular expression: {_reason(error)}."
            ) from None
        finally:
            re2.purge()  # its own cache would keep as many again

    def matches(self, name: str) -> bool:
        """The whole name, not a part of it."""
        return self._expression.fullmatch(name) is not None


@lru_cache(maxsize=_MOST_COMPILED)
def compile_pattern(text: str) -> Pattern:
    """Raises InvalidRegularExpression."""
    return Pattern(text)


def _reason(error: Exception) -> str:
    """RE2 says `why: where`."""
    why = str(error.args[0], "utf-8", "replace").partition(": ")[0]
    return _AS_KAFKA_SAYS.get(why, why)
