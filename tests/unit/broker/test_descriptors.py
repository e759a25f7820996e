"""File descriptors are shared out so that neither files nor connections take the other's."""

from __future__ import annotations

import pytest

from ottla.broker.crowd import Crowd
from ottla.broker.descriptors import share
from ottla.broker.settings import BrokerSettings


@pytest.mark.parametrize("limit", [64, 128, 256, 1024, 4096, 65_536, 1 << 20])
def test_all_together_stay_below_the_limit(limit: int) -> None:
    shared = share(limit, max_open_files=4096)
    assert shared.open_files >= 16 and shared.connections >= 16
    if limit >= 128:
        assert shared.open_files + shared.connections + limit // 16 <= limit


def test_files_get_what_their_setting_asks_for_but_half_at_most() -> None:
    assert share(1 << 20, max_open_files=4096).open_files == 4096
    assert share(1024, max_open_files=4096).open_files == (1024 - 64 - 64) // 2


def test_a_connection_beyond_what_descriptors_allow_is_told_so() -> None:
    crowd = Crowd(BrokerSettings.of_texts({}), share(64, max_open_files=10))
    reasons = [crowd.enter("a") for _ in range(100)]
    assert reasons[0] is None
    assert reasons[-1] is not None and reasons[-1].startswith("the limit of 64 open files (ulimit -n) allows ")
    for _ in range(100):
        crowd.leave("a")
    assert crowd.enter("a") is None
