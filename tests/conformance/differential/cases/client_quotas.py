"""DescribeClientQuotas, AlterClientQuotas: what is stored and how it is found again."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Ask, Named, ask, case

EXACT, DEFAULT, ANY = range(3)
USER, CLIENT, IP = "user", "client-id", "ip"
PRODUCE, CONSUME, PERCENTAGE = "producer_byte_rate", "consumer_byte_rate", "request_percentage"
MUTATIONS, CONNECTIONS = "controller_mutation_rate", "connection_creation_rate"
Entity = dict[str, Any]


def alter(name: str, *entries: tuple[Entity, dict[str, float | None]], validate: bool = False) -> Ask:
    """None removes a quota."""
    return ask(
        name,
        "AlterClientQuotas",
        validate_only=validate,
        entries=[
            {
                "entity": [{"entity_type": kind, "entity_name": value} for kind, value in entity.items()],
                "ops": [{"key": key, "value": value or 0.0, "remove": value is None} for key, value in ops.items()],
            }
            for entity, ops in entries
        ],
    )


def describe(name: str, *components: tuple[str, int, Any], strict: bool = False, **options: Any) -> Ask:
    return ask(
        name,
        "DescribeClientQuotas",
        _=options,
        components=[{"entity_type": kind, "match_type": match, "match": value} for kind, match, value in components],
        strict=strict,
    )


U, V, C, D = Named("user"), Named("other"), Named("client-a"), Named("client-b")

CASES = [
    case(
        "quotas-kept",
        describe("nothing yet", (USER, EXACT, U)),
        alter("user", ({USER: U}, {PRODUCE: 1e9, CONSUME: 2e9})),
        alter("client", ({CLIENT: C}, {PERCENTAGE: 150.5})),
        alter("both", ({USER: U, CLIENT: C}, {MUTATIONS: 10.25})),
        alter("two entries", ({USER: V}, {PRODUCE: 5e9}), ({CLIENT: D}, {CONSUME: 6e9})),
        describe("user", (USER, EXACT, U), until=("1000000000.0", "10.25")),
        describe("user strictly", (USER, EXACT, U), strict=True),
        describe("client", (CLIENT, EXACT, C), until=("150.5", "10.25")),
        describe("client strictly", (CLIENT, EXACT, C), strict=True),
        describe("both", (USER, EXACT, U), (CLIENT, EXACT, C)),
        describe("both strictly", (USER, EXACT, U), (CLIENT, EXACT, C), strict=True),
        describe("user and any client", (USER, EXACT, U), (CLIENT, ANY, None)),
        describe("user and the default client", (USER, EXACT, U), (CLIENT, DEFAULT, None)),
        describe("any user of the client", (USER, ANY, None), (CLIENT, EXACT, C)),
        describe("not there", (USER, EXACT, Named("nobody"))),
        alter("changed", ({USER: U}, {PRODUCE: 3e9})),
        describe("after the change", (USER, EXACT, U), until=("3000000000.0",)),
        alter("one removed", ({USER: U}, {PRODUCE: None})),
        describe("after one", (USER, EXACT, U), unless=("3000000000.0",)),
        alter("removed again", ({USER: U}, {PRODUCE: None})),
        alter("never there", ({USER: Named("nobody")}, {PRODUCE: None})),
        alter("nothing to do", ({USER: U}, {})),
        alter("checked only", ({USER: U}, {PRODUCE: 7e9}), validate=True),
        describe("unchanged", (USER, EXACT, U)),
        alter("set and removed", ({USER: U}, {PRODUCE: 8e9, CONSUME: None})),
        alter("the rest", ({USER: U}, {PRODUCE: None}), ({CLIENT: C}, {PERCENTAGE: None})),
        describe("nothing left", (USER, EXACT, U), strict=True, unless=("8000000000.0", "2000000000.0")),
        vary=["AlterClientQuotas", "DescribeClientQuotas"],
    ),
    case(
        "quotas-of-addresses",
        alter("address", ({IP: "10.1.2.3"}, {CONNECTIONS: 1000.0})),
        describe("address", (IP, EXACT, "10.1.2.3"), until=("1000.0",)),
        alter("removed", ({IP: "10.1.2.3"}, {CONNECTIONS: None})),
        describe("gone", (IP, EXACT, "10.1.2.3"), unless=("1000.0",)),
        alter("no address", ({IP: "not an address"}, {CONNECTIONS: 5.0})),
        alter("unknown host", ({IP: "no.such.host.invalid"}, {CONNECTIONS: 5.0})),
        alter("a user's quota", ({IP: "10.1.2.3"}, {PRODUCE: 5.0})),
        alter("a fraction", ({IP: "10.1.2.3"}, {CONNECTIONS: 5.5})),
        alter("with a user", ({IP: "10.1.2.3", USER: U}, {CONNECTIONS: 5.0})),
        describe("with a user", (IP, EXACT, "10.1.2.3"), (USER, EXACT, U)),
        describe("with a client", (IP, EXACT, "10.1.2.3"), (CLIENT, ANY, None)),
        vary=["AlterClientQuotas", "DescribeClientQuotas"],
        alone=True,
    ),
    case(
        "quotas-badly",
        alter("unknown key", ({USER: U}, {"no_such_rate": 1.0})),
        alter("unknown kind", ({"planet": "mars"}, {PRODUCE: 1.0})),
        alter("empty kind", ({"": "mars"}, {PRODUCE: 1.0})),
        alter("no entity", ({}, {PRODUCE: 1.0})),
        alter("empty name", ({USER: ""}, {PRODUCE: 1.0})),
        alter("zero", ({USER: U}, {PRODUCE: 0.0})),
        alter("negative", ({USER: U}, {PRODUCE: -1.0})),
        alter("a fraction of a byte", ({USER: U}, {PRODUCE: 1.5})),
        alter("nearly whole", ({USER: U}, {PRODUCE: 1000000000.0000001})),
        alter("too large", ({USER: U}, {PRODUCE: 1e19})),
        alter("no number", ({USER: U}, {PRODUCE: float("nan")})),
        alter("no end", ({USER: U}, {PERCENTAGE: float("inf")})),
        alter("an address's quota", ({USER: U}, {CONNECTIONS: 5.0})),
        alter("good and bad", ({USER: V}, {PRODUCE: 4e9}), ({USER: U}, {"no_such_rate": 1.0})),
        alter("good and bad key", ({USER: V}, {PRODUCE: 4e9, "no_such_rate": 1.0})),
        alter("checked badly", ({USER: U}, {"no_such_rate": 1.0}), validate=True),
        alter("nothing"),
        alter("twice", ({USER: V}, {PRODUCE: 4e9}), ({USER: V}, {PRODUCE: 5e9})),
        ask(
            "kind twice",
            "AlterClientQuotas",
            entries=[
                {
                    "entity": [{"entity_type": USER, "entity_name": U}, {"entity_type": USER, "entity_name": V}],
                    "ops": [{"key": PRODUCE, "value": 4e9, "remove": False}],
                }
            ],
            validate_only=False,
        ),
        ask(
            "key twice",
            "AlterClientQuotas",
            entries=[
                {
                    "entity": [{"entity_type": USER, "entity_name": V}],
                    "ops": [
                        {"key": PRODUCE, "value": 4e9, "remove": False},
                        {"key": PRODUCE, "value": 0.0, "remove": True},
                    ],
                }
            ],
            validate_only=False,
        ),
        describe("what came of it", (USER, EXACT, V), until=("4000000000.0",)),
        describe("unknown kind", ("planet", EXACT, "mars")),
        describe("empty kind", ("", ANY, None)),
        describe("kind twice", (USER, EXACT, U), (USER, EXACT, V)),
        describe("unknown match", (USER, 7, "x")),
        describe("exact without a name", (USER, EXACT, None)),
        describe("default with a name", (USER, DEFAULT, "x")),
        describe("any with a name", (USER, ANY, "x")),
        vary=["AlterClientQuotas", "DescribeClientQuotas"],
    ),
    case(
        "quotas-of-everybody",
        alter("default user", ({USER: None}, {PRODUCE: 1e12})),
        alter("default client", ({CLIENT: None}, {CONSUME: 1e12})),
        alter("both defaults", ({USER: None, CLIENT: None}, {CONSUME: 2e12})),
        alter("default address", ({IP: None}, {CONNECTIONS: 100000.0})),
        describe("default user", (USER, DEFAULT, None), until=("1000000000000.0", "2000000000000.0")),
        describe("default user strictly", (USER, DEFAULT, None), strict=True),
        describe("any user", (USER, ANY, None)),
        describe("any client strictly", (CLIENT, ANY, None), strict=True),
        describe("everything", until=("1000000000000.0", "2000000000000.0", "100000.0")),
        describe("everything strictly", strict=True),
        describe("addresses", (IP, ANY, None), until=("100000.0",)),
        alter("no default user", ({USER: None}, {PRODUCE: None})),
        alter("no default client", ({CLIENT: None}, {CONSUME: None})),
        alter("no defaults", ({USER: None, CLIENT: None}, {CONSUME: None}), ({IP: None}, {CONNECTIONS: None})),
        describe("nothing left", unless=("1000000000000.0", "2000000000000.0", "100000.0")),
        vary=["AlterClientQuotas", "DescribeClientQuotas"],
        alone=True,
    ),
]
