"""Lines of generated Python, the names that they use, and how they become a function."""

from __future__ import annotations

from struct import Struct as Layout
from typing import Any

LAYOUTS: dict[str, Layout] = {}


class Source:
    """A function in the making: indented lines, and the objects that its code refers to by name."""

    def __init__(self, header: str) -> None:
        self.lines = [header]
        self.depth = 1
        self.names: dict[str, Any] = {}
        self._counter = 0

    def add(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def local(self, stem: str) -> str:
        """A name for a variable that no other part of the function uses."""
        self._counter += 1
        return f"{stem}{self._counter}"

    def constant(self, stem: str, value: Any) -> str:
        """A name under which the code finds `value`."""
        for name, known in self.names.items():
            if known is value:
                return name
        name = self.local(stem)
        self.names[name] = value
        return name

    def layout(self, method: str, codes: str) -> str:
        """The name of `pack` or `unpack_from` for a run of fixed fields."""
        layout = LAYOUTS.get(codes)
        if layout is None:
            layout = LAYOUTS[codes] = Layout(">" + codes)
        name = f"{method}_{codes.replace('?', 'bool')}"
        self.names[name] = getattr(layout, method)
        return name

    def build(self, function: str, title: str) -> Any:
        """Compile the lines and return the function. `title` is what a traceback shows as the file."""
        exec(compile("\n".join(self.lines), f"<{title}>", "exec"), self.names)
        return self.names[function]
