"""A struct in one version: which fields are on the wire, which are tagged, and which are absent."""

from __future__ import annotations

from ottla.protocol.declaration import Field
from ottla.protocol.message import Struct


class StructPlan:
    """What the code generators need to know of a struct in one version, nested structs included."""

    def __init__(self, struct: type[Struct], version: int, flexible: bool) -> None:
        self.struct = struct
        self.version = version
        self.flexible = flexible
        self.items: list[Item] = []
        self.tagged: list[Item] = []
        self.absent: list[Field] = []
        for field in struct.fields().values():
            if not field.in_version(version):
                self.absent.append(field)
            elif field.tagged_in(version):
                assert flexible, f"{struct.__qualname__}.{field.name} is tagged in a version without tags"
                self.tagged.append(Item(field, version, flexible))
            else:
                self.items.append(Item(field, version, flexible))
        self.tagged.sort(key=lambda item: item.tag)

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that such a struct takes: what bounds the count of an array of it."""
        return sum(item.least_bytes for item in self.items) + self.flexible

    @property
    def carries_records(self) -> bool:
        return any(item.carries_records for item in self.items + self.tagged)


class Item:
    """A field that is on the wire, in one version."""

    def __init__(self, field: Field, version: int, flexible: bool) -> None:
        self.field = field
        self.name = field.name
        self.kind = field.kind
        self.array = field.array
        self.flexible = flexible
        self.nullable = field.nullable_in(version)
        self.tag: int = field.options.tag if field.options.tag is not None else -1
        self.struct = None if field.struct is None else StructPlan(field.struct, version, flexible)

    @property
    def least_element_bytes(self) -> int:
        if self.struct is not None:
            return self.struct.least_bytes
        assert self.kind is not None
        if self.kind.code:
            return self.kind.size
        return 1 if self.flexible else 2 if self.kind.name == "String" else 4

    @property
    def least_bytes(self) -> int:
        if self.array:
            return 1 if self.flexible else 4
        if self.struct is not None and self.nullable:
            return 1
        return self.least_element_bytes

    @property
    def carries_records(self) -> bool:
        if self.struct is not None:
            return self.struct.carries_records
        return self.kind is not None and self.kind.name == "Records"
