"""XXH3 with 64 bits and seed 0: the hash that Kafka's group coordinator writes into its records (KIP-1101)."""

from __future__ import annotations

import struct

_M64 = (1 << 64) - 1
_P32_1, _P32_2, _P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
_P64_1, _P64_2, _P64_3, _P64_4, _P64_5 = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip
_MX1, _MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_STRIPE, _LANES, _CONSUMED = 64, 8, 8
_STRIPES_IN_BLOCK = (len(_SECRET) - _STRIPE) // _CONSUMED


def xxh3_64(data: bytes) -> int:
    """The hash as an unsigned number."""
    size = len(data)
    if size <= 16:
        return _short(data, size)
    if size <= 128:
        return _medium(data, size)
    if size <= 240:
        return _longish(data, size)
    return _long(data, size)


def _u64(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<Q", data, at)[0]
    return value


def _u32(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", data, at)[0]
    return value


def _fold(left: int, right: int) -> int:
    product = left * right
    return product & _M64 ^ product >> 64


def _avalanche(value: int) -> int:
    value ^= value >> 37
    value = value * _MX1 & _M64
    return value ^ value >> 32


def _avalanche_64(value: int) -> int:
    value = (value ^ value >> 33) * _P64_2 & _M64
    value = (value ^ value >> 29) * _P64_3 & _M64
    return value ^ value >> 32


def _short(data: bytes, size: int) -> int:
    if size > 8:
        low = _u64(data, 0) ^ _u64(_SECRET, 24) ^ _u64(_SECRET, 32)
        high = _u64(data, size - 8) ^ _u64(_SECRET, 40) ^ _u64(_SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return _avalanche((size + swapped + high + _fold(low, high)) & _M64)
    if size >= 4:
        first, last = _u32(data, 0), _u32(data, size - 4)
        value = (last + (first << 32)) ^ _u64(_SECRET, 8) ^ _u64(_SECRET, 16)
        value ^= (value << 49 | value >> 15) & _M64 ^ (value << 24 | value >> 40) & _M64
        value = value * _MX2 & _M64
        value ^= (value >> 35) + size
        value = value * _MX2 & _M64
        return value ^ value >> 28
    if size:
        combined = data[0] << 16 | data[size >> 1] << 24 | data[size - 1] | size << 8
        return _avalanche_64(combined ^ _u32(_SECRET, 0) ^ _u32(_SECRET, 4))
    return _avalanche_64(_u64(_SECRET, 56) ^ _u64(_SECRET, 64))


def _mix(data: bytes, at: int, secret_at: int) -> int:
    return _fold(_u64(data, at) ^ _u64(_SECRET, secret_at), _u64(data, at + 8) ^ _u64(_SECRET, secret_at + 8))


def _medium(data: bytes, size: int) -> int:
    total = size * _P64_1
    for index in range((size - 1) // 32, -1, -1):
        total += _mix(data, 16 * index, 32 * index) + _mix(data, size - 16 * (index + 1), 32 * index + 16)
    return _avalanche(total & _M64)


def _longish(data: bytes, size: int) -> int:
    total = size * _P64_1
    for index in range(8):
        total += _mix(data, 16 * index, 16 * index)
    total = _avalanche(total & _M64)
    for index in range(8, size // 16):
        total += _mix(data, 16 * index, 16 * (index - 8) + 3)
    return _avalanche((total + _mix(data, size - 16, 136 - 17)) & _M64)


def _long(data: bytes, size: int) -> int:
    lanes = [_P32_3, _P64_1, _P64_2, _P64_3, _P64_4, _P32_2, _P64_5, _P32_1]
    stripes = (size - 1) // _STRIPE
    for number in range(stripes):
        _accumulate(lanes, data, number * _STRIPE, number % _STRIPES_IN_BLOCK * _CONSUMED)
        if (number + 1) % _STRIPES_IN_BLOCK == 0:
            _scramble(lanes)
    _accumulate(lanes, data, size - _STRIPE, len(_SECRET) - _STRIPE - 7)
    total = size * _P64_1
    for pair in range(4):
        total += _fold(
            lanes[2 * pair] ^ _u64(_SECRET, 11 + 16 * pair), lanes[2 * pair + 1] ^ _u64(_SECRET, 19 + 16 * pair)
        )
    return _avalanche(total & _M64)


def _accumulate(lanes: list[int], data: bytes, at: int, secret_at: int) -> None:
    values = struct.unpack_from("<8Q", data, at)
    secrets = struct.unpack_from("<8Q", _SECRET, secret_at)
    for index in range(_LANES):
        keyed = values[index] ^ secrets[index]
        lanes[index ^ 1] = lanes[index ^ 1] + values[index] & _M64
        lanes[index] = lanes[index] + (keyed & 0xFFFFFFFF) * (keyed >> 32) & _M64


def _scramble(lanes: list[int]) -> None:
    secrets = struct.unpack_from("<8Q", _SECRET, len(_SECRET) - _STRIPE)
    for index in range(_LANES):
        lanes[index] = (lanes[index] ^ lanes[index] >> 47 ^ secrets[index]) * _P32_1 & _M64
