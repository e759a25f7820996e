"""What a declaration says about a field, and how its annotation is read.

An annotation is one of `X`, `list[X]`, `X | None`, `list[X] | None`, where X is a name of `ottla.protocol.types` or a
struct of the same message. It stays the text that it is in the source until the message is first used: reading it then
is cheaper than evaluating it at import, and needs no module but this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.protocol.types import KINDS, Kind

if TYPE_CHECKING:
    from ottla.protocol.message import Struct

LAST_VERSION = 32767
UNSET: Any = object()
"""No default given: the type's zero (0, "", no elements, a struct of defaults), as in Kafka, even if nullable."""


class FieldOptions:
    """What `field()` was told."""

    __slots__ = ("default", "ignorable", "nullable_since", "optional", "since", "tag", "tagged_since", "until")

    def __init__(
        self,
        default: Any = UNSET,
        since: int = 0,
        until: int = LAST_VERSION,
        nullable_since: int = 0,
        tag: int | None = None,
        tagged_since: int = 0,
        ignorable: bool = False,
        optional: bool = False,
    ) -> None:
        self.default = default
        self.since = since
        self.until = until
        self.nullable_since = nullable_since
        self.tag = tag
        self.tagged_since = tagged_since
        self.ignorable = ignorable
        self.optional = optional


def field(
    *,
    default: Any = UNSET,
    since: int = 0,
    until: int = LAST_VERSION,
    nullable_since: int = 0,
    tag: int | None = None,
    tagged_since: int = 0,
    ignorable: bool = False,
    optional: bool = False,
) -> Any:
    """Declare a field that needs more than a type and a plain default.

    since, until: the versions that have it. nullable_since: where `X | None` holds, below it null is refused.
    tag, tagged_since: it is a tagged field, from that version on.
    ignorable: a version without it drops its value in silence, else a value that is not the default is an EncodeError.
    optional: for a tagged struct that the wire cannot make null: None here says that it is left out, which the schema
    calls a struct of defaults.
    """
    return FieldOptions(default, since, until, nullable_since, tag, tagged_since, ignorable, optional)


class Field:
    """One field of a struct, its type resolved. Exactly one of `kind` and `struct` is set."""

    __slots__ = ("array", "default", "kind", "name", "nullable", "options", "struct")

    def __init__(self, name: str, annotation: str, options: FieldOptions, structs: dict[str, type[Struct]]) -> None:
        self.name = name
        self.options = options
        text = annotation.removesuffix(" | None")
        self.nullable = text != annotation and not options.optional
        self.array = text.startswith("list[")
        if self.array:
            text = text[5:-1]
        self.kind: Kind | None = KINDS.get(text)
        self.struct: type[Struct] | None = None
        if self.kind is None:
            self.struct = structs[text.rpartition(".")[2]]
        self.default = options.default
        if options.optional:
            self.default = None
        elif self.default is UNSET and self.kind is not None and not self.array:
            self.default = self.kind.zero

    def in_version(self, version: int) -> bool:
        return self.options.since <= version <= self.options.until

    def nullable_in(self, version: int) -> bool:
        return self.nullable and version >= self.options.nullable_since

    def tagged_in(self, version: int) -> bool:
        return self.options.tag is not None and version >= self.options.tagged_since

    @property
    def fresh_default(self) -> bool:
        """Whether each instance needs a default of its own: a list, or a struct."""
        return self.default is UNSET

    def make_default(self) -> Any:
        if not self.fresh_default:
            return self.default
        if self.array:
            return []
        assert self.struct is not None
        return self.struct()
