"""A token endpoint and models behind it, which answer only whom google-auth finds genuine."""

import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import exceptions, jwt

from passerelle.transport.egress.jwt_bearer import CLOUD_PLATFORM
from tests.adapters.signed_upstream import (
    Answer,
    Cut,
    SignedUpstream,
    headers_of,
    signed_upstream,
)
from tests.adapters.upstream import Seen

EMAIL = "gateway@project-1.iam.gserviceaccount.com"
KEY_ID = "0123456789abcdef"
API_KEY = "AIzaSy-0123456789-abcdefghijklmnopqrstu"
_EVER = 10**9
"""Seconds of skew: times are judged by the endpoint's own clock."""


@cache
def private_key(number: int = 0) -> RSAPrivateKey:
    """Another number is another key."""
    del number
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_file(token_uri: str, **changes: Any) -> bytes:
    """A service account's file as Google writes it; None takes a field away."""
    told = {
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": KEY_ID,
        "private_key": pem(private_key()),
        "client_email": EMAIL,
        "client_id": "100000000000000000000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    }
    return json.dumps({k: v for k, v in {**told, **changes}.items() if v is not None}).encode()


@dataclass
class TokenEndpoint:
    """Gives `token-1`, `token-2` and so on for assertions that are genuine."""

    now_seconds: Callable[[], float] = time.time  # noqa: TID251 - the far side has its own clock
    lifetime_seconds: int = 3_599
    url: str = ""
    broken: Answer | None = None
    """Answered instead of anything else."""
    given: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def __call__(self, seen: Seen) -> Answer:
        if self.broken is not None:
            return self.broken
        form = parse_qs(seen.body.decode(), strict_parsing=True)
        try:
            if form["grant_type"] != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
                return _told({"error": "unsupported_grant_type"}, 400)
            self._judge(form["assertion"][0])
        except (exceptions.GoogleAuthError, AssertionError) as fault:
            self.refused.append(str(fault))
            return _told({"error": "invalid_grant", "error_description": str(fault)}, 400)
        self.given.append(f"token-{len(self.given) + 1}")
        told = {"access_token": self.given[-1], "expires_in": self.lifetime_seconds}
        return _told({**told, "token_type": "Bearer"})

    def accepts(self, seen: Seen) -> bool:
        token = headers_of(seen).get("authorization", "").removeprefix("Bearer ")
        return token in self.given and token not in self.revoked

    def _judge(self, assertion: str) -> None:
        public = private_key().public_key()
        certificate = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        claims = jwt.decode(  # type: ignore[no-untyped-call]
            assertion, {KEY_ID: certificate}, audience=self.url, clock_skew_in_seconds=_EVER
        )
        now = self.now_seconds()
        assert jwt.decode_header(assertion)["alg"] == "RS256"  # type: ignore[no-untyped-call]
        assert claims["iss"] == EMAIL, "issuer"
        assert claims["scope"] == CLOUD_PLATFORM, "scope"
        assert now - 60 <= claims["iat"] <= now + 10, "made at another time"
        assert now < claims["exp"] <= claims["iat"] + 3_600, "its end"


@asynccontextmanager
async def vertex_upstream(
    answers: Callable[[Seen], Answer], *, tokens: TokenEndpoint | None = None, cut: Cut = "whole"
) -> AsyncGenerator[tuple[SignedUpstream, TokenEndpoint], None]:
    """Answers whoever has one of its tokens; gives tokens at `/token`."""
    endpoint = tokens or TokenEndpoint()

    def judge(seen: Seen) -> Answer | None:
        if path_of(seen) == "/token" or endpoint.accepts(seen):
            return None
        return google_error(401, "UNAUTHENTICATED", "Request had invalid credentials.")

    def answered(seen: Seen) -> Answer:
        return endpoint(seen) if path_of(seen) == "/token" else answers(seen)

    async with signed_upstream(judge, answered, cut=cut) as there:
        endpoint.url = f"{there.url}/token"
        yield there, endpoint


@asynccontextmanager
async def gemini_upstream(
    answers: Callable[[Seen], Answer], *, cut: Cut = "whole"
) -> AsyncGenerator[SignedUpstream, None]:
    """Answers whoever sends the key in its header."""

    def judge(seen: Seen) -> Answer | None:
        if headers_of(seen).get("x-goog-api-key") == API_KEY:
            return None
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": _BAD_KEY}]
        message = "API key not valid. Please pass a valid API key."
        return google_error(400, "INVALID_ARGUMENT", message, details)

    async with signed_upstream(judge, answers, cut=cut) as there:
        yield there


_BAD_KEY = "API_KEY_INVALID"


def google_error(status: int, code: str, message: str, details: Any = None) -> Answer:
    """An error in Google's shape."""
    error = {"code": status, "message": message, "status": code}
    return _told({"error": error | ({"details": details} if details else {})}, status)


def path_of(seen: Seen) -> str:
    return seen.head.split(" ")[1]


def _told(body: Any, status: int = 200) -> Answer:
    headers = (("content-type", "application/json; charset=UTF-8"),)
    return Answer(json.dumps(body).encode(), status, headers)
