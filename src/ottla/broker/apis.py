"""Which handler serves which API, in which versions. ApiVersions answers from this table; nothing else says so.

A row: key, the handler as `module:function` (imported at first use), the versions with a complete handler. A broker
that starts loads none of them, and one that only produces and fetches never loads the others.
"""

from __future__ import annotations

from typing import NamedTuple

_HANDLERS = "ottla.broker.handlers."


class Row(NamedTuple):
    key: int
    handler: str
    oldest: int
    newest: int
    advertised: bool = True
    """False: inter-broker APIs, served to this cluster's own brokers only."""


CLIENT_ROWS = (
    Row(0, "produce:produce", 3, 13),
    Row(1, "fetch:fetch", 4, 18),
    Row(2, "list_offsets:list_offsets", 1, 11),
    Row(3, "metadata:metadata", 0, 13),
    Row(18, "api_versions:api_versions", 0, 4),
    Row(19, "topics:create_topics", 2, 7),
    Row(20, "topics:delete_topics", 1, 6),
    Row(22, "init_producer_id:init_producer_id", 0, 5),
    Row(60, "cluster:describe_cluster", 0, 2),
)
INTER_BROKER_ROWS: tuple[Row, ...] = ()

ROWS: dict[int, Row] = {row.key: row for row in (*CLIENT_ROWS, *INTER_BROKER_ROWS)}

PRODUCE = 0
PRODUCE_ADVERTISED_FROM = 0
"""Kafka advertises Produce from 0 though it serves 3: old librdkafka drops compression otherwise (KAFKA-18659)."""


def handler_of(row: Row) -> str:
    return _HANDLERS + row.handler
