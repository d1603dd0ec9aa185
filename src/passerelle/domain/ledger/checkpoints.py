"""Signed statements of size and root, as C2SP signed notes.

Source: C2SP signed-note and tlog-checkpoint; algorithm 0x01 (Ed25519).
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from passerelle.domain.ledger.merkle import HASH_BYTES

ED25519 = b"\x01"
KEY_ID_BYTES = 4
MILESTONE = "milestone"


class Verifier(Protocol):
    """Knows the public key of a ledger."""

    @property
    def name(self) -> str:
        """The ledger's origin: unique, without white space or plus sign."""
        ...

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        ...

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Is this the key's signature of the message?"""
        ...


class Signer(Verifier, Protocol):
    """Holds the signing key of a ledger."""

    def sign(self, message: bytes) -> bytes:
        """Raw Ed25519 signature, 64 bytes."""
        ...


class InvalidCheckpoint(Exception):
    """A note that is not exactly what the ledger's key would have signed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a note states."""

    size: int
    root: bytes
    milestone: bool = False
    """Kept for ever at a fixed size. Says so itself, so that it cannot pose as the newest."""


def key_id(verifier: Verifier) -> bytes:
    """Four bytes that name the key inside a note."""
    described = verifier.name.encode() + b"\n" + ED25519 + verifier.public_key
    return sha256(described).digest()[:KEY_ID_BYTES]


def signed_note(checkpoint: Checkpoint, signer: Signer) -> str:
    """The note as text; the same key and checkpoint always give the same text."""
    text = _text(checkpoint, signer.name)
    return _note(text, signer, signer.sign(text.encode()))


def open_note(note: str, verifier: Verifier) -> Checkpoint:
    """What the note states, once it is proved to be the key's own, character for character.

    Raises `InvalidCheckpoint`.
    """
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    try:
        checkpoint = _parse(text)
        signature = base64.b64decode(signatures.split(" ")[2], validate=False)[KEY_ID_BYTES:]
    except (ValueError, IndexError, binascii.Error) as error:
        raise InvalidCheckpoint("it is not a checkpoint note") from error
    if _text(checkpoint, verifier.name) != text or _note(text, verifier, signature) != note:
        raise InvalidCheckpoint("it is not written as this ledger's key writes")
    if not verifier.verifies(signature, text.encode()):
        raise InvalidCheckpoint("its signature does not fit the ledger's key")
    return checkpoint


def _text(checkpoint: Checkpoint, origin: str) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    extension = f"{MILESTONE}\n" if checkpoint.milestone else ""
    return f"{origin}\n{checkpoint.size}\n{root}\n{extension}"


def _note(text: str, verifier: Verifier, signature: bytes) -> str:
    signed = base64.b64encode(key_id(verifier) + signature).decode()
    return f"{text}\n— {verifier.name} {signed}\n"


def _parse(text: str) -> Checkpoint:
    _, size, root, *extension = text.removesuffix("\n").split("\n")
    decoded = base64.b64decode(root)
    if len(decoded) != HASH_BYTES or extension not in ([], [MILESTONE]):
        raise ValueError(text)
    return Checkpoint(int(size), decoded, milestone=bool(extension))
