"""A stream is cut into the same frames however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.client.frames import FrameReader
from ottla.protocol.codec import ProtocolError


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 50), max_size=20))
def test_any_cutting_of_the_stream_gives_the_same_frames(bodies: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    reader = FrameReader(100)
    frames: list[memoryview] = []
    for size in sizes:
        frames += reader.feed(stream[:size])
        stream = stream[size:]
    frames += reader.feed(stream)
    assert [bytes(frame) for frame in frames] == bodies
    assert reader.held_bytes == 0


@pytest.mark.parametrize("length", [-1, 101, 0x47455420])
def test_a_length_out_of_bounds_is_refused_before_anything_is_stored(length: int) -> None:
    reader = FrameReader(100)
    with pytest.raises(ProtocolError, match="at most 100"):
        reader.feed(length.to_bytes(4, "big", signed=True))


def test_a_large_announcement_costs_only_what_has_arrived() -> None:
    reader = FrameReader(1 << 30)
    reader.feed((1 << 29).to_bytes(4, "big") + b"x" * 10)
    reader.feed(b"y" * 10)
    assert reader.held_bytes == 24
