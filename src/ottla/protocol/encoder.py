"""Generates the function that writes one version of a message: straight-line Python, structs inlined.

In the code `out` gathers small byte strings, `w` is its append, and `chunks` (only where there are records) holds what
is finished, large or foreign records as themselves. A run of fixed fields is one `pack`; an empty tagged section after
it is a pad byte of the same.

The sliced form is a generator for large messages: it gives way after so many elements, and returns the list.
"""

from __future__ import annotations

import struct
from typing import Any

from ottla.protocol import codec
from ottla.protocol.plan import Item, StructPlan
from ottla.protocol.source import Source

FAILURES = (AttributeError, TypeError, UnicodeEncodeError, struct.error)
SMALL_RECORDS_BYTES = 4096
"""Below this a copy into the message is cheaper than a part of its own."""

HELPERS = {
    "FAILURES": FAILURES,
    "EncodeError": codec.EncodeError,
    "SHORT": codec.SHORT_UVARINTS,
    "BYTES_TYPES": codec.BYTES_TYPES,
    "uvarint": codec.uvarint,
    "string_length": codec.string_length,
    "tagged_section": codec.tagged_section,
    "inexpressible": codec.inexpressible,
    "bad_uuid": codec.bad_uuid,
    "pack": struct.pack,
    "join": b"".join,
}


