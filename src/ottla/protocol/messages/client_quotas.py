"""DescribeClientQuotas and AlterClientQuotas (KIP-546)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Float64, Int8, Int16, Int32, String


class DescribeClientQuotasRequest(Message, api=48, versions=(0, 1), flexible=1):
    """Ask for the quotas that match a filter on user, client id or address."""

    class ComponentData(Struct):
        entity_type: String = ""
        match_type: Int8 = 0
        match: String | None = ""

    components: list[ComponentData] = field()
    strict: Bool = False


class DescribeClientQuotasResponse(Message, api=48, versions=(0, 1), flexible=1):
    """The quotas by entity."""

    class EntityData(Struct):
        entity_type: String = ""
        entity_name: String | None = ""

    class ValueData(Struct):
        key: String = ""
        value: Float64 = 0.0

    class EntryData(Struct):
        entity: list[DescribeClientQuotasResponse.EntityData] = field()
        values: list[DescribeClientQuotasResponse.ValueData] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
    entries: list[EntryData] | None = field()


class AlterClientQuotasRequest(Message, api=49, versions=(0, 1), flexible=1):
    """Set or remove quotas."""

    class EntityData(Struct):
        entity_type: String = ""
        entity_name: String | None = ""

    class OpData(Struct):
        key: String = ""
        value: Float64 = 0.0
        remove: Bool = False

    class EntryData(Struct):
        entity: list[AlterClientQuotasRequest.EntityData] = field()
        ops: list[AlterClientQuotasRequest.OpData] = field()

    entries: list[EntryData] = field()
    validate_only: Bool = False


class AlterClientQuotasResponse(Message, api=49, versions=(0, 1), flexible=1):
    """For each entity, whether it was changed."""

    class EntityData(Struct):
        entity_type: String = ""
        entity_name: String | None = ""

    class EntryData(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        entity: list[AlterClientQuotasResponse.EntityData] = field()

    throttle_time_ms: Int32 = 0
    entries: list[EntryData] = field()
