"""What the leader of a partition knows of its replicas, and the high watermark that follows from it."""

from __future__ import annotations

from ottla.common.names import BrokerId


class LeaderState:
    """Ends of the replicas and the high watermark of one leader epoch.

    Invariants: the high watermark never falls within an epoch, and never passes the end of a replica that is in sync or
    about to be (KIP-497). An end is what the replica may vouch for: its durable end where every append is synced.
    """

    __slots__ = ("ends", "high_watermark", "maximal_isr", "own")

    def __init__(self, own: BrokerId, isr: list[BrokerId], own_end: int, high_watermark: int) -> None:
        self.own = own
        self.maximal_isr = list(isr)
        self.ends: dict[BrokerId, int] = dict.fromkeys(isr, 0)
        self.ends[own] = own_end
        self.high_watermark = high_watermark
        self._advance()

    def on_own_end(self, end: int) -> bool:
        """The leader's own log grew. True when the high watermark rose."""
        if len(self.maximal_isr) == 1:  # the leader alone: the common case of one broker, kept short
            if end <= self.high_watermark:
                return False
            self.ends[self.own] = end
            self.high_watermark = end
            return True
        self.ends[self.own] = end
        return self._advance()

    def on_fetched(self, replica: BrokerId, offset: int) -> bool:
        """`replica` holds everything below `offset`. True when the high watermark rose."""
        self.ends[replica] = offset
        return self._advance()

    def on_isr(self, maximal_isr: list[BrokerId]) -> bool:
        """The in-sync replicas changed. True when the high watermark rose."""
        self.maximal_isr = list(maximal_isr)
        for replica in maximal_isr:
            self.ends.setdefault(replica, 0)
        return self._advance()

    def _advance(self) -> bool:
        common = min(self.ends[replica] for replica in self.maximal_isr)
        if common <= self.high_watermark:
            return False
        self.high_watermark = common
        return True