class EncoderSource(Source):
    """Writes `encode(m0) -> list of parts` for a plan."""

    def __init__(self, plan: StructPlan, *, sliced: bool = False) -> None:
        super().__init__("def encode(m0):")
        self.sliced = sliced
        self.names.update(HELPERS)
        self.flexible = plan.flexible
        self.version = plan.version
        self.sink = "w"
        self.run: list[tuple[str, str]] = []
        self.add("out = []; w = out.append")
        if sliced:
            self.add(f"pause = {codec.SLICE_ELEMENTS}")
            self.add("yield")
        if plan.carries_records:
            self.add("chunks = []")
        self.add("try:")
        self.depth += 1
        self._struct(plan, "m0")
        self._flush()
        if plan.carries_records:
            self.add("if out: chunks.append(join(out))")
            self.add("return chunks")
        else:
            self.add("return [join(out)]")
        self.depth -= 1
        self.add("except FAILURES as error:")
        title = f"{plan.struct.__name__} v{plan.version}"
        self.add(f"    raise EncodeError(f'{title} cannot be written: {{error}}') from error")

    # -- fixed fields and lengths

    def _flush(self) -> None:
        """Write the run of fixed fields gathered so far."""
        if not self.run:
            return
        values = [value for value, _ in self.run if value]
        codes = "".join(code for _, code in self.run)
        self.run = []
        if values:
            self.add(f"{self.sink}({self.layout('pack', codes)}({', '.join(values)}))")
        else:
            self.add(f"{self.sink}({bytes(len(codes))!r})")

    def _write(self, expression: str) -> None:
        self._flush()
        self.add(f"{self.sink}({expression})")

    def _length(self, size: str, text: bool) -> None:
        """Write a length that is not null; `size` is an expression, cheap to repeat."""
        if self.flexible:
            self._flush()
            self.add(f"n = {size} + 1")
            self.add(f"{self.sink}(SHORT[n] if n < 128 else {'string_length' if text else 'uvarint'}(n))")
        else:
            self.run.append((size, "h" if text else "i"))

    def _null(self, text: bool) -> None:
        null = b"\0" if self.flexible else b"\xff\xff" if text else b"\xff\xff\xff\xff"
        self.add(f"{self.sink}({null!r})")

    # -- structs

    def _struct(self, plan: StructPlan, variable: str) -> None:
        for field in plan.absent:
            if not field.options.ignorable:
                expression = f"{variable}.{field.name}"
                self.add(f"if {self._differs(field, expression)}: raise inexpressible({field.name!r}, {self.version})")
        for item in plan.items:
            self._item(item, f"{variable}.{item.name}")
        if plan.tagged:
            self._tagged_section(plan, variable)
        elif plan.flexible:
            self.run.append(("", "x"))

    def _differs(self, field: Any, expression: str) -> str:
        """The condition that a value is not the default."""
        if field.default is None:
            if not field.options.optional:
                return f"{expression} is not None"
            return f"({expression} is not None and {expression} != {self._blank(field)})"
        if field.fresh_default and not field.array:
            return f"{expression} != {self._blank(field)}"
        if field.array or (field.kind is not None and field.kind.name == "Bytes"):
            return f"({expression} is None or len({expression}))" if field.nullable else f"len({expression})"
        if field.kind.name == "Uuid":
            return f"{expression} != {self.constant('default', field.default)}"
        return f"{expression} != {field.default!r}"

    def _blank(self, field: Any) -> str:
        """The name of a struct of defaults to compare with, one for each struct type."""
        for name, value in self.names.items():
            if type(value) is field.struct:
                return name
        return self.constant("blank", field.struct())

    def _tagged_section(self, plan: StructPlan, variable: str) -> None:
        """Only what differs from its default is written."""
        self._flush()
        conditions = [self._differs(item.field, f"{variable}.{item.name}") for item in plan.tagged]
        self.add(f"if {' or '.join(conditions)}:")
        self.depth += 1
        tags, outer = self.local("tags"), self.sink
        self.add(f"{tags} = []")
        for item, condition in zip(plan.tagged, conditions, strict=True):
            content = self.local("content")
            self.sink = f"{content}.append"
            self.add(f"if {condition}:")
            self.depth += 1
            self.add(f"{content} = []")
            self._item(item, f"{variable}.{item.name}")
            self._flush()
            self.add(f"{tags}.append(({item.tag}, join({content})))")
            self.depth -= 1
        self.sink = outer
        self.add(f"{self.sink}(tagged_section({tags}))")
        self.depth -= 1
        self.add("else:")
        self.add(f"    {self.sink}({bytes(1)!r})")

    # -- fields

    def _item(self, item: Item, expression: str) -> None:
        if item.array:
            self._array(item, expression)
        elif item.struct is not None:
            self._nested(item, item.struct, expression)
        else:
            self._plain(item, expression)

    def _plain(self, item: Item, expression: str) -> None:
        assert item.kind is not None
        if item.kind.name == "Uuid":
            self.add(f"if len({expression}) != 16: raise bad_uuid({expression})")
        if item.kind.code:
            self.run.append((expression, item.kind.code))
            return
        if item.nullable:
            self._nullable_sized(item, expression)
        else:
            self._sized(item.kind.name, expression)

    def _nullable_sized(self, item: Item, expression: str) -> None:
        assert item.kind is not None
        self._flush()
        self.add(f"if {expression} is None:")
        self.depth += 1
        self._null(item.kind.name == "String")
        self.depth -= 1
        self.add("else:")
        self.depth += 1
        self._sized(item.kind.name, expression)
        self._flush()
        self.depth -= 1

    def _sized(self, kind: str, expression: str) -> None:
        value = self.local("v")
        self.add(f"{value} = {expression}{'.encode()' if kind == 'String' else ''}")
        self._length(f"len({value})", kind == "String")
        self._flush()
        if kind == "Records":
            self._records(value)
        else:
            self.add(f"{self.sink}({value})")

    def _records(self, value: str) -> None:
        size = self.local("size")
        self.add(f"{size} = len({value})")
        self.add(f"if {size} < {SMALL_RECORDS_BYTES} and type({value}) in BYTES_TYPES: w({value})")
        self.add(f"elif {size}:")
        self.add(f"    chunks.append(join(out)); out.clear(); chunks.append({value})")

    def _nested(self, item: Item, plan: StructPlan, expression: str) -> None:
        variable = self.local("m")
        self.add(f"{variable} = {expression}")
        if not item.nullable:
            self._struct(plan, variable)
            return
        self._flush()
        tagged = item.tag >= 0
        self.add(f"if {variable} is None: {self.sink}({(bytes(1) if tagged else bytes((255,)))!r})")
        self.add("else:")
        self.depth += 1
        self._write(repr(b"\1"))
        self._struct(plan, variable)
        self._flush()
        self.depth -= 1

    def _array(self, item: Item, expression: str) -> None:
        values = self.local("values")
        self.add(f"{values} = {expression}")
        if item.nullable:
            self._flush()
            self.add(f"if {values} is None:")
            self.depth += 1
            self._null(False)
            self.depth -= 1
            self.add("else:")
            self.depth += 1
        self._length(f"len({values})", False)
        self._flush()
        self._elements(item, values)
        if item.nullable:
            self.depth -= 1

    def _elements(self, item: Item, values: str) -> None:
        if item.kind is not None and item.kind.code and item.kind.name != "Uuid":
            self.add(f"{self.sink}(pack(f'>{{len({values})}}{item.kind.code}', *{values}))")
            return
        element = self.local("m")
        self.add(f"for {element} in {values}:")
        self.depth += 1
        if self.sliced:
            self.add("pause -= 1")
            self.add(f"if pause < 0: pause = {codec.SLICE_ELEMENTS}; yield")
        if item.struct is not None:
            self._struct(item.struct, element)
        elif item.kind is not None and item.kind.name == "Uuid":
            self.add(f"if len({element}) != 16: raise bad_uuid({element})")
            self.add(f"{self.sink}({element})")
        else:
            assert item.kind is not None
            self._sized(item.kind.name, element)
        self._flush()
        self.depth -= 1
