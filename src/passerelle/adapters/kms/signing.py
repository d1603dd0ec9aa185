"""The ledger's Ed25519 key in two files: the private one for us, the public one for anybody."""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from passerelle.core.values.errors import Refusal
from passerelle.domain.ledger.checkpoints import ED25519, Verifier, key_id

KEY_FILE = "ledger.key"
PUBLIC_FILE = "ledger.pub"
_PRIVATE = "PRIVATE+KEY+"


class SigningKeyUnusable(Refusal):
    """The ledger's signing key cannot be used."""

    code = "signing_key_unusable"


class PublicKey:
    """Verifies the ledger's notes. Written as C2SP writes keys: name, key id, key."""

    def __init__(self, name: str, public_key: bytes) -> None:
        self.name = name
        self.public_key = public_key
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def text(self) -> str:
        return _written(self, self.public_key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` when the parts do not fit together."""
        name, identity, encoded = text.strip().split("+", 2)
        key = cls(name, _key_bytes(encoded))
        if key_id(key).hex() != identity:
            raise ValueError("the key id does not fit the key")
        return key


class SigningKey(PublicKey):
    """Signs the ledger's notes."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        super().__init__(name, self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    @property
    def secret_text(self) -> str:
        return _PRIVATE + _written(self, self._seed)

    @classmethod
    def generate(cls) -> Self:
        """A new key under a name that no other ledger has."""
        return cls(f"passerelle/{os.urandom(6).hex()}", os.urandom(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` when the parts do not fit together."""
        if not text.startswith(_PRIVATE):
            raise ValueError("it is no private key")
        name, identity, encoded = text.removeprefix(_PRIVATE).strip().split("+", 2)
        key = cls(name, _key_bytes(encoded))
        if key_id(key).hex() != identity:
            raise ValueError("the key id does not fit the key")
        return key


def open_signing_key(folder: Path) -> SigningKey:
    """The folder's key; made on first use, safely when two processes start together.

    Raises `SigningKeyUnusable` when the key is damaged, readable by others, or
    missing although the folder has been signed with one before.
    """
    file, public = folder / KEY_FILE, folder / PUBLIC_FILE
    signed_before = public.exists()  # asked first: another process makes the key before this
    if not file.exists():
        if signed_before:
            raise SigningKeyUnusable(
                f"{file} is missing: put it back from a backup, without it nothing can be added."
            )
        _write_once(file, SigningKey.generate().secret_text + "\n")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise SigningKeyUnusable(f"Others may read {file}: run chmod 600 on it.")
    try:
        key = SigningKey.parse(file.read_text(encoding="utf-8"))
    except (ValueError, binascii.Error) as error:
        raise SigningKeyUnusable(f"{file} is damaged: put it back from a backup.") from error
    _write_once(public, key.text + "\n", mode=0o644)
    if open_public_key(folder).public_key != key.public_key:
        raise SigningKeyUnusable(f"{file} and {public} do not belong together.")
    return key


def open_public_key(folder: Path) -> PublicKey:
    """What a reader needs to check the ledger. Raises `SigningKeyUnusable`."""
    public = folder / PUBLIC_FILE
    try:
        return PublicKey.parse(public.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SigningKeyUnusable(f"{public} is missing: no ledger was started here.") from error
    except (ValueError, binascii.Error) as error:
        raise SigningKeyUnusable(f"{public} is damaged: put it back from a backup.") from error


def _written(key: Verifier, material: bytes) -> str:
    return f"{key.name}+{key_id(key).hex()}+{base64.b64encode(ED25519 + material).decode()}"


def _key_bytes(encoded: str) -> bytes:
    material = base64.b64decode(encoded, validate=True)
    if not material.startswith(ED25519):
        raise ValueError("it is no Ed25519 key")
    return material[1:]


def _write_once(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Whole or not at all, and the first of several writers wins."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fsync(output.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
