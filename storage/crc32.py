"""CRC-32 (RFC 1952 section 8) of texts put together from parts whose own are known.

A register of 32 bits is a polynomial over GF(2), the highest power in the lowest bit; going on by a byte multiplies it
by x^8, modulo the generator.
"""

from __future__ import annotations

from functools import lru_cache

ONE = 1 << 31
"""The polynomial 1."""
_GENERATOR = 0xEDB88320


def product(one: int, other: int) -> int:
    """Of two polynomials, modulo the generator."""
    result, power = 0, ONE
    while one:
        if one & power:
            result ^= other
            one ^= power
        power >>= 1
        other = other >> 1 ^ (_GENERATOR if other & 1 else 0)
    return result


@lru_cache(maxsize=1 << 12)
def shift(length: int) -> int:
    """What a register is multiplied by when `length` bytes follow: x to the power of 8 `length`."""
    result, square = ONE, ONE >> 8
    while length:
        if length & 1:
            result = product(square, result)
        square = product(square, square)
        length >>= 1
    return result


def together(first: int, second: int, second_length: int) -> int:
    """The CRC of two texts, one after the other."""
    return product(shift(second_length), first) ^ second
