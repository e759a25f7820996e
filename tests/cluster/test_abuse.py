"""The attacks of `bin/abuse` in a short form: answers, bytes and memory are judged here, waits only by the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.abuse.attacks import ATTACKS
from tests.abuse.trial import MOST_MIB, WAITED, try_attack

SIZE = 0.02
HELD = (
    "time-in-a-dense-batch", "keyed-records-to-a-compacted-topic", "records-without-keys-to-a-compacted-topic",
    "elect-leaders-of-empty-topics", "tagged-fields-of-a-header", "partitions-without-records",
    "one-resource-20-000-times", "one-group-many-times", "a-partition-that-comes-twice",
    "polls-of-closed-connections", "a-member-of-60-mb", "half-frames", "churn-with-garbage",
    "fetch-sessions-with-long-names", "offsets-with-much-metadata", "long-transactional-ids",
)  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_the_broker_and_its_neighbour_recover_from(name: str, tmp_path: Path) -> None:
    outcome = try_attack(ATTACKS[name], tmp_path, SIZE)
    assert [fault for fault in outcome.faults if not fault.startswith(WAITED)] == [], outcome.told
    assert outcome.peak_mib < MOST_MIB / 4


def test_every_attack_says_in_a_line_what_it_does() -> None:
    assert len(ATTACKS) >= 25
    assert all(attack.text.endswith(".") and len(attack.text) < 120 for attack in ATTACKS.values())
