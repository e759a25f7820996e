"""What a consumer wants to see of open and aborted transactions, as Fetch and ListOffsets say it (KIP-98)."""

from __future__ import annotations

READ_UNCOMMITTED, READ_COMMITTED = 0, 1
ISOLATION_LEVELS = (READ_UNCOMMITTED, READ_COMMITTED)
