"""The fsyncs that make a log durable up to an offset, apart from the log so that a thread may run them."""

from __future__ import annotations


class Sync:
    """Made by `PartitionLog.to_sync`. `run` touches nothing of the log but its files."""

    end_offset: int
    version: int

    def run(self) -> None:
        """Raises OSError."""
        ...
