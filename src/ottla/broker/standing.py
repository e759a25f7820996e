"""What this broker is in its cluster, won back when it is lost: its lease, its registration, its reign as controller.

Each is tried again until it is there, with a pause that grows. Meanwhile clients get errors that they retry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.common.errors import KafkaError
from ottla.metadata.store import StoreError

if TYPE_CHECKING:
    import asyncio

    from ottla.broker.membership import Membership
    from ottla.broker.node import Node

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_RENEWALS_PER_SESSION = 3


class Standing:
    """`start` once the broker serves, `stop` before it leaves."""

    def __init__(self, node: Node, membership: Membership) -> None:
        self._node = node
        self._membership = membership
        self._started = False
        self._renewal: asyncio.TimerHandle | None = None
        self._regaining: dict[str, asyncio.TimerHandle | None] = {}
        gauge, counter = node.metrics.gauge, node.metrics.counter
        gauge("ottla_controller_active", "1 where this broker is the controller", lambda: int(membership.leads))
        self._store_errors = counter("ottla_metadata_store_errors_total", "Failed calls of the metadata store")
        self._regained = counter("ottla_standing_regained_total", "Leases, registrations and elections won back")

    def start(self) -> None:
        self._started = True
        self._renew_later()
        if not self._membership.leads:
            self.lost_control()

    def stop(self) -> None:
        self._started = False
        for timer in (self._renewal, *self._regaining.values()):
            if timer is not None:
                timer.cancel()
        self._regaining.clear()

    def lost_control(self) -> None:
        """This broker was the controller and is not any more."""
        self._regain("controller", self._membership.campaign)

    def lost_registration(self) -> None:
        """The metadata does not know this broker, though it serves: somebody has unregistered it."""
        if self._started and "registration" not in self._regaining:
            self._node.log.warn("broker.registering_again", broker=self._node.node_id)
        self._regain("registration", self._membership.register_again)

    # --- the lease

    def _renew_later(self) -> None:
        seconds = self._node.settings.broker_session_timeout_ms / 1000 / _RENEWALS_PER_SESSION
        self._renewal = self._node.loop.call_later(seconds, self._renew)

    def _renew(self) -> None:
        eager.spawn(self._membership.renew(), self._renewed)

    def _renewed(self, renewed: object, error: BaseException | None) -> None:
        if not self._started:
            return
        if isinstance(error, StoreError):
            self._failed("lease", error)
        elif isinstance(error, Exception):
            self._node.log_failure("broker.lease_failed", error)
        elif not renewed:
            self._node.log.warn("broker.lease_lost", broker=self._node.node_id)
            self._regain("lease", self._membership.lease_again)
        self._renew_later()

    # --- winning back

    def _regain(self, what: str, attempt: Callable[[], Awaitable[bool]], pause_s: float = FIRST_PAUSE_S) -> None:
        """Until `attempt` says True."""
        if not self._started or what in self._regaining:
            return

        def run() -> None:
            self._regaining[what] = None
            eager.spawn(_as_coroutine(attempt), ended)

        def ended(done: object, error: BaseException | None) -> None:
            self._regaining.pop(what, None)
            if isinstance(error, StoreError | KafkaError):
                self._failed(what, error)
            elif isinstance(error, Exception):
                self._node.log_failure(f"broker.{what}_failed", error)
            if done:
                self._regained.value += 1
                self._node.log.info("broker.regained", what=what)
            else:
                self._regain(what, attempt, min(2 * pause_s, LONGEST_PAUSE_S))

        self._regaining[what] = self._node.loop.call_later(pause_s, run)

    def _failed(self, what: str, error: Exception) -> None:
        self._store_errors.value += isinstance(error, StoreError)
        self._node.log.warn("metadata.store_failed", wanted=what, error=str(error))


async def _as_coroutine(attempt: Callable[[], Awaitable[bool]]) -> bool:
    return await attempt()
