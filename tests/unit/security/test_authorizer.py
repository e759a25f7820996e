from __future__ import annotations

import pytest

from ottla.security.authorizer import AllowAll, authorized_operations
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType
from ottla.security.principal import ANONYMOUS, Principal


class OnlyReading:
    allows_everything = False

    def authorize(
        self, principal: Principal, host: str, operation: Operation, resource: ResourceType, name: str
    ) -> bool:
        return operation in (Operation.READ, Operation.DESCRIBE) and name == "mine"

    def authorize_any(self, principal: Principal, host: str, operation: Operation, resource: ResourceType) -> bool:
        return operation is Operation.READ


def bits(*operations: int) -> int:
    return sum(1 << operation for operation in operations)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (ResourceType.TOPIC, bits(3, 4, 5, 6, 7, 8, 10, 11)),
        (ResourceType.CLUSTER, bits(5, 7, 8, 9, 10, 11, 12)),
        (ResourceType.GROUP, bits(3, 6, 8, 10, 11)),
    ],
)
def test_a_resource_reports_the_operations_that_kafka_reports_for_its_type(
    resource: ResourceType, expected: int
) -> None:
    assert authorized_operations(AllowAll(), ANONYMOUS, "h", resource, CLUSTER_NAME) == expected


def test_only_allowed_operations_are_reported() -> None:
    assert authorized_operations(OnlyReading(), ANONYMOUS, "h", ResourceType.TOPIC, "mine") == bits(3, 8)
    assert authorized_operations(OnlyReading(), ANONYMOUS, "h", ResourceType.TOPIC, "yours") == 0


def test_a_principal_has_a_text_form() -> None:
    assert str(ANONYMOUS) == "User:ANONYMOUS"
    assert Principal.parse("User:CN=a:b") == Principal("User", "CN=a:b")
    for text in ("User", "User:", ":a", ""):
        with pytest.raises(ValueError, match="principalType:principalName"):
            Principal.parse(text)
