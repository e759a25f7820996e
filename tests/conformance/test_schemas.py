"""Every declaration says what Kafka's released schema says, and none is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.protocol.api import APIS
from ottla.protocol.declaration import Field
from ottla.protocol.message import Message, Struct
from tests.conformance.declared_messages import declared_messages
from tests.conformance.official_schemas import OfficialField, OfficialSchema, need_jars, official_schemas, within

QUORUM_ONLY = ("Vote", "BeginQuorumEpoch", "EndQuorumEpoch", "FetchSnapshot", "UpdateRaftVoter")
"""What only KRaft controllers ask of each other; our metadata has another way to elect its writer."""
NOT_MESSAGES = ("RequestHeader", "ResponseHeader", "ProducerSnapshot")
"""Headers are written by hand (`ottla.protocol.headers`), the snapshot of producers belongs to storage."""


def wanted_schemas() -> dict[str, OfficialSchema]:
    left_out = {name + suffix for name in QUORUM_ONLY for suffix in ("Request", "Response")} | set(NOT_MESSAGES)
    return {
        name: schema
        for name, schema in official_schemas().items()
        if schema.versions is not None and name not in left_out
    }


@pytest.fixture(autouse=True)
def _jars() -> None:
    need_jars()


def test_every_schema_has_a_declaration_and_every_declaration_a_schema() -> None:
    assert sorted(declared_messages()) == sorted(wanted_schemas())


@pytest.mark.parametrize("name", sorted(declared_messages()))
def test_declaration_equals_the_schema(name: str) -> None:
    message, schema = declared_messages()[name], official_schemas()[name]
    assert message.versions == schema.versions
    assert message.flexible == schema.flexible
    number = message.api if schema.kind in ("request", "response") else message.record
    assert number == schema.api
    assert describe(message, message) == describe_official(schema.fields, message)
    declared_structs = {
        struct_name: describe(struct, message)
        for struct_name, struct in vars(message).items()
        if isinstance(struct, type) and issubclass(struct, Struct)
    }
    official_structs = {
        struct_name: describe_official(fields, message) for struct_name, fields in schema.structs.items() if fields
    }
    assert declared_structs == official_structs


def describe(struct: type[Struct], message: type[Message]) -> list[dict[str, Any]]:
    """What a declared struct says about its fields, in their order."""
    return [_describe_field(field, message) for field in struct.fields().values()]


def _describe_field(field: Field, message: type[Message]) -> dict[str, Any]:
    options = field.options
    versions = within((options.since, options.until), message.versions)
    assert versions is not None, f"{field.name} is in no version"
    if field.kind is not None:
        type_name = field.kind.name
    else:
        assert field.struct is not None
        type_name = field.struct.__name__
    default = field.default
    if field.fresh_default:
        default = [] if field.array else f"{{{type_name}}}"
    if options.optional:
        assert options.tag is not None and not field.array, "only a tagged struct can be left out"
        default = f"{{{type_name}}}"
    return {
        "name": field.name,
        "type": type_name,
        "array": field.array,
        "versions": versions,
        "nullable": within((options.nullable_since, versions[1]), versions) if field.nullable else None,
        "tag": options.tag,
        "tagged": within((options.tagged_since, versions[1]), versions) if options.tag is not None else None,
        "default": default,
        # Where all versions have the field, there is nothing to ignore.
        "ignorable": options.ignorable and versions != message.versions,
    }


def describe_official(fields: list[OfficialField], message: type[Message]) -> list[dict[str, Any]]:
    """The same of a schema."""
    return [
        {
            "name": field.python_name,
            "type": field.type,
            "array": field.array,
            "versions": field.versions,
            "nullable": field.nullable,
            "tag": field.tag,
            "tagged": field.tagged,
            # Records that cannot be null in any version are empty by default, not null.
            "default": b"" if field.type == "Records" and field.nullable is None else field.default,
            "ignorable": field.ignorable and field.versions != message.versions,
        }
        for field in fields
    ]


def test_api_table_agrees_with_the_declarations() -> None:
    schemas = official_schemas()
    asked = {message.api for message in declared_messages().values() if message.api is not None}
    assert list(APIS) == sorted(asked)
    for api in APIS.values():
        request, response = api.request_class(), api.response_class()
        assert (request.__name__, response.__name__) == (f"{api.name}Request", f"{api.name}Response")
        assert request.versions == response.versions == api.versions == schemas[request.__name__].versions
        assert request.flexible == response.flexible == api.flexible
        if api.advertised is not None and api.name != "Produce":
            assert within(api.advertised, api.versions) == api.advertised
