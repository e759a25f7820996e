"""Regular expressions that match topic names in time linear in the name: no expression can stall the broker.

A pattern becomes a small automaton, whose sets of states are remembered as they are met; so that a pattern costs one
look-up for each character of each name. Python's own expressions backtrack, and their syntax is not RE2's.
"""

from __future__ import annotations

from functools import lru_cache

from ottla.common.errors import InvalidRegularExpression
from ottla.coordinator.group.pattern_nodes import WORD, Char, Choice, Edge, Node, Repeat, Sequence
from ottla.coordinator.group.pattern_parser import parse

_MOST_STATES = 10_000
"""Of one automaton. Nested counts multiply; RE2 refuses them as well."""
_MOST_REMEMBERED = 2_000
"""Sets of states; beyond that they are worked out anew."""

_START, _WORD, _OTHER = range(3)
"""What stands before a place: nothing, a word character, another one."""

_Set = tuple[int, ...]


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Raises InvalidRegularExpression."""
    return Pattern(text)


class Pattern:
    """A compiled expression.

    State `index` takes a character of `_masks[index]`, or passes at a place of the kind `_edges[index]`, or passes
    always; then it goes on to `_next[index]`. The first state is the end.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._masks: list[int] = []
        self._edges: list[str] = []
        self._next: list[_Set] = []
        self._end = self._state()
        self._begin = self._build(parse(text), self._end)
        self._moves: dict[tuple[_Set, int], dict[str, tuple[_Set, int]]] = {}

    def matches(self, name: str) -> bool:
        """The whole name, not a part of it."""
        at: tuple[_Set, int] = ((self._begin,), _START)
        moves = self._moves
        for one in name:
            known = moves.get(at)
            if known is None:
                if len(moves) > _MOST_REMEMBERED:
                    moves.clear()
                known = moves[at] = {}
            after = known.get(one)
            if after is None:
                after = known[one] = self._move(at, one)
            at = after
            if not at[0]:
                return False
        return self._end in self._reachable(*at, None)

    # --- running

    def _move(self, at: tuple[_Set, int], one: str) -> tuple[_Set, int]:
        code = ord(one)
        after: dict[int, None] = {}
        for index in self._reachable(*at, one):
            if self._masks[index] >> code & 1:
                after.update(dict.fromkeys(self._next[index]))
        return tuple(sorted(after)), _WORD if _is_word(one) else _OTHER

    def _reachable(self, states: _Set, before: int, following: str | None) -> dict[int, None]:
        """All states that can be reached without a character, at a place between `before` and `following`."""
        boundary = (before == _WORD) != (following is not None and _is_word(following))
        open_edges = {
            "": True,
            "start": before == _START,
            "end": following is None,
            "word": boundary,
            "inside": not boundary,
        }
        found: dict[int, None] = dict.fromkeys(states)
        left = list(states)
        while left:
            index = left.pop()
            if self._masks[index] or not open_edges[self._edges[index]]:
                continue
            for one in self._next[index]:
                if one not in found:
                    found[one] = None
                    left.append(one)
        return found

    # --- building: each node gets its states in front of those that follow it

    def _state(self, mask: int = 0, edge: str = "", following: _Set = ()) -> int:
        if len(self._masks) >= _MOST_STATES:
            raise InvalidRegularExpression(
                f"SubscribedTopicRegex `{self._text}` is not a valid regular expression: invalid repeat count."
            )
        self._masks.append(mask)
        self._edges.append(edge)
        self._next.append(following)
        return len(self._masks) - 1

    def _build(self, node: Node, following: int) -> int:
        """The first state of `node` where what comes behind it begins at `following`."""
        if isinstance(node, Char):
            return self._state(node.mask, "", (following,)) if node.mask else self._state()
        if isinstance(node, Edge):
            return self._state(0, node.kind, (following,))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                following = self._build(part, following)
            return following
        if isinstance(node, Choice):
            return self._state(0, "", tuple(self._build(option, following) for option in node.options))
        return self._repeat(node, following)

    def _repeat(self, node: Repeat, following: int) -> int:
        first = following
        if node.most is None:
            first = self._state()
            self._next[first] = (self._build(node.part, first), following)
        else:
            for _ in range(node.most - node.least):
                first = self._state(0, "", (self._build(node.part, first), following))
        for _ in range(node.least):
            first = self._build(node.part, first)
        return first


def _is_word(one: str) -> bool:
    return bool(WORD >> ord(one) & 1)
