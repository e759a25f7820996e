"""Every message class that `ottla.protocol` declares."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import ottla.protocol.logs
import ottla.protocol.messages
from ottla.protocol.message import Message


@cache
def declared_messages() -> dict[str, type[Message]]:
    """By name: requests, responses, keys and values of logs, and blobs."""
    modules = ["ottla.protocol.blobs"]
    for package in (ottla.protocol.messages, ottla.protocol.logs):
        modules += sorted(f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__))
    result: dict[str, type[Message]] = {}
    for module_name in modules:
        for name, value in vars(importlib.import_module(module_name)).items():
            if isinstance(value, type) and issubclass(value, Message) and value.__module__ == module_name:
                assert name not in result, f"{name} is declared twice"
                result[name] = value
    return result


def declared_versions() -> list[tuple[type[Message], int]]:
    """Every (message, version) pair."""
    return [
        (message, version)
        for message in declared_messages().values()
        for version in range(message.versions[0], message.versions[1] + 1)
    ]
