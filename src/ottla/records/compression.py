"""The four codecs, on the records part of a batch. Output is bounded, so that no small batch fills the memory.

Libraries are loaded when their codec is first met. A zstd object used by two threads at once crashes the process, so
none is ever shared: each call makes its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from ottla.common.errors import CorruptMessage, MessageTooLarge
from ottla.records.batch import Buffer

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
NAMES = {"uncompressed": NONE, "none": NONE, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
CODEC_NAMES = ("none", "gzip", "snappy", "lz4", "zstd")

DEFAULT_LIMIT_BYTES = 1 << 28
_CHUNK_BYTES = 1 << 18
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 * 1024
_GZIP_MEMBERS_MAX = 64
"""Producers write one. Each costs a copy of what follows it, so their number must not be the sender's choice."""
_LZ4_DEFAULT_LEVEL = 9
_ZSTD_DEFAULT_LEVEL = 3


def decompress(codec: int, data: Buffer, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> bytes | memoryview:
    """The records of a batch. Uncompressed ones come back as a view of `data`.

    Raises CorruptMessage for broken data or an unknown codec, MessageTooLarge for more than `limit_bytes`.
    """
    if codec == NONE:
        return memoryview(data)
    if codec not in _DECOMPRESSORS:
        raise CorruptMessage(f"Unknown compression type id: {codec}")
    try:
        return _DECOMPRESSORS[codec](data, limit_bytes)
    except (CorruptMessage, MessageTooLarge):
        raise
    except Exception as error:  # each library has its own classes, some of them bare Exception
        raise CorruptMessage(f"the records do not decompress as {CODEC_NAMES[codec]}: {error}") from error


def compress(codec: int, data: Buffer, level: int | None = None) -> bytes:
    """`level` as in Kafka's compression.*.level settings; None or -1 is the codec's default."""
    if codec == NONE:
        return bytes(data)
    return _COMPRESSORS[codec](data, -1 if level is None else level)


def _too_large(limit_bytes: int) -> MessageTooLarge:
    return MessageTooLarge(f"the records of the batch decompress to more than {limit_bytes} bytes")


# -- gzip


def _gunzip(data: Buffer, limit_bytes: int) -> bytes:
    from isal import isal_zlib

    parts: list[bytes] = []
    left = limit_bytes
    rest: Buffer = data
    while len(rest):
        if len(parts) == _GZIP_MEMBERS_MAX:
            raise CorruptMessage(f"the gzip stream has more than {_GZIP_MEMBERS_MAX} members")
        inflater = isal_zlib.decompressobj(wbits=31)
        part = inflater.decompress(rest, left + 1)
        left -= len(part)
        if left < 0:
            raise _too_large(limit_bytes)
        if not inflater.eof:
            raise CorruptMessage("the gzip stream is cut off")
        parts.append(part)
        rest = inflater.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _gzip(data: Buffer, level: int) -> bytes:
    from isal import igzip_lib

    isal_level = 1 if level < 4 else 2 if level < 7 else 3
    return bytes(igzip_lib.compress(data, level=isal_level, flag=igzip_lib.COMP_GZIP))


# -- snappy


def _unsnap(data: Buffer, limit_bytes: int) -> bytes:
    view = memoryview(data)
    if bytes(view[:8]) != _XERIAL_MAGIC:
        return _unsnap_block(view, limit_bytes, limit_bytes)
    parts: list[bytes] = []
    position, left = 16, limit_bytes
    while position < len(view):
        (size,) = struct.unpack_from(">i", view, position)
        end = position + 4 + size
        if size < 0 or end > len(view):
            raise CorruptMessage("a snappy block is cut off")
        parts.append(_unsnap_block(view[position + 4 : end], left, limit_bytes))
        left -= len(parts[-1])
        position = end
    return b"".join(parts)


def _unsnap_block(block: memoryview, left: int, limit_bytes: int) -> bytes:
    from cramjam import snappy

    if snappy.decompress_raw_len(block) > left:
        raise _too_large(limit_bytes)
    return bytes(snappy.decompress_raw(block))


def _snap(data: Buffer, level: int) -> bytes:
    from cramjam import snappy

    view = memoryview(data)
    parts = [_XERIAL_HEADER]
    for position in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = bytes(snappy.compress_raw(view[position : position + _XERIAL_BLOCK_BYTES]))
        parts += (len(block).to_bytes(4, "big"), block)
    return b"".join(parts)


# -- lz4


def _unlz4(data: Buffer, limit_bytes: int) -> bytes:
    from lz4.frame import LZ4FrameDecompressor

    inflater = LZ4FrameDecompressor()
    parts = [inflater.decompress(data, max_length=min(limit_bytes + 1, _CHUNK_BYTES))]
    size = len(parts[0])
    while not inflater.eof:
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        if inflater.needs_input:
            raise CorruptMessage("the lz4 frame is cut off")
        parts.append(inflater.decompress(b"", max_length=_CHUNK_BYTES))
        size += len(parts[-1])
    if size > limit_bytes:
        raise _too_large(limit_bytes)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _lz4(data: Buffer, level: int) -> bytes:
    from lz4 import frame

    fast = level in (-1, _LZ4_DEFAULT_LEVEL)  # Kafka's default level means the fast compressor, not level 9 of the slow
    return bytes(
        frame.compress(
            data,
            compression_level=0 if fast else max(level, frame.COMPRESSIONLEVEL_MINHC),
            block_size=frame.BLOCKSIZE_MAX64KB,
            block_linked=False,
            content_checksum=False,
            store_size=False,
        )
    )


# -- zstd


def _unzstd(data: Buffer, limit_bytes: int) -> bytes:
    import zstandard

    parts: list[bytes] = []
    size = 0
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        while part := reader.read(_CHUNK_BYTES):
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
    _check_zstd_end(data, size)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_zstd_end(data: Buffer, size: int) -> None:
    """The reader takes a stream that is cut off for an end; a frame that says its size gives that away."""
    import zstandard

    announced = zstandard.frame_content_size(data)
    if announced > size:
        raise CorruptMessage("the zstd frame is cut off")


def _zstd(data: Buffer, level: int) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=_ZSTD_DEFAULT_LEVEL if level == -1 else level).compress(data)


_DECOMPRESSORS: dict[int, Callable[[Buffer, int], bytes]] = {GZIP: _gunzip, SNAPPY: _unsnap, LZ4: _unlz4, ZSTD: _unzstd}
_COMPRESSORS: dict[int, Callable[[Buffer, int], bytes]] = {GZIP: _gzip, SNAPPY: _snap, LZ4: _lz4, ZSTD: _zstd}
