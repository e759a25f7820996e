"""The four codecs: framing, bounds, and data that is not what it says."""

from __future__ import annotations

import gzip

import pytest

from ottla.common.errors import CorruptMessage, MessageTooLarge
from ottla.records.compression import GZIP, LZ4, SNAPPY, ZSTD, compress, decompress

CODECS = (GZIP, SNAPPY, LZ4, ZSTD)
TEXT = b"some text that repeats, " * 8000


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("content", [b"", b"x", TEXT], ids=["empty", "one byte", "200 KB"])
def test_what_was_compressed_comes_back(codec: int, content: bytes) -> None:
    packed = compress(codec, content)
    assert bytes(decompress(codec, packed)) == content
    assert bytes(decompress(codec, memoryview(bytearray(packed)))) == content


@pytest.mark.parametrize("codec", CODECS)
def test_every_level_that_kafka_knows_works(codec: int) -> None:
    levels = {GZIP: (-1, 1, 6, 9), SNAPPY: (-1,), LZ4: (1, 9, 12, 17), ZSTD: (-131072, 1, 3, 19)}[codec]
    for level in levels:
        assert decompress(codec, compress(codec, TEXT, level)) == TEXT


@pytest.mark.parametrize("codec", CODECS)
def test_output_is_bounded(codec: int) -> None:
    packed = compress(codec, bytes(3_000_000))
    assert len(decompress(codec, packed, 3_000_000)) == 3_000_000
    with pytest.raises(MessageTooLarge):
        decompress(codec, packed, 2_999_999)


@pytest.mark.parametrize("codec", CODECS)
def test_broken_data_is_a_corrupt_message(codec: int) -> None:
    packed = compress(codec, TEXT)
    for broken in (packed[:-9], packed[: len(packed) // 2], b"neither this nor that, but long enough"):
        with pytest.raises(CorruptMessage):
            decompress(codec, broken)


def test_an_unknown_codec_is_a_corrupt_message() -> None:
    with pytest.raises(CorruptMessage):
        decompress(5, b"x")


def test_snappy_is_written_as_xerial_and_read_raw_as_well() -> None:
    from cramjam import snappy

    assert compress(SNAPPY, TEXT)[:16] == b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
    assert decompress(SNAPPY, bytes(snappy.compress_raw(TEXT))) == TEXT


def test_frames_of_other_writers_are_read() -> None:
    """zstd without a content size, as stream writers leave it; gzip in members; lz4 with all that its header allows."""
    import lz4.frame
    import zstandard

    writer = zstandard.ZstdCompressor().compressobj()
    assert decompress(ZSTD, writer.compress(TEXT) + writer.flush()) == TEXT
    assert decompress(GZIP, gzip.compress(TEXT[:10]) + gzip.compress(TEXT[10:])) == TEXT
    framed = lz4.frame.compress(TEXT, content_checksum=True, block_checksum=True, store_size=True, block_linked=True)
    assert decompress(LZ4, framed) == TEXT


def test_many_gzip_members_are_not_followed_for_ever() -> None:
    with pytest.raises(CorruptMessage, match="members"):
        decompress(GZIP, gzip.compress(b"") * 5000)
