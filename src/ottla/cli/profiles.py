"""The clusters that somebody has given a name: one file in the user's own folder of settings, readable by its owner.

`$XDG_CONFIG_HOME/ottla/profiles.json`, or `~/.config/ottla/profiles.json`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ottla.cli.nouns import did_you_mean


class Profiles:
    """What the file holds. `clusters`: bootstrap servers by name; `current`: the one that is used without -c."""

    def __init__(self, path: Path, clusters: dict[str, str], current: str | None) -> None:
        self.path = path
        self.clusters = clusters
        self.current = current

    def __repr__(self) -> str:
        return f"<profiles {self.path}: {len(self.clusters)}>"

    @classmethod
    def load(cls) -> Profiles:
        """Empty where there is no file. Raises ClickException for one that is damaged."""
        path = profiles_file()
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, {}, None)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}") from None
        import json

        try:
            held: Any = json.loads(text)
            clusters = {str(name): str(one["bootstrap"]) for name, one in held["clusters"].items()}
            current = held.get("current")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise click.ClickException(f"{path} is damaged; repair or remove it") from None
        return cls(path, clusters, current if current in clusters else None)

    def save(self) -> None:
        """Whole or not at all; only its owner may read it."""
        import json

        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = {"current": self.current, "clusters": {name: {"bootstrap": one} for name, one in self.clusters.items()}}
        written = self.path.with_suffix(".new")
        written.unlink(missing_ok=True)
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(held, indent=2) + "\n")
        written.replace(self.path)

    def bootstrap(self, name: str) -> str:
        """Raises ClickException for a name that nobody has given, with the nearest that somebody has."""
        if name not in self.clusters:
            near = did_you_mean(name, self.clusters)
            raise click.ClickException(f"there is no profile {name!r}{near or '; `ottla profile list` shows them'}")
        return self.clusters[name]


def profiles_file() -> Path:
    """Where the profiles are."""
    folder = os.environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "ottla" / "profiles.json"
