import hashlib
import hmac
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.keys import (
    DEVELOPMENT,
    ApiKey,
    Unauthenticated,
    checksum,
    identify,
    mint,
    parse,
)

PEPPER = b"a pepper of thirty-two bytes....."
NOW = 1_700_000_000_000
PERSON = Principal("per_1", "person", "Ada", Scope("acme", "claims"), frozenset({"developer"}))


class Ring:
    """Keys in a dictionary."""

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = {key.public_id: key for key in keys}

    def get(self, public_id: str) -> ApiKey | None:
        return self.keys.get(public_id)

    async def add(self, key: ApiKey) -> None:
        self.keys[key.public_id] = key

    async def revoke(self, public_id: str, *, at_ms: int) -> None:
        self.keys[public_id] = replace(self.keys[public_id], revoked_at_ms=at_ms)

    def all(self, organisation: str) -> tuple[ApiKey, ...]:
        return tuple(
            k for k in self.keys.values() if k.principal.scope.organisation == organisation
        )


def minted(*, env: str = "live", expires_at_ms: int | None = None) -> tuple[str, ApiKey]:
    return mint(
        PERSON, pepper=PEPPER, label="lab", now_ms=NOW, env=env, expires_at_ms=expires_at_ms
    )


def refusal(credential: str, *keys: ApiKey, now_ms: int = NOW) -> str:
    with pytest.raises(Unauthenticated) as refused:
        identify(credential, Ring(*keys), pepper=PEPPER, now_ms=now_ms)
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")
    return refused.value.message


def test_minted_key_has_the_published_form() -> None:
    plain, key = minted()
    assert re.fullmatch(r"sk-live-[0-9A-Za-z]{8}-[0-9A-Za-z]{32}-[0-9A-Za-z]{6}", plain)
    assert plain.split("-")[2] == key.public_id == key.principal.key_id


def test_minted_key_identifies_the_principal_behind_it() -> None:
    plain, key = minted()
    found = identify(plain, Ring(key), pepper=PEPPER, now_ms=NOW)
    assert found == replace(PERSON, key_id=key.public_id)


def test_record_holds_a_keyed_hash_and_no_part_of_the_secret() -> None:
    plain, key = minted()
    body, secret = plain.rsplit("-", 1)[0], plain.split("-")[3]
    assert key.secret_hash == hmac.new(PEPPER, body.encode(), hashlib.sha256).digest()
    assert secret not in repr(key)


def test_two_keys_never_share_id_or_secret() -> None:
    keys = {minted()[0] for _ in range(500)}
    assert len({key.split("-")[2] for key in keys}) == 500
    assert len({key.split("-")[3] for key in keys}) == 500


def test_every_character_of_the_alphabet_is_about_equally_likely() -> None:
    drawn = "".join(minted()[0].split("-")[3] for _ in range(2_000))
    expected = len(drawn) / 62
    chi_squared = sum((drawn.count(c) - expected) ** 2 / expected for c in set(drawn))
    assert len(set(drawn)) == 62
    assert chi_squared < 130  # 61 degrees of freedom: exceeded once in a million draws


def test_checksum_is_crc_32_in_base_62_most_significant_digit_first() -> None:
    number = 0
    for digit in checksum(b"123456789"):
        number = number * 62 + (
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(digit)
        )
    assert number == 0xCBF43926  # the published check value of CRC-32


@given(st.integers(0, 57), st.characters(codec="utf-8"))
def test_no_key_with_one_character_changed_is_parsed(place: int, character: str) -> None:
    plain, _ = minted()
    changed = plain[:place] + character + plain[place + 1 :]
    assert changed == plain or parse(changed) is None


@given(st.text())
def test_no_text_that_was_not_minted_identifies_anybody(text: str) -> None:
    assert refusal(text, minted()[1])


@pytest.mark.parametrize("wrap", ["{}\n", " {}", "{} ", "{}\x00", "Bearer {}", "{}-", "{0}{0}"])
def test_parser_takes_the_key_and_nothing_around_it(wrap: str) -> None:
    assert parse(wrap.format(minted()[0])) is None


def test_messages_tell_malformed_unknown_expired_and_revoked_apart() -> None:
    plain, key = minted(expires_at_ms=NOW + 1_000)
    messages = {
        refusal(""),
        refusal(plain[:-1], key),
        refusal(plain),
        refusal(plain, key, now_ms=NOW + 1_000),
        refusal(plain, replace(key, revoked_at_ms=NOW)),
    }
    assert len(messages) == 5
    assert not any(part in message for message in messages for part in plain.split("-")[2:])


def test_key_is_good_until_the_millisecond_of_its_expiry() -> None:
    plain, key = minted(expires_at_ms=NOW + 1_000)
    assert identify(plain, Ring(key), pepper=PEPPER, now_ms=NOW + 999).id == "per_1"
    refusal(plain, key, now_ms=NOW + 1_000)


def test_wrong_secret_is_told_the_same_as_an_unknown_key() -> None:
    _, key = minted()
    body = f"sk-live-{key.public_id}-{'x' * 32}"
    forged = f"{body}-{checksum(body.encode())}"
    assert parse(forged) is not None
    dead = replace(key, revoked_at_ms=NOW)
    assert refusal(forged, key) == refusal(forged) == refusal(forged, dead)


def test_another_pepper_makes_every_key_unknown() -> None:
    plain, key = minted()
    with pytest.raises(Unauthenticated, match="No such key"):
        identify(plain, Ring(key), pepper=b"other", now_ms=NOW)


def test_development_key_cannot_be_passed_off_as_a_live_one() -> None:
    plain, key = minted(env=DEVELOPMENT)
    assert key.env == DEVELOPMENT
    parsed = parse(plain)
    assert parsed is not None
    assert parsed.env == DEVELOPMENT
    body = plain.rsplit("-", 1)[0].replace("sk-dev", "sk-live")
    refusal(f"{body}-{checksum(body.encode())}", key)


@pytest.mark.parametrize("env", ["", "L", "Live", "a-b", "a" * 17])
def test_environment_that_could_not_be_parsed_is_not_minted(env: str) -> None:
    with pytest.raises(ValueError, match="no environment"):
        minted(env=env)
