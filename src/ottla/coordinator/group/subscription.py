"""What members subscribe to: by name, and by patterns that are resolved against the topics of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ottla.coordinator.group.consumer_group import ConsumerGroup, Resolved
from ottla.coordinator.group.consumer_member import Member
from ottla.coordinator.group.patterns import compile_pattern
from ottla.coordinator.group.topics import Topics

MIN_REFRESH_MS = 10_000
"""Patterns of a group are resolved at most this often, whatever happens to topics (as Kafka)."""

MayDescribe = Callable[[str], bool]
"""May the member that asks see this topic? Others stay out of what its pattern matches."""


class Change:
    """A group in which one member becomes another value: what its members would subscribe to then.

    `old` is the member as it is in the group now, None for a new one; `new` is None for one that goes.
    """

    def __init__(self, group: ConsumerGroup, old: Member | None, new: Member | None) -> None:
        self.group = group
        self.old = old
        self.new = new

    def members(self) -> list[Member]:
        kept = [one for one in self.group.members.values() if self.old is None or one.member_id != self.old.member_id]
        return kept if self.new is None else [*kept, self.new]

    def patterns(self) -> list[str]:
        return _after(self.group.pattern_counts, _pattern(self.old), _pattern(self.new))

    def topic_names(self, resolved: Mapping[str, Resolved]) -> set[str]:
        """All names that the group subscribes to; `resolved` is what patterns matched."""
        names = set(
            _after(
                self.group.topic_counts,
                () if self.old is None else self.old.topics,
                () if self.new is None else self.new.topics,
            )
        )
        for pattern in self.patterns():
            if pattern in resolved:
                names.update(resolved[pattern].topics)
        return names

    def unused_patterns(self) -> list[str]:
        """Patterns that nobody subscribes to after the change."""
        used = set(self.patterns())
        return [pattern for pattern in self.group.patterns if pattern not in used]


def _pattern(member: Member | None) -> tuple[str, ...]:
    return (member.pattern,) if member is not None and member.pattern else ()


def _after(counts: Mapping[str, int], gone: Iterable[str], come: Iterable[str]) -> list[str]:
    left = dict(counts)
    for name in gone:
        left[name] -= 1
    for name in come:
        left[name] = left.get(name, 0) + 1
    return [name for name, count in left.items() if count > 0]


def must_resolve(change: Change, topics_changed_at: int, refresh_interval_ms: int, now_ms: int) -> bool:
    """Is it time to look for the topics that the group's patterns match?

    At once for the first pattern of a group; later when one has not been resolved, when topics came, or every ten
    minutes (group.consumer.regex.refresh.interval.ms), but never twice within ten seconds.
    """
    patterns = change.patterns()
    if not patterns:
        return False
    resolved = change.group.patterns
    last_ms = max((one.at_ms for one in resolved.values()), default=-MIN_REFRESH_MS)
    if resolved and now_ms <= last_ms + MIN_REFRESH_MS:
        return False
    if any(pattern not in resolved for pattern in patterns):
        return True
    oldest = min(one.version for one in resolved.values())
    return now_ms > last_ms + refresh_interval_ms or oldest < topics_changed_at


def resolve(patterns: Iterable[str], topics: Topics, may_describe: MayDescribe, now_ms: int) -> dict[str, Resolved]:
    """The topics that match each pattern, by name."""
    names = sorted(topics.names())
    found = {}
    for text in patterns:
        pattern = compile_pattern(text)
        matched = tuple(name for name in names if pattern.matches(name) and may_describe(name))
        found[text] = Resolved(matched, topics.version, now_ms)
    return found
