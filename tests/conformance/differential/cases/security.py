"""ACLs, SASL, delegation tokens: on a broker without an authorizer, without SASL, without tokens."""

from __future__ import annotations

from tests.conformance.differential.steps import ask, case

CASES = [
    case(
        "acls-described",
        ask("all", "DescribeAcls", resource_type_filter=1, pattern_type_filter=1, operation=1, permission_type=1),
        ask("unknown", "DescribeAcls", resource_type_filter=0, pattern_type_filter=0, operation=0, permission_type=0),
    ),
    case(
        "acls-created",
        ask(
            "one",
            "CreateAcls",
            creations=[
                {
                    "resource_type": 2,
                    "resource_name": "t",
                    "resource_pattern_type": 3,
                    "principal": "User:a",
                    "host": "*",
                    "operation": 3,
                    "permission_type": 3,
                }
            ],
        ),
        ask("none", "CreateAcls", creations=[]),
    ),
    case(
        "acls-deleted",
        ask(
            "one",
            "DeleteAcls",
            filters=[{"resource_type_filter": 2, "pattern_type_filter": 3, "operation": 3, "permission_type": 3}],
        ),
        ask("none", "DeleteAcls", filters=[]),
    ),
    case(
        "sasl-handshake",
        ask("plain", "SaslHandshake", mechanism="PLAIN"),
        ask("unknown", "SaslHandshake", mechanism="X"),
    ),
    case("sasl-authenticate", ask("bytes", "SaslAuthenticate", auth_bytes=b"\0a\0b")),
    case("tokens-created", ask("create", "CreateDelegationToken", renewers=[], max_lifetime_ms=-1)),
    case("tokens-renewed", ask("renew", "RenewDelegationToken", hmac=b"abc", renew_period_ms=1)),
    case("tokens-expired", ask("expire", "ExpireDelegationToken", hmac=b"abc", expiry_time_period_ms=1)),
    case(
        "tokens-described",
        ask("all", "DescribeDelegationToken", owners=None),
        ask("none", "DescribeDelegationToken", owners=[]),
        ask("one", "DescribeDelegationToken", owners=[{"principal_type": "User", "principal_name": "a"}]),
    ),
]
