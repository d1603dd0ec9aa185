"""Content kept apart from its entry: what remains after erasure says nothing about it."""

import hmac
import os
from typing import NamedTuple

SALT_BYTES = 32


class Content(NamedTuple):
    """What is stored beside the ledger until it is erased."""

    commitment: str
    salt: bytes
    body: bytes


def commitment_of(body: bytes, *, salt: bytes, at_ms: int) -> str:
    """Twelve hexadecimal digits of time, then HMAC-SHA-256 of the body under the salt.

    Without the salt the commitment cannot be tested against a guessed body.
    The time is the entry's own; leading with it lets an index grow at its end.
    """
    return f"{at_ms:012x}{hmac.digest(salt, body, 'sha256').hex()}"


def commit(body: bytes, *, at_ms: int) -> Content:
    """Binds the body to a fresh random salt."""
    salt = os.urandom(SALT_BYTES)
    return Content(commitment_of(body, salt=salt, at_ms=at_ms), salt, body)
