"""Which leader epoch began at which offset, and the file `leader-epoch-checkpoint` (KIP-101).

The file is written before the durable end passes what it speaks of, and on a clean stop; after a crash the epochs of
the records past the recovery point are read from their batches.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ottla.storage.checkpoints import CorruptCheckpoint, checkpoint_lines, checkpoint_text

UNKNOWN_EPOCH = -1


class Epochs:
    """Epochs strictly rise, their start offsets never fall."""

    __slots__ = ("changed", "epochs", "starts")

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.starts: list[int] = []
        self.changed = False
        """Differs from the file."""

    @property
    def latest(self) -> int:
        return self.epochs[-1] if self.epochs else UNKNOWN_EPOCH

    def assign(self, epoch: int, start: int) -> None:
        """`epoch` begins at `start`; what contradicts it is dropped. The same epoch again changes nothing."""
        epochs, starts = self.epochs, self.starts
        if epochs and epochs[-1] == epoch and start >= starts[-1]:
            return
        while epochs and (epochs[-1] >= epoch or starts[-1] >= start):
            epochs.pop()
            starts.pop()
        epochs.append(epoch)
        starts.append(start)
        self.changed = True

    def at(self, offset: int) -> int:
        """The epoch that holds `offset`, -1 if it is older than all that is known."""
        index = bisect_right(self.starts, offset)
        return self.epochs[index - 1] if index else UNKNOWN_EPOCH

    def end_offset(self, epoch: int, log_end: int) -> tuple[int, int]:
        """(largest epoch <= `epoch`, its end offset); (-1, -1) if `epoch` is newer than all, or there is none."""
        if epoch < 0 or not self.epochs or epoch > self.epochs[-1]:
            return UNKNOWN_EPOCH, -1
        if epoch == self.epochs[-1]:
            return epoch, log_end
        index = bisect_right(self.epochs, epoch)
        # Below everything known: its records are gone, and the reader may go on from the first epoch that is left.
        return (self.epochs[index - 1] if index else epoch), self.starts[index]

    def truncate_end(self, end: int) -> None:
        """The log now ends at `end`: epochs that begin there or later are gone."""
        index = bisect_left(self.starts, end)
        if index < len(self.starts):
            del self.epochs[index:]
            del self.starts[index:]
            self.changed = True

    def truncate_start(self, start: int) -> None:
        """The log now begins at `start`: so does the epoch that holds it."""
        index = bisect_right(self.starts, start)
        if index and self.starts[index - 1] != start:
            self.starts[index - 1] = start
            self.changed = True
        if index > 1:
            del self.epochs[: index - 1]
            del self.starts[: index - 1]
            self.changed = True

    def take_over(self, other: Epochs) -> None:
        """The same as `other` from now on."""
        self.epochs, self.starts = list(other.epochs), list(other.starts)
        self.changed = True

    def clear(self) -> None:
        if self.epochs:
            self.epochs.clear()
            self.starts.clear()
            self.changed = True

    def encode(self) -> bytes:
        return checkpoint_text(f"{epoch} {start}" for epoch, start in zip(self.epochs, self.starts, strict=True))

    @classmethod
    def decode(cls, data: bytes, path: str) -> Epochs:
        """Raises CorruptCheckpoint."""
        result = cls()
        for line in checkpoint_lines(data, path):
            words = line.split(" ")
            if len(words) != 2 or not all(word.isdigit() for word in words):
                raise CorruptCheckpoint(f"{path}: not an epoch and an offset: {line!r}")
            epoch, start = int(words[0]), int(words[1])
            if result.epochs and (epoch <= result.epochs[-1] or start < result.starts[-1]):
                raise CorruptCheckpoint(f"{path}: epochs and offsets must rise: {line!r}")
            result.epochs.append(epoch)
            result.starts.append(start)
        return result
