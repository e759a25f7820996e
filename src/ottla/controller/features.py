"""Finalised feature levels (KIP-584): raised and lowered together or not at all."""

from __future__ import annotations

from ottla.common.errors import InvalidUpdateVersion, KafkaError
from ottla.controller.outcome import Outcome
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import FeatureLevelRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.features import UpdateFeaturesRequest, UpdateFeaturesResponse

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3

METADATA_VERSION = "metadata.version"

Update = UpdateFeaturesRequest.FeatureUpdateKey


def update_features(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    assert isinstance(request, UpdateFeaturesRequest)
    records: list[Message] = []
    try:
        for update in request.feature_updates:
            if _changes(image, rules, update):
                records.append(FeatureLevelRecord(name=update.feature, feature_level=update.max_version_level))
    except KafkaError as error:
        message = f"The update failed for all features since the following feature had an error: {error.message}"
        return Outcome([], UpdateFeaturesResponse(error_code=error.code, error_message=message))
    results = [
        UpdateFeaturesResponse.UpdatableFeatureResult(feature=update.feature, error_message="NONE")
        for update in request.feature_updates
    ]
    answer = UpdateFeaturesResponse(error_message=None, results=results)
    return Outcome([] if request.validate_only else records, answer)


def _changes(image: ClusterImage, rules: ControllerRules, update: Update) -> bool:
    """Whether the level becomes another. Raises InvalidUpdateVersion where it may not."""
    name, level = update.feature, update.max_version_level
    what = f"Invalid update version {level} for feature {name}."
    if update.upgrade_type not in (UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE):
        raise InvalidUpdateVersion(f"{what} The controller does not support the given upgrade type.")
    if level < 0:
        raise InvalidUpdateVersion(f"{what} A feature version cannot be less than 0.")
    if name not in rules.features and not level:
        raise InvalidUpdateVersion(f"{what} Feature {name} not found.")
    if name not in rules.features:
        raise InvalidUpdateVersion(f"{what} Local controller {rules.broker} does not support this feature.")
    oldest, newest = rules.features[name]
    if not oldest <= level <= newest:
        raise InvalidUpdateVersion(f"{what} Local controller {rules.broker} only supports versions {oldest}-{newest}")
    _check_brokers(image, name, level, what)
    present = image.features.get(name, 0)
    if level < present:
        _check_downgrade(name, present, level, update.upgrade_type, what)
    if level > present and update.upgrade_type != UPGRADE:
        raise InvalidUpdateVersion(f"{what} Can't downgrade to a newer version.")
    return level != present


def _check_brokers(image: ClusterImage, name: str, level: int, what: str) -> None:
    for broker in image.brokers.values():
        known = {feature: (low, high) for feature, low, high in broker.features}
        if name in known and not known[name][0] <= level <= known[name][1]:
            low, high = known[name]
            raise InvalidUpdateVersion(f"{what} Broker {broker.id} only supports versions {low}-{high}")


def _check_downgrade(name: str, present: int, level: int, upgrade_type: int, what: str) -> None:
    if upgrade_type == UPGRADE:
        raise InvalidUpdateVersion(
            f"{what} Can't downgrade the version of this feature without setting the upgrade type to either safe or "
            "unsafe downgrade."
        )
    if name == METADATA_VERSION:
        why = (
            "Refusing to perform the requested downgrade because it might delete metadata information."
            if upgrade_type == SAFE_DOWNGRADE
            else "Unsafe metadata downgrade is not supported in this version."
        )
        raise InvalidUpdateVersion(f"Unsupported metadata.version downgrade from {present} to {level}. {why}")
