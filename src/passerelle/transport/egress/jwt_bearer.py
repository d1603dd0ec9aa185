"""Access tokens for a service account, by the JWT-bearer grant of OAuth 2.0.

Source: RFC 7523, sections 2.1 and 3; the signature is RS256 of RFC 7518, section 3.3.
"""

import asyncio
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passerelle.core.values.clock import Clock
from passerelle.transport.egress.connections import Connections, Response
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import NotATarget, Target, target

CLOUD_PLATFORM: Final = "https://www.googleapis.com/auth/cloud-platform"
_GOOGLES_ENDPOINT: Final = "https://oauth2.googleapis.com/token"
_LIFETIME_SECONDS: Final = 3_600
"""The longest that Google grants."""
_SPARE_SECONDS: Final = 225
"""So long before its end a token is renewed; if that fails it serves until its end."""
_AGAIN_SECONDS: Final = 15
_GRANT: Final = b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_REASON: Final = re.compile(r"[a-z_]{1,40}")
_OK: Final = 200
_REFUSED: Final = frozenset({400, 401, 403, 404})
_encode = msgspec.json.Encoder().encode


class NotAServiceAccount(ValueError):
    """The file is no service account's key. Messages hold nothing of what stands in it."""


class TokenRefused(EgressFailed):
    """The token endpoint does not accept the service account: asking again cannot help."""


class TokenUnavailable(EgressFailed):
    """The token endpoint gave no token now; it may later."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who asks for tokens, and where."""

    email: str
    key_id: str
    token_endpoint: str
    key: RSAPrivateKey = field(repr=False)


class _KeyFile(msgspec.Struct, kw_only=True):
    type: str = "service_account"
    client_email: Annotated[str, msgspec.Meta(min_length=1)]
    private_key: Annotated[str, msgspec.Meta(min_length=1)]
    private_key_id: str = ""
    token_uri: str = _GOOGLES_ENDPOINT


def service_account(key_file: bytes) -> ServiceAccount:
    """From the JSON file that Google gives out. Raises `NotAServiceAccount`."""
    try:
        read = msgspec.json.decode(key_file, type=_KeyFile)
    except msgspec.ValidationError as fault:
        raise NotAServiceAccount(f"{fault}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotAServiceAccount("it is not JSON") from None
    if read.type != "service_account":
        raise NotAServiceAccount("its `type` is not `service_account`")
    try:
        key = load_pem_private_key(read.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotAServiceAccount("its `private_key` cannot be read as a PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise NotAServiceAccount("its `private_key` is no RSA key")
    return ServiceAccount(read.client_email, read.private_key_id, read.token_uri, key)


def assertion(account: ServiceAccount, scope: str, *, now_seconds: int) -> bytes:
    """What the account says about itself, signed."""
    header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    claims = {
        "iss": account.email,
        "scope": scope,
        "aud": account.token_endpoint,
        "iat": now_seconds,
        "exp": now_seconds + _LIFETIME_SECONDS,
    }
    said = b".".join(map(_base64, (_encode(header), _encode(claims))))
    return said + b"." + _base64(account.key.sign(said, PKCS1v15(), hashes.SHA256()))


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


class JwtBearer:
    """Gives the account's token, and asks for another in time: once for all who wait."""

    def __init__(
        self,
        account: ServiceAccount,
        connections: Connections,
        clock: Clock,
        *,
        scope: str = CLOUD_PLATFORM,
    ) -> None:
        """Raises `NotAServiceAccount` when its token endpoint is no address."""
        self._account = account
        self._connections = connections
        self._clock = clock
        self._scope = scope
        self._target = _endpoint(account)
        self._token = ""
        self._renew_at_ms = self._ends_at_ms = 0
        self._renewal: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """Raises kin of `EgressFailed`."""
        if self._clock.now_ms() < self._renew_at_ms:
            return self._token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        # One who goes away must not end the renewal for the others.
        return await asyncio.shield(self._renewal)

    def forget(self, token: str) -> None:
        """That token was not accepted: the next one to ask gets another."""
        if token == self._token:
            self._renew_at_ms = self._ends_at_ms = 0

    async def close(self) -> None:
        """Ends what is under way, and gives back connections."""
        if self._renewal is not None:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError, EgressFailed):
                await self._renewal
        await self._connections.close()

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # whoever waits has it; there may be nobody

    async def _renew(self) -> str:
        asked_at_ms = self._clock.now_ms()
        try:
            token, lifetime_seconds = await self._ask(asked_at_ms // 1_000)
        except EgressFailed:
            if asked_at_ms >= self._ends_at_ms:
                raise
            self._renew_at_ms = min(asked_at_ms + _AGAIN_SECONDS * 1_000, self._ends_at_ms)
            return self._token
        serves_seconds = max(lifetime_seconds - _SPARE_SECONDS, lifetime_seconds / 2)
        self._token = token
        self._renew_at_ms = asked_at_ms + round(serves_seconds * 1_000)
        self._ends_at_ms = asked_at_ms + round(lifetime_seconds * 1_000)
        return token

    async def _ask(self, now_seconds: int) -> tuple[str, float]:
        body = _GRANT + assertion(self._account, self._scope, now_seconds=now_seconds)
        deadlines = Deadlines(connect=5, first_byte=10, between_bytes=10, total=15)
        response = await self._connections.request(self._target, body, deadlines=deadlines)
        told = _told(response)
        if response.status != _OK:
            refused = response.status in _REFUSED
            raise (TokenRefused if refused else TokenUnavailable)(_reason(told, response.status))
        token, lifetime = told.get("access_token"), told.get("expires_in", _LIFETIME_SECONDS)
        if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
            raise TokenUnavailable("no access token in the answer")
        if not isinstance(lifetime, int | float) or not lifetime > 0:
            raise TokenUnavailable("no lifetime in the answer")
        return token, lifetime


def _endpoint(account: ServiceAccount) -> Target:
    headers = (
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
        ("user-agent", "passerelle"),
    )
    try:
        return target("POST", account.token_endpoint, headers)
    except NotATarget as fault:
        raise NotAServiceAccount(f"its `token_uri` cannot be used: {fault}") from None


def _told(response: Response) -> Mapping[str, object]:
    try:
        told = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _reason(told: Mapping[str, object], status: int) -> str:
    """The error's code of RFC 6749, section 5.2: a description could repeat what we sent."""
    code = told.get("error")
    known = isinstance(code, str) and _REASON.fullmatch(code)
    return f"{code}" if known else f"status {status}"
