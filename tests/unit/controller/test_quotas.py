"""Client quotas: whose, which keys, which values; as Kafka 4.3.1 answers."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest
from tests.unit.controller.support import Controller

Entity = list[tuple[str, str | None]]
Op = tuple[str, float | None]


def entry(entity: Entity, *ops: Op) -> AlterClientQuotasRequest.EntryData:
    return AlterClientQuotasRequest.EntryData(
        entity=[AlterClientQuotasRequest.EntityData(entity_type=kind, entity_name=name) for kind, name in entity],
        ops=[AlterClientQuotasRequest.OpData(key=key, value=value or 0.0, remove=value is None) for key, value in ops],
    )


def alter(controller: Controller, entity: Entity, *ops: Op) -> str | None:
    """The error's message."""
    (answer,) = controller.ask(AlterClientQuotasRequest(entries=[entry(entity, *ops)])).entries
    assert (answer.error_code == 42) is (answer.error_message is not None)
    message: str | None = answer.error_message
    return message


def test_quotas_are_set_changed_and_removed() -> None:
    controller = Controller()
    entity: Entity = [("user", "a"), ("client-id", None)]
    assert alter(controller, entity, ("producer_byte_rate", 1000.0), ("request_percentage", 12.5)) is None
    key = (("client-id", None), ("user", "a"))
    assert controller.image.quotas[key] == {"producer_byte_rate": 1000.0, "request_percentage": 12.5}
    assert alter(controller, entity, ("producer_byte_rate", 1000.0)) is None
    assert controller.records == []  # it is that already
    alter(controller, entity, ("producer_byte_rate", None), ("request_percentage", None), ("foo", None))
    assert controller.image.quotas == {}


@pytest.mark.parametrize(
    ("entity", "op", "message"),
    [
        ([("user", "a")], ("foo", 1.0), "Invalid configuration key foo"),
        ([("user", "a")], ("connection_creation_rate", 1.0), "Invalid configuration key connection_creation_rate"),
        ([("ip", "1.2.3.4")], ("producer_byte_rate", 1.0), "Invalid configuration key producer_byte_rate"),
        ([("ip", "nowhere")], ("connection_creation_rate", 1.0), "nowhere is not a valid IP or resolvable host."),
        ([("user", "a")], ("producer_byte_rate", 1.5), "producer_byte_rate cannot be a fractional value."),
        ([("user", "a")], ("producer_byte_rate", -1.0), "Quota producer_byte_rate must be greater than 0"),
        ([("user", "a")], ("request_percentage", 0.0), "Quota request_percentage must be greater than 0"),
        ([("user", "a")], ("producer_byte_rate", 1e30), "Proposed value for producer_byte_rate is too large for a LONG."),
        ([("planet", "a")], ("producer_byte_rate", 1.0), "Unhandled client quota entity type: planet"),
        ([], ("producer_byte_rate", 1.0), "Invalid empty client quota entity"),
        ([("user", "")], ("producer_byte_rate", 1.0), "Empty user not supported"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_kafkas_words(entity: Entity, op: Op, message: str) -> None:
    controller = Controller()
    assert alter(controller, entity, op) == message
    assert controller.image.quotas == {}


def test_an_entity_that_comes_twice_is_changed_once_and_says_so() -> None:
    controller = Controller()
    twice = [entry([("user", "a")], ("producer_byte_rate", 5.0)), entry([("user", "a")], ("consumer_byte_rate", 5.0))]
    (answer,) = controller.ask(AlterClientQuotasRequest(entries=twice)).entries
    assert answer.error_message == "Ignoring duplicate entity ClientQuotaEntity(entries={user=a})"
    assert controller.image.quotas == {(("user", "a"),): {"producer_byte_rate": 5.0}}


def test_a_dry_run_changes_nothing() -> None:
    controller = Controller()
    controller.ask(
        AlterClientQuotasRequest(entries=[entry([("user", "a")], ("producer_byte_rate", 5.0))], validate_only=True)
    )
    assert controller.image.quotas == {}
