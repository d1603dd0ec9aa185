"""Tokens for a service account: google-auth judges what we sign, on both sides."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import jwt
from google.oauth2.service_account import Credentials as GoogleCredentials

from passerelle.core.values.clock import SetClock
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.jwt_bearer import (
    CLOUD_PLATFORM,
    JwtBearer,
    NotAServiceAccount,
    TokenRefused,
    TokenUnavailable,
    assertion,
    service_account,
)
from tests.adapters.google_upstream import (
    EMAIL,
    KEY_ID,
    TokenEndpoint,
    google_error,
    key_file,
    pem,
    private_key,
    vertex_upstream,
)
from tests.adapters.signed_upstream import Answer

NOWHERE = "https://oauth2.googleapis.com/token"


@asynccontextmanager
async def bearer_of(
    clock: SetClock, **changes: str | None
) -> AsyncGenerator[tuple[JwtBearer, TokenEndpoint], None]:
    """Changes are of the service account's file."""
    tokens = TokenEndpoint(now_seconds=lambda: clock.now_ms() / 1_000)
    connections = Connections()
    async with vertex_upstream(lambda _: Answer(b"{}"), tokens=tokens) as (_, endpoint):
        account = service_account(key_file(endpoint.url, **changes))
        bearer = JwtBearer(account, connections, clock)
        try:
            yield bearer, endpoint
        finally:
            await bearer.close()
            await connections.close()


def test_we_say_and_sign_what_google_auth_does() -> None:
    file = key_file(NOWHERE)
    ours = assertion(service_account(file), CLOUD_PLATFORM, now_seconds=1_700_000_000)
    credentials = GoogleCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
        json.loads(file), scopes=[CLOUD_PLATFORM]
    )
    theirs = credentials._make_authorization_grant_assertion()
    said, expected = (jwt.decode(each, verify=False) for each in (ours, theirs))  # type: ignore[no-untyped-call]
    assert (said["iat"], said["exp"]) == (1_700_000_000, 1_700_003_600)
    assert expected["exp"] - expected["iat"] == said["exp"] - said["iat"]
    moments = {"iat": 0, "exp": 0}
    assert {**said, **moments} == {**expected, **moments}
    assert jwt.decode_header(ours) == jwt.decode_header(theirs)  # type: ignore[no-untyped-call]
    message, _, signature = ours.rpartition(b".")
    assert urlsafe_b64decode(signature + b"==") == credentials.signer.sign(message)


async def test_one_question_serves_all_who_wait_and_all_who_come_in_time() -> None:
    clock = SetClock()
    async with bearer_of(clock) as (bearer, endpoint):
        assert set(await asyncio.gather(*(bearer.token() for _ in range(20)))) == {"token-1"}
        clock.advance(seconds=3_599 - 226)
        assert await bearer.token() == "token-1"
        clock.advance(seconds=2)
        assert set(await asyncio.gather(*(bearer.token() for _ in range(20)))) == {"token-2"}
        assert (endpoint.given, endpoint.refused) == (["token-1", "token-2"], [])


async def test_token_of_short_life_is_kept_for_half_of_it() -> None:
    clock = SetClock()
    async with bearer_of(clock) as (bearer, endpoint):
        endpoint.lifetime_seconds = 100
        assert await bearer.token() == "token-1"
        clock.advance(seconds=49)
        assert await bearer.token() == "token-1"
        clock.advance(seconds=2)
        assert await bearer.token() == "token-2"


async def test_token_serves_to_its_end_while_no_other_is_to_be_had() -> None:
    clock = SetClock()
    async with bearer_of(clock) as (bearer, endpoint):
        await bearer.token()
        clock.advance(seconds=3_599 - 100)
        endpoint.broken = Answer(b"<html>", 503)
        assert await bearer.token() == "token-1"
        clock.advance(seconds=101)
        with pytest.raises(TokenUnavailable, match="status 503"):
            await bearer.token()
        endpoint.broken = None
        assert await bearer.token() == "token-2"


