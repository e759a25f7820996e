"""Kafka's own message schemas, read from the jars of a release, as plain facts to compare with.

The jars are searched in $KAFKA_JARS, else in ~/.cache/apache-kafka-jars.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.kafka_tools import jars

RELEASE = "4.3.1"
JARS = {
    "kafka-clients": "common/message/",
    "kafka-group-coordinator": "common/message/",
    "kafka-transaction-coordinator": "common/message/",
    "kafka-share-coordinator": "common/message/",
    "kafka-metadata": "common/metadata/",
    "kafka-storage": "message/",
}
TYPES = {
    "bool": "Bool",
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
    "int64": "Int64",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "float64": "Float64",
    "string": "String",
    "bytes": "Bytes",
    "records": "Records",
    "uuid": "Uuid",
}
EVER = 32767
Range = tuple[int, int]


def need_jars() -> Path:
    """The directory of the jars, fetched now if need be; skips the test where there is no Maven to fetch them with."""
    present = Path(os.environ.get("KAFKA_JARS", "~/.cache/apache-kafka-jars")).expanduser()
    if (present / f"kafka-clients-{RELEASE}.jar").exists():
        return present
    if shutil.which("mvn") is None and "java" not in os.environ.get("OTTLA_REQUIRE", ""):
        pytest.skip(f"the jars of Apache Kafka {RELEASE} are not here, and neither is Maven")
    return jars()


@dataclass
class OfficialField:
    """A field as the schema has it, its version ranges cut to the valid versions of the message."""

    name: str
    type: str
    array: bool
    versions: Range
    nullable: Range | None
    tag: int | None
    tagged: Range | None
    default: Any
    ignorable: bool

    @property
    def python_name(self) -> str:
        return snake_case(self.name)

    @property
    def is_struct(self) -> bool:
        return self.type not in TYPES.values()


@dataclass
class OfficialSchema:
    name: str
    kind: str
    api: int | None
    versions: Range | None
    flexible: int | None
    fields: list[OfficialField]
    structs: dict[str, list[OfficialField]] = field(default_factory=dict)


def snake_case(name: str) -> str:
    """`GenerationIdOrMemberEpoch` to `generation_id_or_member_epoch`; KRaft is one word."""
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([a-z])([A-Z0-9])", r"\1_\2", name)
    return re.sub(r"([0-9])([A-Z])", r"\1_\2", name).lower()


def version_range(text: str | None) -> Range | None:
    if text is None or text == "none":
        return None
    if text.endswith("+"):
        return int(text[:-1]), EVER
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def within(inner: Range | None, outer: Range) -> Range | None:
    if inner is None:
        return None
    first, last = max(inner[0], outer[0]), min(inner[1], outer[1])
    return (first, last) if first <= last else None


@cache
def official_schemas() -> dict[str, OfficialSchema]:
    """Every schema of the jars, by name."""
    result = {}
    for jar, folder in JARS.items():
        with zipfile.ZipFile(need_jars() / f"{jar}-{RELEASE}.jar") as archive:
            for entry in archive.namelist():
                if entry.startswith(folder) and entry.endswith(".json"):
                    text = re.sub(r"(?m)^\s*//.*$", "", archive.read(entry).decode())
                    schema = _schema(json.loads(text))
                    result[schema.name] = schema
    return result


def _schema(source: dict[str, Any]) -> OfficialSchema:
    versions = version_range(source["validVersions"])
    flexible = version_range(source.get("flexibleVersions"))
    schema = OfficialSchema(
        name=source["name"],
        kind=source["type"],
        api=source.get("apiKey"),
        versions=versions,
        flexible=None if flexible is None else flexible[0],
        fields=[],
    )
    if versions is not None:
        for struct in source.get("commonStructs", []):
            schema.structs[struct["name"]] = _fields(struct["fields"], versions, schema)
        schema.fields = _fields(source["fields"], versions, schema)
    return schema


def _fields(sources: list[dict[str, Any]], valid: Range, schema: OfficialSchema) -> list[OfficialField]:
    found = []
    for source in sources:
        type_name = source["type"].removeprefix("[]")
        if "fields" in source:
            schema.structs[type_name] = _fields(source["fields"], valid, schema)
        versions = within(version_range(source.get("versions", source.get("taggedVersions"))), valid)
        if versions is None:
            continue
        found.append(
            OfficialField(
                name=source["name"],
                type=TYPES.get(type_name, type_name),
                array=source["type"].startswith("[]"),
                versions=versions,
                nullable=within(version_range(source.get("nullableVersions")), versions),
                tag=source.get("tag"),
                tagged=within(version_range(source.get("taggedVersions")), versions),
                default=_default(source, type_name),
                ignorable=source.get("ignorable", False),
            )
        )
    return found


def _default(source: dict[str, Any], type_name: str) -> Any:
    """The default as a value; None for null, [] for no elements, a name in braces for a struct of defaults."""
    given = source.get("default")
    if given == "null" and type_name != "records":
        return None
    if source["type"].startswith("[]"):
        return []
    if type_name == "bool":
        return str(given).lower() == "true"
    if type_name.startswith(("int", "uint")):
        return int(str(given), 0) if given is not None else 0
    zero: dict[str, Any] = {"string": "", "bytes": b"", "uuid": bytes(16), "float64": 0.0, "records": None}
    return zero.get(type_name, f"{{{type_name}}}") if given is None else given
