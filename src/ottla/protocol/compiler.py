"""From a declaration and a version to functions: the one place where code is generated and compiled.

Each takes a few hundred microseconds and is done once for each version that is really used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cache
from typing import Any

from ottla.protocol.decoder import DecoderSource
from ottla.protocol.encoder import EncoderSource
from ottla.protocol.message import Message, Struct
from ottla.protocol.plan import StructPlan
from ottla.protocol.source import Source

SlicedDecoder = Callable[[Any, int, int], Generator[int, None, tuple[Any, int, int]]]


def compile_decoder(message: type[Message], version: int) -> Callable[[Any, int], tuple[Any, int]]:
    """`decode(buffer, position) -> (message, end)` for one version."""
    plan = StructPlan(message, version, message.is_flexible(version))
    title = f"decode {message.__name__} v{version}"

    @cache
    def lenient() -> Callable[[Any, int], tuple[Any, int]]:
        return DecoderSource(plan).build("decode", title)  # type: ignore[no-any-return]

    return DecoderSource(plan, lenient).build("decode", title)  # type: ignore[no-any-return]


def compile_encoder(message: type[Message], version: int) -> Callable[[Any], list[Any]]:
    """`encode(message) -> parts` for one version."""
    plan = StructPlan(message, version, message.is_flexible(version))
    return EncoderSource(plan).build("encode", f"encode {message.__name__} v{version}")  # type: ignore[no-any-return]


def compile_sliced_decoder(message: type[Message], version: int) -> SlicedDecoder:
    """The same in slices: yields how many elements are left, returns (message, end, left). Raises TooManyElements."""
    plan = StructPlan(message, version, message.is_flexible(version))
    title = f"decode {message.__name__} v{version} in slices"

    @cache
    def lenient() -> SlicedDecoder:
        return DecoderSource(plan, sliced=True).build("decode", title)  # type: ignore[no-any-return]

    return DecoderSource(plan, lenient, sliced=True).build("decode", title)  # type: ignore[no-any-return]


def compile_sliced_encoder(message: type[Message], version: int) -> Callable[[Any], Generator[None, None, list[Any]]]:
    plan = StructPlan(message, version, message.is_flexible(version))
    title = f"encode {message.__name__} v{version} in slices"
    return EncoderSource(plan, sliced=True).build("encode", title)  # type: ignore[no-any-return]


def compile_constructor(struct: type[Struct]) -> Callable[..., None]:
    """`__init__` with a keyword for each field, all of them optional."""
    source = Source("")
    source.names["UNSET"] = unset = object()
    parameters, body = [], []
    for name, field in struct.fields().items():
        if field.fresh_default:
            parameters.append(f"{name}=UNSET")
            blank = "[]" if field.array else f"{source.constant('Struct', field.struct)}()"
            body.append(f"    self.{name} = {blank} if {name} is UNSET else {name}")
        else:
            parameters.append(f"{name}={source.constant('default', field.default)}")
            body.append(f"    self.{name} = {name}")
    assert source.names["UNSET"] is unset
    source.lines = [
        f"def __init__(self{', *, ' if parameters else ''}{', '.join(parameters)}):",
        *(body or ["    pass"]),
    ]
    return source.build("__init__", f"{struct.__qualname__}.__init__")  # type: ignore[no-any-return]
