"""API keys: their form, how they are made, and who stands behind one."""

import binascii
import hmac
import os
import re
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from passerelle.core.values.errors import Refusal
from passerelle.core.values.principals import Principal

DEVELOPMENT = "dev"
"""Environment of keys that are good for trying things out only."""
LIVE = "live"
PUBLIC_ID_LENGTH = 8
SECRET_LENGTH = 32
"""Characters of base 62: 190 random bits, so that a fast hash is enough."""
CHECKSUM_LENGTH = 6

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_UNBIASED = 256 - 256 % len(_ALPHABET)
_ENV = re.compile(r"[a-z][a-z0-9]{1,15}")
_FORM = re.compile(
    rf"(sk-({_ENV.pattern})-([0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}})-[0-9A-Za-z]{{{SECRET_LENGTH}}})"
    rf"-([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_NO_HASH = bytes(32)


class Unauthenticated(Refusal):
    """The API key was not accepted."""

    status = 401
    code = "invalid_api_key"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: never the key itself."""

    public_id: str
    secret_hash: bytes
    """HMAC-SHA-256 under the pepper, over the whole key up to its checksum."""
    principal: Principal
    """Its `key_id` is the public id."""
    label: str
    created_at_ms: int
    expires_at_ms: int | None = None
    """First millisecond at which it is no longer accepted; None for never."""
    revoked_at_ms: int | None = None
    env: str = LIVE
    """`dev` or `live`, as written in the key."""
    budget: str = ""
    """A JSON object in the words of `[budget]`; empty for a key without one of its own."""


class KeyRing(Protocol):
    """All keys, in memory for the hot path and kept by the store."""

    def get(self, public_id: str) -> ApiKey | None:
        """The key of that id, revoked and expired ones too; no waiting, no query."""
        ...

    async def add(self, key: ApiKey) -> None:
        """Keeps a new key; usable when this returns."""
        ...

    async def revoke(self, public_id: str, *, at_ms: int) -> None:
        """Dead when this returns; the first revocation's time stays; unknown ids are ignored."""
        ...

    def all(self, organisation: str) -> tuple[ApiKey, ...]:
        """Keys of one organisation, newest first."""
        ...


class ParsedKey(NamedTuple):
    """A credential of the right form whose checksum holds; nothing is proved by that."""

    env: str
    public_id: str
    body: bytes
    """Everything before the checksum: what is hashed."""


def mint(
    principal: Principal,
    *,
    pepper: bytes,
    label: str,
    now_ms: int,
    expires_at_ms: int | None = None,
    env: str = LIVE,
) -> tuple[str, ApiKey]:
    """The plain key, to be shown once, and its record.

    The principal in the record has the new key's public id as its `key_id`.
    """
    if not _ENV.fullmatch(env):
        raise ValueError(f"{env!r} is no environment: 2 to 16 lower-case letters and digits")
    public_id = _random(PUBLIC_ID_LENGTH)
    body = f"sk-{env}-{public_id}-{_random(SECRET_LENGTH)}"
    return f"{body}-{checksum(body.encode())}", ApiKey(
        public_id=public_id,
        secret_hash=_hash(body.encode(), pepper),
        principal=replace(principal, key_id=public_id),
        label=label,
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
        env=env,
    )


def parse(credential: str) -> ParsedKey | None:
    """None for anything that is not exactly a key with the right checksum."""
    found = _FORM.fullmatch(credential)
    if found is None:
        return None
    written, env, public_id, check = found.groups()
    body = written.encode()
    return ParsedKey(env, public_id, body) if check == checksum(body) else None


def identify(credential: str, ring: KeyRing, *, pepper: bytes, now_ms: int) -> Principal:
    """Who stands behind the credential.

    Raises `Unauthenticated`. That a key has expired or was revoked is told only
    to a caller who has its secret; an unknown id and a wrong secret are told apart
    neither by words nor by the work done.
    """
    parsed = parse(credential)
    if parsed is None:
        raise Unauthenticated(_malformed(credential))
    key = ring.get(parsed.public_id)
    kept = key.secret_hash if key is not None else _NO_HASH
    if not hmac.compare_digest(_hash(parsed.body, pepper), kept) or key is None:
        raise Unauthenticated("No such key is known here.")
    return _alive(key, now_ms).principal


def still_good(public_id: str, ring: KeyRing, *, now_ms: int) -> Principal:
    """Who stands behind a key that was proved earlier, for work that it left to be done.

    Raises `Unauthenticated` once the key was revoked or has expired.
    """
    key = ring.get(public_id)
    if key is None:
        raise Unauthenticated("No such key is known here.")
    return _alive(key, now_ms).principal


def _alive(key: ApiKey, now_ms: int) -> ApiKey:
    if key.revoked_at_ms is not None:
        raise Unauthenticated("It was revoked: ask for a new one.")
    if key.expires_at_ms is not None and now_ms >= key.expires_at_ms:
        raise Unauthenticated("It has expired: ask for a new one.")
    return key


def checksum(body: bytes) -> str:
    """CRC-32 in base 62, 6 digits: lets a scanner tell a key from a look-alike, proves nothing."""
    number, last = divmod(binascii.crc32(body), len(_PAIRS))
    first, middle = divmod(number, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def _malformed(credential: str) -> str:
    if not credential:
        return "None was sent: add the header 'Authorization: Bearer <key>'."
    return "It does not have the form of a key, or a character is missing or mistyped."


def _hash(body: bytes, pepper: bytes) -> bytes:
    return hmac.digest(pepper, body, "sha256")


def _random(length: int) -> str:
    characters = ""
    while len(characters) < length:  # bytes above the last multiple of 62 would favour some
        characters += "".join(
            _ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(length) if byte < _UNBIASED
        )
    return characters[:length]