async def test_one_who_goes_away_does_not_take_the_token_from_the_others() -> None:
    async with bearer_of(SetClock()) as (bearer, endpoint):
        waiting = [asyncio.create_task(bearer.token()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        assert await asyncio.gather(*waiting[1:]) == ["token-1", "token-1"]
        assert waiting[0].cancelled()
        assert endpoint.given == ["token-1"]


async def test_token_that_was_not_accepted_is_replaced() -> None:
    async with bearer_of(SetClock()) as (bearer, _):
        bearer.forget(await bearer.token())
        assert await bearer.token() == "token-2"
        bearer.forget("token-1")
        assert await bearer.token() == "token-2"


async def test_closing_ends_the_question_under_way() -> None:
    async with bearer_of(SetClock()) as (bearer, _):
        waiting = asyncio.create_task(bearer.token())
        await asyncio.sleep(0)
        await bearer.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"private_key": pem(private_key(1))}, "verify"),
        ({"client_email": "other@project-1.iam.gserviceaccount.com"}, "issuer"),
        ({"private_key_id": "another"}, "key id"),
    ],
)
async def test_assertion_that_is_not_genuine_is_refused(
    changes: dict[str, str], reason: str
) -> None:
    async with bearer_of(SetClock(), **changes) as (bearer, endpoint):
        with pytest.raises(TokenRefused, match=r"^invalid_grant$"):
            await bearer.token()
        assert reason in endpoint.refused[0]


async def test_assertion_of_another_time_is_refused() -> None:
    clock = SetClock()
    async with bearer_of(clock) as (bearer, endpoint):
        endpoint.now_seconds = lambda: clock.now_ms() / 1_000 + 7_200
        with pytest.raises(TokenRefused):
            await bearer.token()
        assert "another time" in endpoint.refused[0]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(b"\xff\xfe"), TokenUnavailable, "no access token"),
        (Answer(b"[]"), TokenUnavailable, "no access token"),
        (Answer(b"[" * 100_000), TokenUnavailable, "no access token"),
        (Answer(b'{"id_token": "x"}'), TokenUnavailable, "no access token"),
        (Answer(b'{"access_token": "a b\\r\\nx: y"}'), TokenUnavailable, "no access token"),
        (Answer(b'{"access_token": "a", "expires_in": -1}'), TokenUnavailable, "no lifetime"),
        (Answer(b'{"access_token": "a", "expires_in": "1"}'), TokenUnavailable, "no lifetime"),
        (google_error(429, "RESOURCE_EXHAUSTED", "slow down"), TokenUnavailable, "status 429"),
        (google_error(403, "PERMISSION_DENIED", "no"), TokenRefused, "status 403"),
        (Answer(b'{"error": "not our key"}', 401), TokenRefused, "status 401"),
    ],
)
async def test_answer_without_a_token_says_what_was_wrong(
    answer: Answer, kind: type[EgressFailed], message: str
) -> None:
    async with bearer_of(SetClock()) as (bearer, endpoint):
        endpoint.broken = answer
        with pytest.raises(kind, match=f"^{message}"):
            await bearer.token()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"not JSON", "not JSON"),
        (b"\xff", "not JSON"),
        (key_file(NOWHERE, type="authorized_user"), "type"),
        (key_file(NOWHERE, client_email=None), "client_email"),
        (key_file(NOWHERE, private_key=7), "private_key"),
        (key_file(NOWHERE, private_key="-----BEGIN SECRET-----"), "PEM"),
        (key_file(NOWHERE, private_key=pem(private_key())[:200]), "PEM"),
        (key_file("ftp://oauth2.googleapis.com/token"), "token_uri"),
    ],
)
def test_file_that_is_no_service_account_says_why_and_nothing_of_itself(
    file: bytes, message: str
) -> None:
    with pytest.raises(NotAServiceAccount, match=message) as caught:
        JwtBearer(service_account(file), Connections(), SetClock())
    assert "BEGIN" not in str(caught.value)


def test_key_of_another_kind_is_no_service_account() -> None:
    other = generate_private_key(SECP256R1())
    text = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(NotAServiceAccount, match="no RSA key"):
        service_account(key_file(NOWHERE, private_key=text))


def test_account_does_not_show_its_key() -> None:
    account = service_account(key_file(NOWHERE))
    assert (account.email, account.key_id) == (EMAIL, KEY_ID)
    assert "key=" not in repr(account)
