"""Our bytes mean the same to Kafka's own classes, and theirs the same to us: every message, every version.

Messages are generated from a seed. One JVM runs Kafka's generated classes over all of them: it turns our bytes into
JSON and into bytes again, and turns our JSON into bytes. So both directions are judged by code that is not ours.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ottla.common.names import uuid_text
from ottla.protocol.declaration import Field
from ottla.protocol.message import Message, Struct
from tests.conformance.declared_messages import declared_messages, declared_versions
from tests.conformance.official_schemas import JARS, RELEASE, need_jars
from tests.conformance.official_schemas import official_schemas as schemas
from tests.conformance.protocol_values import random_message

ORACLE = Path(__file__).with_name("CodecOracle.java")
CASES_PER_VERSION = 4


@pytest.mark.java
@pytest.mark.parametrize("seed", [1])
def test_kafka_reads_what_we_write_and_we_read_what_kafka_writes(seed: int, scale: float, tmp_path: Path) -> None:
    classpath = java_classpath()
    classes = java_class_names()
    random = Random(seed)
    cases = [
        (message, version, random_message(message, version, random))
        for message, version in declared_versions()
        for _ in range(max(1, round(CASES_PER_VERSION * scale)))
    ]
    lines = []
    for message, version, value in cases:
        encoded = value.encode(version)
        lines.append(f"{classes[message.__name__]}\t{version}\t{encoded.hex()}\t{json.dumps(to_json(value, version))}")
    answers = ask_kafka(lines, classpath, tmp_path)
    assert len(answers) == len(cases)
    for (message, version, value), line, answer in zip(cases, lines, answers, strict=True):
        what = f"{message.__name__} v{version}: {value!r}"
        assert not answer.startswith("error\t"), f"{what}\n{answer}"
        as_json, written_again, from_our_json = answer.split("\t")
        ours = line.split("\t")[2]
        assert json.loads(as_json) == to_json(value, version, record_sizes=True), what
        assert written_again == ours, what
        assert from_our_json == ours, what
        decoded, end = message.decode(version, bytes.fromhex(from_our_json))
        assert decoded == value, what
        assert end == len(from_our_json) // 2
    print(f"{len(cases)} messages in {len(declared_versions())} versions agreed with Kafka's classes, seed {seed}")


def java_classpath() -> str:
    directory = need_jars()
    if shutil.which("javac") is None:
        pytest.skip("there is no javac on the path")
    return f"{directory}/*"


def java_class_names() -> dict[str, str]:
    """The Java class of each declared message: those that come with a JSON converter."""
    directory, suffix = need_jars(), "JsonConverter.class"
    found: dict[str, str] = {}
    for jar in JARS:
        with zipfile.ZipFile(directory / f"{jar}-{RELEASE}.jar") as archive:
            for entry in archive.namelist():
                if entry.endswith(suffix) and "$" not in entry:
                    java_name = entry.removesuffix(suffix).replace("/", ".")
                    found[java_name.rpartition(".")[2]] = java_name
    return {name: found.get(f"{name}Data") or found[name] for name in declared_messages()}


def ask_kafka(lines: list[str], classpath: str, directory: Path) -> list[str]:
    questions, answers = directory / "questions", directory / "answers"
    questions.write_text("\n".join(lines) + "\n")
    subprocess.run(["javac", "-cp", classpath, "-d", str(directory), str(ORACLE)], check=True, timeout=120)
    command = ["java", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", f"{directory}:{classpath}", "CodecOracle"]
    subprocess.run([*command, str(questions), str(answers)], check=True, timeout=600)
    return answers.read_text().splitlines()


def to_json(message: Message, version: int, record_sizes: bool = False) -> Any:
    """The message as Kafka's converters write it; records as their size if asked, since so they log them."""
    schema = schemas()[type(message).__name__]
    names = {f.python_name: f.name for f in schema.fields}
    structs = {name: {f.python_name: f.name for f in fields} for name, fields in schema.structs.items()}
    return _struct_json(message, version, names, structs, record_sizes)


def _struct_json(
    struct: Struct, version: int, names: dict[str, str], structs: dict[str, dict[str, str]], sizes: bool
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, field in struct.fields().items():
        value = getattr(struct, name)
        if not field.in_version(version) or (field.tagged_in(version) and _is_default(field, value)):
            continue
        key = names[name][0].lower() + names[name][1:]
        if sizes and value is not None and field.kind is not None and field.kind.name == "Records":
            result[f"{key}SizeInBytes"] = len(value)
            continue
        elements = [_plain_json(field, v, version, structs, sizes) for v in (value if field.array else [value]) or []]
        result[key] = None if value is None else elements if field.array else elements[0]
    return result


def _is_default(field: Field, value: Any) -> bool:
    return bool(value == field.make_default())


def _plain_json(field: Field, value: Any, version: int, structs: dict[str, dict[str, str]], sizes: bool) -> Any:
    if value is None:
        return None
    if field.struct is not None:
        return _struct_json(value, version, structs[field.struct.__name__], structs, sizes)
    assert field.kind is not None
    if field.kind.name == "Uuid":
        return uuid_text(value)
    if field.kind.name in ("Bytes", "Records"):
        return base64.b64encode(value).decode()
    return value
