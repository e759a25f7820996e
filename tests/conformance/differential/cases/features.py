"""UpdateFeatures. Levels hold for the whole cluster, so every case is alone and leaves them as they were."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Ask, ask, case

UPGRADE, SAFE, UNSAFE = 1, 2, 3
T, G = "transaction.version", "group.version"


def update(name: str, *rows: tuple[str, int, int], validate: bool = False, **options: Any) -> Ask:
    """Name, level, type. In version 0 the type is a flag that allows to lower a level."""
    return ask(
        name,
        "UpdateFeatures",
        _=options,
        timeout_ms=10_000,
        validate_only=validate,
        feature_updates=[
            {"feature": feature, "max_version_level": level, "upgrade_type": kind, "allow_downgrade": kind > UPGRADE}
            for feature, level, kind in rows
        ],
    )


def told(name: str, *until: str) -> Ask:
    options = {"version": 3, "until": until}
    return ask(name, "ApiVersions", client_software_name="diff", client_software_version="1.0", _=options)


CASES = [
    case(
        "features-updated",
        told("before", f"{T}=2", f"{G}=1"),
        update("same", (T, 2, UPGRADE)),
        update("lowered as an upgrade", (T, 1, UPGRADE)),
        update("lowered, checked only", (T, 1, SAFE), validate=True, since=1),
        update("lowered", (T, 1, SAFE)),
        update("lowered again", (T, 1, SAFE)),
        update("lowered to nothing", (T, 0, UNSAFE)),
        update("raised", (T, 1, UPGRADE)),
        update("raised as a downgrade", (T, 2, SAFE)),
        update("raised fully", (T, 2, UPGRADE)),
        told("after", f"{T}=2"),
        update("groups lowered", (G, 0, SAFE)),
        update("groups raised", (G, 1, UPGRADE)),
        told("at last", f"{T}=2", f"{G}=1"),
        vary="UpdateFeatures",
        alone=True,
    ),
    case(
        "features-badly",
        update("too high", (T, 3, UPGRADE)),
        update("negative", (T, -1, SAFE)),
        update("negative, raised", (T, -1, UPGRADE)),
        update("unknown", ("no.such.feature", 1, UPGRADE)),
        update("unknown to nothing", ("no.such.feature", 0, SAFE)),
        update("empty name", ("", 1, UPGRADE)),
        update("unknown type", (T, 2, 9)),
        update("type 0", (T, 2, 0)),
        update("nothing"),
        update("twice", (T, 2, UPGRADE), (T, 2, UPGRADE)),
        update("good and bad", (T, 2, UPGRADE), ("no.such.feature", 1, UPGRADE)),
        update("bad and lower", ("no.such.feature", 1, UPGRADE), (T, 1, SAFE)),
        update("metadata, same", ("metadata.version", 29, UPGRADE)),
        update("metadata, too high", ("metadata.version", 99, UPGRADE)),
        update("metadata, too low", ("metadata.version", 1, UNSAFE)),
        update("metadata to nothing", ("metadata.version", 0, SAFE)),
        update("kraft, same", ("kraft.version", 0, UPGRADE)),
        told("unchanged", f"{T}=2", f"{G}=1"),
        vary="UpdateFeatures",
        alone=True,
    ),
]
