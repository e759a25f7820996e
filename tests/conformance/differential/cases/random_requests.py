"""Requests from seeds; see `random_cases`. After a change there all of them have to be recorded anew."""

from __future__ import annotations

from ottla.broker.apis import ROWS
from ottla.protocol.api import APIS
from tests.conformance.differential.random_cases import random_case

SEEDS = 120
ADVERTISED = {APIS[row.key].name: (row.oldest, row.newest) for row in ROWS.values() if row.advertised}

CASES = [random_case(seed, ADVERTISED) for seed in range(SEEDS)]
