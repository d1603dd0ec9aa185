"""Ids that sort by time, and digests over canonical bytes."""

import hashlib
import os
from typing import NewType

import msgspec

from passerelle.core.values.clock import Clock

ExchangeId = NewType("ExchangeId", str)
PassageId = NewType("PassageId", str)
Digest = NewType("Digest", str)
"""Lower-case hexadecimal SHA-256, 64 characters."""

# Crockford's base 32 without I, L, O and U: readable aloud, sorts like the number.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_canonical = msgspec.json.Encoder(order="sorted")


def new_id(prefix: str, clock: Clock) -> str:
    """`prefix_` and 26 characters: 50 bits of milliseconds, then 80 random bits.

    Ids of one process sort by creation to the millisecond; within one
    millisecond the order is random.
    """
    number = (clock.now_ms() << 80) | int.from_bytes(os.urandom(10))
    pairs = [_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def new_exchange_id(clock: Clock) -> ExchangeId:
    return ExchangeId(new_id("exc", clock))


def canonical_bytes(value: object) -> bytes:
    """JSON with sorted keys and no white space: equal values give equal bytes.

    Floats are written in their shortest form; do not put NaN or infinities in.
    """
    return _canonical.encode(value)


def digest_of(value: object) -> Digest:
    """SHA-256 of the canonical bytes; of the bytes themselves when given bytes."""
    data = value if isinstance(value, bytes) else canonical_bytes(value)
    return Digest(hashlib.sha256(data).hexdigest())
