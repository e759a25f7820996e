"""Finalised feature levels: all of a request or none."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from ottla.protocol.logs.cluster_metadata import FeatureLevelRecord
from ottla.protocol.messages.features import UpdateFeaturesRequest
from tests.unit.controller.support import Controller

UPGRADE, SAFE, UNSAFE = 1, 2, 3
Update = UpdateFeaturesRequest.FeatureUpdateKey


def controller() -> Controller:
    made = Controller(features={"metadata.version": (7, 30), "group.version": (0, 1)})
    made.replay([FeatureLevelRecord(name="metadata.version", feature_level=30)])
    return made


def update(made: Controller, *updates: tuple[str, int, int], validate_only: bool = False) -> str | None:
    """What is wrong, without Kafka's first half of the sentence."""
    keys = [Update(feature=name, max_version_level=level, upgrade_type=kind) for name, level, kind in updates]
    answer = made.ask(UpdateFeaturesRequest(feature_updates=keys, validate_only=validate_only))
    assert (answer.error_code == 95) is (answer.error_message is not None)
    message: str | None = answer.error_message
    return message and message.partition("had an error: ")[2]


def test_a_level_is_raised_and_lowered() -> None:
    made = controller()
    assert update(made, ("group.version", 1, UPGRADE)) is None
    assert made.image.features["group.version"] == 1
    assert update(made, ("group.version", 0, SAFE)) is None
    assert made.image.features.get("group.version", 0) == 0


def test_a_dry_run_changes_nothing() -> None:
    made = controller()
    assert update(made, ("group.version", 1, UPGRADE), validate_only=True) is None
    assert made.image.features.get("group.version", 0) == 0


def test_one_bad_update_refuses_all() -> None:
    made = controller()
    message = update(made, ("group.version", 1, UPGRADE), ("nosuch", 1, UPGRADE))
    assert message == "Invalid update version 1 for feature nosuch. Local controller 1 does not support this feature."
    assert made.image.features.get("group.version", 0) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("group.version", 5, UPGRADE), "Invalid update version 5 for feature group.version. Local controller 1 only supports versions 0-1"),
        (("group.version", -1, UPGRADE), "Invalid update version -1 for feature group.version. A feature version cannot be less than 0."),
        (("group.version", 1, SAFE), "Invalid update version 1 for feature group.version. Can't downgrade to a newer version."),
        (("nosuch", 0, SAFE), "Invalid update version 0 for feature nosuch. Feature nosuch not found."),
        (("group.version", 1, 9), "Invalid update version 1 for feature group.version. The controller does not support the given upgrade type."),
        (("metadata.version", 29, UPGRADE), "Invalid update version 29 for feature metadata.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."),
        (("metadata.version", 29, SAFE), "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because it might delete metadata information."),
        (("metadata.version", 29, UNSAFE), "Unsupported metadata.version downgrade from 30 to 29. Unsafe metadata downgrade is not supported in this version."),
    ],
)  # fmt: skip
def test_impossible_levels_are_refused_in_kafkas_words(change: tuple[str, int, int], message: str) -> None:
    assert update(controller(), change) == message
