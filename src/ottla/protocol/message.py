"""Declare a message as a class; get its constructor, comparison, repr and the code that reads and writes it.

    class HeartbeatRequest(Message, api=12, versions=(0, 4), flexible=4):
        group_id: String = ""
        generation_id: Int32 = 0
        group_instance_id: String | None = field(since=3, default=None)

A struct used inside a message is a class nested in it; structs name each other through the message
(`list[ProduceRequest.PartitionProduceData]`). Instances are mutable, with a slot for each field, and every field may be
left out of the constructor. Nothing is generated at import.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, ClassVar, TypeVar, dataclass_transform

from ottla.protocol.codec import EncodeError, ProtocolError
from ottla.protocol.declaration import Field, FieldOptions

M = TypeVar("M", bound="Message")


@dataclass_transform(kw_only_default=True)
class StructType(type):
    """Turns the annotated names of a class body into slots, and keeps what they said for the compiler."""

    _structs: dict[str, type[Struct]]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> StructType:
        declared: dict[str, tuple[str, FieldOptions]] = {}
        for field_name, annotation in namespace.get("__annotations__", {}).items():
            if not annotation.startswith("ClassVar"):
                given = namespace.pop(field_name)
                declared[field_name] = (annotation, given if type(given) is FieldOptions else FieldOptions(given))
        namespace["__slots__"] = tuple(declared)
        namespace["_declared"] = declared
        namespace["_fields"] = None
        cls = super().__new__(mcs, name, bases, namespace, **options)
        nested: Any = {key: value for key, value in namespace.items() if isinstance(value, StructType)}
        for struct in (cls, *nested.values()):
            struct._structs = nested
        return cls


class Struct(metaclass=StructType):
    """Named fields that travel together. Part of a message; it cannot be encoded alone."""

    _declared: ClassVar[dict[str, tuple[str, FieldOptions]]]
    _fields: ClassVar[dict[str, Field] | None]

    def __init__(self, **values: Any) -> None:
        from ottla.protocol.compiler import compile_constructor

        cls = type(self)
        cls.__init__ = compile_constructor(cls)  # type: ignore[method-assign]
        cls.__init__(self, **values)

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The fields by name, in the order of the wire."""
        if cls._fields is None:
            cls._fields = {
                name: Field(name, annotation, options, cls._structs)
                for name, (annotation, options) in cls._declared.items()
            }
        return cls._fields

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._declared)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = []
        for name, field in self.fields().items():
            value = getattr(self, name)
            if value != field.make_default():
                if isinstance(value, memoryview):
                    value = f"<{len(value)} bytes>"
                    shown.append(f"{name}={value}")
                else:
                    shown.append(f"{name}={value!r}")
        return f"{type(self).__qualname__}({', '.join(shown)})"


class Message(Struct):
    """A request, a response, or a key or value in one of Kafka's logs: what can be encoded and decoded by version."""

    api: ClassVar[int | None]
    record: ClassVar[int | None]
    versions: ClassVar[tuple[int, int]]
    flexible: ClassVar[int | None]
    _decoders: ClassVar[dict[int, Callable[[Any, int], tuple[Any, int]]]]
    _encoders: ClassVar[dict[int, Callable[[Any], list[Any]]]]
    _sliced_decoders: ClassVar[dict[int, Callable[[Any, int, int], Generator[int, None, tuple[Any, int, int]]]]]
    _sliced_encoders: ClassVar[dict[int, Callable[[Any], Generator[None, None, list[Any]]]]]

    def __init_subclass__(
        cls,
        *,
        versions: tuple[int, int],
        flexible: int | None = None,
        api: int | None = None,
        record: int | None = None,
    ) -> None:
        cls.api, cls.record = api, record
        cls.versions, cls.flexible = versions, flexible
        cls._decoders, cls._encoders = {}, {}
        cls._sliced_decoders, cls._sliced_encoders = {}, {}

    @classmethod
    def decode(cls: type[M], version: int, buffer: bytes | bytearray | memoryview, position: int = 0) -> tuple[M, int]:
        """The message at `position`, and the position after it; bytes behind it are left alone.

        A field of records is a view of `buffer`, everything else is a copy. Raises ProtocolError, and nothing else.
        """
        decoder = cls._decoders.get(version)
        if decoder is None:
            decoder = cls.decoder(version)
        return decoder(buffer, position)

    def encode(self, version: int) -> bytes:
        """The message as bytes. Raises EncodeError."""
        parts = self.encode_parts(version)
        if len(parts) == 1:
            return parts[0]  # type: ignore[no-any-return]
        try:
            return b"".join(parts)
        except TypeError as error:
            raise EncodeError("records that are not bytes can only be sent in parts") from error

    def encode_parts(self, version: int) -> list[Any]:
        """The message as a list of byte strings and, in their places, the large or foreign records as themselves.

        Each part has a length in bytes; together they are the message. Raises EncodeError.
        """
        encoder = self._encoders.get(version)
        if encoder is None:
            encoder = self.encoder(version)
        return encoder(self)

    @classmethod
    def decode_in_slices(
        cls: type[M], version: int, buffer: bytes | memoryview, position: int, most_elements: int
    ) -> Generator[int, None, tuple[M, int, int]]:
        """The same for a large message: yields now and then how many elements it may still have.

        Returns the message, the position after it, and the elements that are left. Raises ProtocolError,
        TooManyElements before one too many is made.
        """
        from ottla.protocol.compiler import compile_sliced_decoder

        decoder = cls._sliced_decoders.get(version)
        if decoder is None:
            decoder = cls._sliced_decoders[version] = compile_sliced_decoder(cls, version)
        return decoder(buffer, position, most_elements)

    def encode_in_slices(self, version: int) -> Generator[None, None, list[Any]]:
        """The parts of a large message; yields now and then. Raises EncodeError."""
        from ottla.protocol.compiler import compile_sliced_encoder

        encoder = self._sliced_encoders.get(version)
        if encoder is None:
            encoder = self._sliced_encoders[version] = compile_sliced_encoder(type(self), version)
        return encoder(self)

    @classmethod
    def decoder(cls, version: int) -> Callable[[Any, int], tuple[Any, int]]:
        """The function that `decode` calls; compiled now if it has not been."""
        from ottla.protocol.compiler import compile_decoder

        if not cls.has_version(version):
            raise ProtocolError(f"{cls.__name__} has no version {version}")
        if version not in cls._decoders:
            cls._decoders[version] = compile_decoder(cls, version)
        return cls._decoders[version]

    @classmethod
    def encoder(cls, version: int) -> Callable[[Any], list[Any]]:
        """The function that `encode_parts` calls; compiled now if it has not been."""
        from ottla.protocol.compiler import compile_encoder

        if not cls.has_version(version):
            raise EncodeError(f"{cls.__name__} has no version {version}")
        if version not in cls._encoders:
            cls._encoders[version] = compile_encoder(cls, version)
        return cls._encoders[version]

    @classmethod
    def has_version(cls, version: int) -> bool:
        return cls.versions[0] <= version <= cls.versions[1]

    @classmethod
    def is_flexible(cls, version: int) -> bool:
        """Whether this version has compact lengths and tagged fields (KIP-482)."""
        return cls.flexible is not None and version >= cls.flexible
