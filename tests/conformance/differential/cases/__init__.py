"""The cases, a module for each family of APIs."""

from __future__ import annotations

import importlib
import pkgutil

from tests.conformance.differential.steps import Case


def all_cases() -> list[Case]:
    """In the order of module names; names are unique."""
    found: list[Case] = []
    for module in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        found += importlib.import_module(f"{__name__}.{module}").CASES
    names = [one.name for one in found]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    return found
