"""What `host:port,host:port` may look like, and what is said when it does not."""

from __future__ import annotations

import pytest

from ottla.client.bootstrap import Address, parse_bootstrap
from ottla.common.errors import InvalidConfig


def test_addresses_keep_their_order_without_repetition() -> None:
    parsed = parse_bootstrap(" b:1, a:2,,b:1 ,[::1]:9092")
    assert parsed == [Address("b", 1), Address("a", 2), Address("::1", 9092)]
    assert [str(address) for address in parsed] == ["b:1", "a:2", "[::1]:9092"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no bootstrap server"),
        (" , ", "no bootstrap server"),
        ("localhost", "did you mean localhost:9092"),
        ("localhost:", "'' is no port"),
        ("localhost:abc", "'abc' is no port"),
        ("localhost:0", "'0' is no port"),
        ("localhost:65536", "expected 1 to 65535"),
        (":9092", "has no host"),
        ("::1:9092", "brackets"),
        ("PLAINTEXT://a:1", "without PLAINTEXT://"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig, match=sentence):
        parse_bootstrap(text)
