"""What is looked for in a list, line by line, is quadratic in C, which no count of lines sees: so it is not written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ottla

SOURCE = Path(ottla.__file__).parent
PACKAGES = ("broker/handlers", "coordinator", "controller")
SEARCHES = ("count", "index")
REQUEST = "request"


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((SOURCE / package).rglob("*.py"))]


def found_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, (ast.In, ast.NotIn)) and is_list(right):
                    yield f"line {node.lineno}: a look into a list: {ast.unparse(node)}"
        elif is_search(node):
            yield f"a search in a list: {ast.unparse(node)}"


def is_search(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) and node.args else None
    return isinstance(called, ast.Attribute) and called.attr in SEARCHES


def is_list(node: ast.expr) -> bool:
    """A field of a request, or a list or dict that is made for each look."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id == REQUEST
    made = isinstance(node, ast.Call) and ast.unparse(node.func) in ("dict.fromkeys", "set", "frozenset", "list")
    return made or isinstance(node, ast.ListComp)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_looked_for_in_a_list_that_a_client_has_sent(path: Path) -> None:
    assert list(found_in(ast.parse(path.read_text()))) == []


def test_the_looks_that_were_there_once_are_seen() -> None:
    once = (
        "[one for one in indexes if indexes.count(one) > 1]",
        "one.producer_id in request.producer_id_filters",
        "[name for name in names if name not in dict.fromkeys(allowed)]",
    )
    for text in once:
        assert list(found_in(ast.parse(text)))
