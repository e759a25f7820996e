"""Generates the function that reads one version of a message: straight-line Python, structs inlined.

In the code `b` is the buffer, `p` the position, `end` the length of `b`, `n` the length or count just read. A run of
fixed fields, together with the first byte of the length that follows it, is one `unpack_from`. Slices past the end do
not fail in Python, so positions may run past it: the next read of a byte fails, or else the check at the very end.

The sliced form is a generator for large messages: `left` is how many elements it may still have, counted before they
are made, and `pause` how many until it gives way. Small messages are bounded by their bytes and count nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ottla.protocol import codec
from ottla.protocol.plan import Item, StructPlan
from ottla.protocol.source import Source

NUMBERS_OF_ONE = 4
"""So many numbers of an array count as one element: no call and no loop is needed for them."""
FAILURES = (IndexError, struct.error)
HELPERS = {
    "new": object.__new__,
    "FAILURES": FAILURES,
    "ProtocolError": codec.ProtocolError,
    "null_refused": codec.null_refused,
    "too_many": codec.too_many,
    "too_many_elements": codec.too_many_elements,
    "too_many_tagged": codec.too_many_tagged,
    "count_tagged_fields": codec.count_tagged_fields,
    "truncated": codec.truncated,
    "tag_mismatch": codec.tag_mismatch,
    "read_uvarint": codec.read_uvarint,
    "read_length": codec.read_length,
    "read_nullable_length": codec.read_nullable_length,
    "read_string_length": codec.read_string_length,
    "read_nullable_string_length": codec.read_nullable_string_length,
    "skip_tagged_fields": codec.skip_tagged_fields,
    "unpack_from": struct.unpack_from,
}


class DecoderSource(Source):
    """Writes `decode(buffer, p) -> (message, p)` for a plan; sliced, `decode(buffer, p, left)`, a generator that yields
    what is left now and then and returns `(message, p, left)`.

    `lenient`: a text that is no UTF-8 is read as Java reads it, with U+FFFD in the place of what makes no sense. It is
    slower; the other function asks for it once it meets such a text.
    """

    def __init__(
        self, plan: StructPlan, lenient: Callable[[], Callable[..., Any]] | None = None, *, sliced: bool = False
    ) -> None:
        super().__init__("def decode(buffer, p, left):" if sliced else "def decode(buffer, p):")
        self.sliced = sliced
        self.names.update(HELPERS)
        self.lenient = lenient is None
        self.flexible = plan.flexible
        self.views = plan.carries_records
        self.run: list[tuple[str, str]] = []
        self._prologue()
        message = self._struct(plan)
        self._flush()
        self.depth -= 1
        if lenient is not None:
            self.names["lenient"] = lenient
            again = "(yield from lenient()(buffer, start, limit))" if sliced else "lenient()(buffer, start)"
            self.add(f"except UnicodeDecodeError: return {again}")
        self.add("except FAILURES as error:")
        title = f"{plan.struct.__name__} v{plan.version}"
        self.add(f"    raise ProtocolError(f'not a {title}: {{error}}') from error")
        self.add("if p > end: raise truncated(p - end)")
        self.add(f"return {message}, p, left" if sliced else f"return {message}, p")

    def _prologue(self) -> None:
        if self.views:
            self.add("b = buffer if type(buffer) is memoryview else memoryview(buffer)")
        else:
            # Indexing and slicing bytes is so much faster that one copy pays from the second string on.
            self.add("b = buffer if type(buffer) is bytes else bytes(buffer)")
        self.add("start, end = p, len(b)")
        if self.sliced:
            self.add(f"limit, pause = left, {codec.SLICE_ELEMENTS}")
            self.add("yield left")
        self.add("try:")
        self.depth += 1

    # -- fixed fields and lengths

    def _flush(self) -> None:
        """Read the run of fixed fields gathered so far."""
        if not self.run:
            return
        targets = [target for target, _ in self.run]
        codes = "".join(code for _, code in self.run)
        self.run = []
        if codes == "B":
            self.add(f"{targets[0]} = b[p]; p += 1")
            return
        size = struct.calcsize(">" + codes)
        self.add(f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = {self.layout('unpack_from', codes)}(b, p)")
        self.add(f"p += {size}")

    def _length(self, item: Item, text: bool, what: str) -> None:
        """Read a length into `n`, and refuse null where it is not allowed; the bytes follow at `p`."""
        if self.flexible:
            self.run.append(("n", "B"))
            self._flush()
            reader = f"read_{'nullable_' if item.nullable else ''}{'string_' if text else ''}length"
            beyond = "n > 127" if item.nullable else "not 0 < n < 128"
            self.add(f"if {beyond}: n, p = {reader}(b, p - 1)")
            return
        self.run.append(("n", "h" if text else "i"))
        self._flush()
        if not item.nullable:
            self.add(f"if n < 0: raise null_refused({what!r})")

    def _present(self) -> str:
        """The condition that the length just read is not null."""
        return "n" if self.flexible else "n >= 0"

    # -- structs

    def _struct(self, plan: StructPlan) -> str:
        """Read a struct into a new variable, whose name is returned."""
        variable = self.local("m")
        self.add(f"{variable} = new({self.constant('Struct', plan.struct)})")
        for item in plan.items:
            self._item(item, f"{variable}.{item.name}")
        for field in plan.absent:
            self._default(field, f"{variable}.{field.name}")
        if plan.flexible:
            self._tagged_section(plan, variable)
        return variable

    def _default(self, field: Any, target: str) -> None:
        if not field.fresh_default:
            default = field.default
            plain = default is None or isinstance(default, (int, str, float))
            self.add(f"{target} = {default!r}" if plain else f"{target} = {self.constant('default', default)}")
        elif field.array:
            self.add(f"{target} = []")
        else:
            self.add(f"{target} = {self.constant('Struct', field.struct)}()")

    def _tagged_section(self, plan: StructPlan, variable: str) -> None:
        self.run.append(("n", "B"))
        self._flush()
        if not plan.tagged:
            self.add("if n:")
            self.depth += 1
            if self.sliced:
                self.add("n = count_tagged_fields(b, p - 1)")
                self._count("n", "a tagged section")
                self.add("pause -= n")
            self.add("p = skip_tagged_fields(b, p - 1, end)")
            self.depth -= 1
            return
        for item in plan.tagged:
            self._default(item.field, f"{variable}.{item.name}")
        stop, tag = self.local("stop"), self.local("tag")
        self.add("if n:")
        self.depth += 1
        self.add("if n > 127: n, p = read_uvarint(b, p - 1)")
        self.add(f"if n > {codec.MAX_TAGGED_FIELDS}: raise too_many_tagged(n)")
        if self.sliced:
            self._count("n", "a tagged section")
            self.add("pause -= n")
        self.add("for _ in range(n):")
        self.depth += 1
        self.add(f"{tag}, p = read_uvarint(b, p)")
        self.add("n, p = read_uvarint(b, p)")
        self.add(f"{stop} = p + n")
        self.add(f"if {stop} > end: raise truncated({stop} - end)")
        word = "if"
        for item in plan.tagged:
            self.add(f"{word} {tag} == {item.tag}:")
            word = "elif"
            self.depth += 1
            self._item(item, f"{variable}.{item.name}")
            self._flush()
            self.add(f"if p != {stop}: raise tag_mismatch({tag})")
            self.depth -= 1
        self.add(f"p = {stop}")
        self.depth -= 2

    # -- fields

    def _item(self, item: Item, target: str) -> None:
        if item.array:
            self._array(item, target)
        elif item.struct is not None:
            self._nested(item, item.struct, target)
        else:
            assert item.kind is not None
            if item.kind.code:
                self.run.append((target, item.kind.code))
            else:
                self._sized(item, target)

    def _nested(self, item: Item, plan: StructPlan, target: str) -> None:
        if not item.nullable:
            variable = self._struct(plan)
            self.add(f"{target} = {variable}")
            return
        if item.tag >= 0:
            # In a tagged section the marker is a varint, 0 for null; elsewhere a signed byte, negative for null.
            self._flush()
            self.add("n, p = read_uvarint(b, p)")
            self.add("if n == 0:")
        else:
            self.run.append(("n", "b"))
            self._flush()
            self.add("if n < 0:")
        self.add(f"    {target} = None")
        self.add("else:")
        self.depth += 1
        variable = self._struct(plan)
        self._flush()
        self.add(f"{target} = {variable}")
        self.depth -= 1

    def _sized(self, item: Item, target: str) -> None:
        """A string, bytes or records."""
        assert item.kind is not None
        self._length(item, item.kind.name == "String", item.name)
        if item.nullable:
            self.add(f"if {self._present()}:")
            self.depth += 1
        self._slice(item.kind.name, f"{target} = ")
        if item.nullable:
            self.depth -= 1
            self.add(f"else: {target} = None")

    def _slice(self, kind: str, before: str, after: str = "") -> None:
        """Take the `n` bytes at `p` as a value of `kind`."""
        self.add("q = p + n - 1" if self.flexible else "q = p + n")
        if kind == "Records":
            value = "b[p:q]"
        elif kind == "Bytes":
            value = "bytes(b[p:q])" if self.views else "b[p:q]"
        else:
            value = "str(b[p:q], 'utf-8')" if self.views else "b[p:q].decode()"
            if self.lenient:
                value = "str(b[p:q], 'utf-8', 'replace')"
        self.add(f"{before}{value}{after}; p = q")

    def _array(self, item: Item, target: str) -> None:
        self._length(item, False, item.name)
        if item.nullable:
            self.add(f"if {self._present()}:")
            self.depth += 1
        if self.flexible:
            self.add("n -= 1")
        self.add(f"if n * {item.least_element_bytes} > end - p: raise too_many({item.name!r}, n)")
        if self.sliced:
            numbers = item.kind is not None and item.kind.code and item.kind.name != "Uuid"
            self._count(f"n // {NUMBERS_OF_ONE}" if numbers else "n", item.name)
        self._elements(item, target)
        if item.nullable:
            self.depth -= 1
            self.add(f"else: {target} = None")

    def _count(self, count: str, what: str) -> None:
        self.add(f"left -= {count}")
        self.add(f"if left < 0: raise too_many_elements({what!r}, limit)")

    def _elements(self, item: Item, target: str) -> None:
        """Read the `n` elements of an array, of which there are bytes enough."""
        if item.kind is not None and item.kind.name == "Uuid":
            self.add(f"{target} = [bytes(b[q : q + 16]) for q in range(p, p + n * 16, 16)]")
            self.add("p += n * 16")
            return
        if item.kind is not None and item.kind.code:
            self.add(f"{target} = list(unpack_from(f'>{{n}}{item.kind.code}', b, p)) if n else []")
            self.add(f"p += n * {item.kind.size}")
            return
        elements = self.local("elements")
        self.add(f"{target} = {elements} = []")
        self.add("for _ in range(n):")
        self.depth += 1
        if self.sliced:
            self.add("pause -= 1")
            self.add(f"if pause < 0: pause = {codec.SLICE_ELEMENTS}; yield left")
        if item.struct is not None:
            variable = self._struct(item.struct)
            self._flush()
            self.add(f"{elements}.append({variable})")
        else:
            assert item.kind is not None
            self._element_length(item)
            self._slice(item.kind.name, f"{elements}.append(", ")")
        self.depth -= 1

    def _element_length(self, item: Item) -> None:
        """The length of an element that is a string or bytes; elements are never null."""
        assert item.kind is not None
        text = item.kind.name == "String"
        if self.flexible:
            self.add("n = b[p]; p += 1")
            self.add(f"if not 0 < n < 128: n, p = read_{'string_' if text else ''}length(b, p - 1)")
            return
        self.run.append(("n", "h" if text else "i"))
        self._flush()
        self.add(f"if n < 0: raise null_refused({item.name!r})")
