"""What a case is made of: steps that ask, and values inside their requests that are known only when they are asked.

A case is a value. It is run once for each version (`runs`), each run against both brokers, with a prefix of its own for
all names, so that runs do not disturb one another. Request fields that a version does not have are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.api import BY_NAME
from ottla.records.batch import HEADER_BYTES, parse_header
from ottla.records.record import BatchBuilder, Header

FIXED_MS = 1_700_000_000_000
"""The time in every record, so that answers can be compared to the millisecond."""


@dataclass(frozen=True)
class Scope:
    """What a run knows while it is under way, of one broker."""

    prefix: str
    topic_ids: dict[str, Uuid]
    answers: dict[str, Any] = field(default_factory=dict)
    """The answer trees of earlier steps, as they came."""


class Late:
    """A value that a step finds out when it is asked."""

    def value(self, scope: Scope) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Named(Late):
    """A topic, group or transactional id of this run."""

    name: str

    def value(self, scope: Scope) -> str:
        return scope.prefix + self.name


@dataclass(frozen=True)
class TopicId(Late):
    """The id of a topic of this run; all zero when it has none."""

    name: str

    def value(self, scope: Scope) -> Uuid:
        return scope.topic_ids.get(scope.prefix + self.name, ZERO_UUID)


@dataclass(frozen=True)
class Answer(Late):
    """A field of an earlier answer: `Answer("join", "members.0.member_id")`. `otherwise` if it is not there."""

    step: str
    path: str
    otherwise: Any = None
    plus: int = 0

    def value(self, scope: Scope) -> Any:
        found = at_path(scope.answers.get(self.step), self.path, self.otherwise)
        return found + self.plus if self.plus else found


def at_path(found: Any, path: str, otherwise: Any = None) -> Any:
    """What a tree has at "topics.0.name"."""
    for part in path.split("."):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return otherwise
    return found


@dataclass(frozen=True)
class Batch(Late):
    """One record batch. `change` gets its bytes and returns those that are sent."""

    values: Sequence[bytes | None] = (b"value",)
    key: bytes | None = b"key"
    headers: Sequence[Header] = ()
    timestamp: int = FIXED_MS
    step_ms: int = 0
    codec: int = 0
    producer_id: Any = -1
    producer_epoch: Any = -1
    sequence: int = -1
    transactional: bool = False
    attributes: int = 0
    change: Callable[[bytes], bytes] | None = None

    def value(self, scope: Scope) -> bytes:
        builder = BatchBuilder(
            codec=self.codec,
            producer_id=resolve(self.producer_id, scope),
            producer_epoch=resolve(self.producer_epoch, scope),
            base_sequence=self.sequence,
            transactional=self.transactional,
            attributes=self.attributes,
        )
        for index, value in enumerate(self.values):
            builder.append(self.timestamp + index * self.step_ms, self.key, value, self.headers)
        data = builder.build()
        return self.change(data) if self.change else data


def batch(*values: bytes | None, **options: Any) -> Batch:
    return Batch(values or (b"value",), **options)


@dataclass(frozen=True)
class Encoded(Late):
    """Bytes made of late parts, such as the subscription of a consumer."""

    make: Callable[..., bytes]
    parts: tuple[Any, ...]

    def value(self, scope: Scope) -> bytes:
        return self.make(*resolve(list(self.parts), scope))


def resolve(value: Any, scope: Scope) -> Any:
    """The value with everything late in it found out."""
    if isinstance(value, Late):
        return value.value(scope)
    if isinstance(value, dict):
        return {key: resolve(one, scope) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(one, scope) for one in value]
    return value


@dataclass(frozen=True)
class Ask:
    """Send a request and wait for its answer.

    on: the connection, by name. later: do not wait; a `Take` of the same name does. retry: error codes of a state that
    passes by itself (an ended transaction that is not complete yet); the first answer without them counts.
    until_error: repeat until this error is in the answer (a deleted topic that is still there for a moment).
    until: repeat until all these are values of settings, quotas, credentials or features ("name=level") in the answer
    (a change that the broker has not heard of yet). unless: repeat while one of these is.
    since, before: versions of the API in which the step is asked at all. version: a fixed one, else that of the run.
    compare: False for a step that only prepares. key, raw: for a frame that is no message.
    mine: keep only the entries of lists that carry a name of this run, for APIs that list everything.
    """

    name: str
    api: str
    fields: dict[str, Any]
    on: str = "main"
    later: bool = False
    retry: tuple[int, ...] = ()
    until_error: int | None = None
    until: tuple[str | None, ...] = ()
    unless: tuple[str, ...] = ()
    since: int = 0
    before: int = 32768
    version: int | None = None
    compare: bool = True
    raw: bytes | None = None
    mine: bool = False
    client_id: str | None = "client"
    no_answer: bool = False
    timeout_s: float = 20
    """Less where Kafka never answers."""


@dataclass(frozen=True)
class Take:
    """Wait for the answer of an `Ask` that was sent with later=True."""

    name: str


@dataclass(frozen=True)
class Send:
    """Send bytes as they are, and see what comes: an answer, a closed connection, nothing.

    `data` begins with the length of the frame.
    """

    name: str
    data: Any
    on: str = "main"
    api: str = "Frame"
    answer: tuple[str, int] | None = None
    """The API and version in whose form an answer is read."""


Step = Ask | Take | Send


@dataclass(frozen=True)
class Topic:
    """A topic that is there before the case begins."""

    name: str
    partitions: int = 1
    configs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Steps in order. `varying`: the APIs whose versions the runs go through, all at once, from newest to oldest."""

    name: str
    steps: tuple[Step, ...]
    varying: tuple[str, ...]
    topics: tuple[Topic, ...] = ()
    since: int = 0
    until: int = 32767
    alone: bool = False
    """Run when nothing else runs: the case changes or lists what all share."""

    def apis(self) -> set[str]:
        return {step.api for step in self.steps if isinstance(step, Ask)}


def case(
    name: str,
    *steps: Step,
    vary: str | Sequence[str] | None = None,
    topics: Sequence[Topic | str] = (),
    **options: Any,
) -> Case:
    """A case; without `vary`, the APIs of its first step."""
    if vary is None:
        vary = next((step.api for step in steps if isinstance(step, Ask)), ())
    varying = (vary,) if isinstance(vary, str) else tuple(vary)
    made = tuple(Topic(one) if isinstance(one, str) else one for one in topics)
    return Case(name, steps, varying, made, **options)


def ask(name: str, api: str, /, *, _: dict[str, Any] | None = None, **fields: Any) -> Ask:
    """`ask("list", "ListGroups", states_filter=[])`; `_` holds the options of the step."""
    assert api in BY_NAME, api
    return Ask(name, api, fields, **(_ or {}))


def with_options(step: Ask, **options: Any) -> Ask:
    return replace(step, **options)


def header_patch(**changes: int) -> Callable[[bytes], bytes]:
    """Changes header fields of a batch and computes its CRC anew, unless `crc` is among them."""
    from ottla.records.batch import assemble

    def patch(data: bytes) -> bytes:
        header = parse_header(data)
        changed = assemble(header._replace(**changes), data[HEADER_BYTES:])
        if "crc" in changes:
            changed = changed[:17] + (changes["crc"] & 0xFFFFFFFF).to_bytes(4, "big") + changed[21:]
        if "length" in changes:
            changed = changed[:8] + changes["length"].to_bytes(4, "big", signed=True) + changed[12:]
        return changed

    return patch
