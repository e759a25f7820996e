"""Client quotas as metadata (KIP-546, KIP-612): who may use how much. Keeping them is the broker's part."""

from __future__ import annotations

import re

from ottla.common.errors import InvalidRequest, KafkaError
from ottla.controller.outcome import Outcome
from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import ClientQuotaRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest, AlterClientQuotasResponse

USER, CLIENT_ID, IP = "user", "client-id", "ip"

LONG_MAX, INT_MAX = (1 << 63) - 1, (1 << 31) - 1
_USER_KEYS: dict[str, tuple[str, int] | None] = {
    "producer_byte_rate": ("a LONG", LONG_MAX),
    "consumer_byte_rate": ("a LONG", LONG_MAX),
    "request_percentage": None,
    "controller_mutation_rate": None,
}
_IP_KEYS: dict[str, tuple[str, int] | None] = {"connection_creation_rate": ("an INT", INT_MAX)}
"""By key, what a whole number must fit into; None where fractions make sense."""

_ROUNDING = 1e-6
_HOST = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*|localhost")

Entity = tuple[tuple[str, str | None], ...]
"""Sorted by type; a name of None is the default of that type."""

Entry = AlterClientQuotasRequest.EntryData
Answer = AlterClientQuotasResponse.EntryData


def alter_client_quotas(image: ClusterImage, request: Message) -> Outcome:
    """Each entity as a whole or not at all. One that is named again is not changed again, and answers that."""
    assert isinstance(request, AlterClientQuotasRequest)
    records: list[Message] = []
    answers: dict[Entity, Answer] = {}
    for entry in request.entries:
        entity = tuple(sorted({part.entity_type: part.entity_name for part in entry.entity}.items()))
        code, message = 0, None
        try:
            if entity in answers or len({op.key for op in entry.ops}) < len(entry.ops):
                raise InvalidRequest(f"Ignoring duplicate entity {_shown(entity)}")
            records += _alter(image, entity, entry)
        except KafkaError as error:
            code, message = error.code, error.message
        parts = [AlterClientQuotasResponse.EntityData(entity_type=kind, entity_name=name) for kind, name in entity]
        answers[entity] = Answer(error_code=code, error_message=message, entity=parts)
    return Outcome([] if request.validate_only else records, AlterClientQuotasResponse(entries=list(answers.values())))


def _shown(entity: Entity) -> str:
    inside = ", ".join(f"{kind}={'null' if name is None else name}" for kind, name in entity)
    return f"ClientQuotaEntity(entries={{{inside}}})"


def _alter(image: ClusterImage, entity: Entity, entry: Entry) -> list[Message]:
    keys = _keys(entity)
    present = image.quotas.get(entity, {})
    records: list[Message] = []
    for op in entry.ops:
        parts = [ClientQuotaRecord.EntityData(entity_type=kind, entity_name=name) for kind, name in entity]
        if op.remove:
            if op.key in present:
                records.append(ClientQuotaRecord(entity=parts, key=op.key, remove=True))
            continue
        _check_value(keys, op.key, op.value)
        if present.get(op.key) != op.value:
            records.append(ClientQuotaRecord(entity=parts, key=op.key, value=op.value))
    return records


def _keys(entity: Entity) -> dict[str, tuple[str, int] | None]:
    """The quota keys that the entity can have. Raises InvalidRequest for one that is none."""
    if not entity:
        raise InvalidRequest("Invalid empty client quota entity")
    kinds = dict(entity)
    for kind, name in entity:
        if kind not in (USER, CLIENT_ID, IP):
            raise InvalidRequest(f"Unhandled client quota entity type: {kind}")
        if name == "":
            raise InvalidRequest(f"Empty {kind} not supported")
    if IP not in kinds:
        return _USER_KEYS
    if len(kinds) > 1:
        raise InvalidRequest(
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"  # Kafka's words
        )
    address = kinds[IP]
    if address is not None and not _HOST.fullmatch(address):  # a machine looks up no names
        raise InvalidRequest(f"{address} is not a valid IP or resolvable host.")
    return _IP_KEYS


def _check_value(keys: dict[str, tuple[str, int] | None], key: str, value: float) -> None:
    if key not in keys:
        raise InvalidRequest(f"Invalid configuration key {key}")
    if value <= 0:  # "not a number" passes, as in Kafka
        raise InvalidRequest(f"Quota {key} must be greater than 0")
    whole = keys[key]
    if whole is None:
        return
    kind, most = whole
    if value > most:
        raise InvalidRequest(f"Proposed value for {key} is too large for {kind}.")
    if value % 1.0 > _ROUNDING:
        raise InvalidRequest(f"{key} cannot be a fractional value.")
