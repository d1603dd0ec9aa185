import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.keys import ApiKey, Unauthenticated, identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import Role, permissions_of
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.govern.keys import (
    DAY_MS,
    IssuedKey,
    KeyParts,
    WantedKey,
    create_key,
    list_keys,
    revoke_key,
)
from tests.stories.office import PEPPER, events, person, store

ADA = person("ada", "administrator")
DEV = person("dev", "developer")
SECURITY = person("sec", "security")
MALLORY = person("mallory", "administrator", organisation="other")


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> KeyParts:
    return KeyParts(kept.keys, kept.ledger, clock, PEPPER)


def wanted(
    *roles: str,
    days: int | None = None,
    label: str = "batch job",
    env: str | None = None,
    **budget: JsonValue,
) -> WantedKey:
    return WantedKey(label, "service", frozenset(roles), days, env, budget)


async def create(who: Principal, key: WantedKey, parts: KeyParts) -> Recorded[IssuedKey]:
    return await create_key(authorise(who, Permission.KEY_CREATE), key, parts)


async def revoke(who: Principal, public_id: str, parts: KeyParts) -> Recorded[ApiKey]:
    return await revoke_key(authorise(who, Permission.KEY_REVOKE), public_id, parts)


async def test_new_key_lets_its_service_in_with_the_roles_it_was_given(
    parts: KeyParts, clock: SetClock
) -> None:
    issued = (await create(ADA, wanted("end_user", days=2), parts)).value
    who = identify(issued.plain, parts.ring, pepper=PEPPER, now_ms=clock.now_ms())
    assert (who.kind, who.name, who.roles) == ("service", "batch job", frozenset({"end_user"}))
    assert who.scope == ADA.scope
    assert who.id.startswith("svc_")
    assert issued.key.expires_at_ms == clock.now_ms() + 2 * DAY_MS


async def test_making_a_key_is_on_record_without_its_secret_or_label(
    parts: KeyParts, kept: MemoryStore
) -> None:
    recorded = await create(ADA, wanted("end_user", label="Ada's laptop"), parts)
    assert events(kept) == ["key.create.intended", "key.create.done"]
    assert recorded.entry.subject == recorded.value.key.public_id
    assert recorded.entry.principal == ADA.id
    assert json.loads(recorded.entry.facts)["roles"] == ["end_user"]
    secret = recorded.value.plain.split("-")[3]
    assert secret not in recorded.entry.facts.decode()
    assert "laptop" not in recorded.entry.facts.decode()
    assert secret not in repr(recorded)


async def test_no_key_is_made_that_cannot_be_recorded(parts: KeyParts, kept: MemoryStore) -> None:
    kept.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await create(ADA, wanted("end_user"), parts)
    assert parts.ring.all("acme") == ()


async def test_key_cannot_be_made_for_an_organisation_other_than_the_grantors(
    parts: KeyParts,
) -> None:
    await create(MALLORY, wanted("administrator"), parts)
    assert list_keys(authorise(ADA, Permission.KEY_READ), parts.ring) == ()


async def test_keys_are_listed_newest_first_and_only_those_of_the_organisation(
    parts: KeyParts, clock: SetClock
) -> None:
    first = (await create(ADA, wanted("end_user"), parts)).value.key
    clock.advance(seconds=1)
    second = (await create(ADA, wanted("end_user"), parts)).value.key
    await create(MALLORY, wanted("end_user"), parts)
    assert list_keys(authorise(DEV, Permission.KEY_READ), parts.ring) == (second, first)


@given(grantor=st.frozensets(st.sampled_from(Role)), asked=st.frozensets(st.sampled_from(Role)))
def test_no_key_may_do_more_than_its_grantor(
    grantor: frozenset[str], asked: frozenset[str]
) -> None:
    clock, kept = SetClock(), store()
    parts = KeyParts(kept.keys, kept.ledger, clock, PEPPER)
    who = Principal("per_1", "person", "Ada", Scope("acme", "claims"), grantor)
    held = permissions_of(grantor)
    allowed = Permission.KEY_CREATE in held and bool(asked) and permissions_of(asked) <= held
    try:
        issued = asyncio.run(create(who, wanted(*asked), parts)).value
    except Refusal:
        assert not allowed
        assert parts.ring.all("acme") == ()
    else:
        assert allowed
        assert permissions_of(issued.key.principal.roles) <= held


async def test_revoked_key_is_dead_at_once(parts: KeyParts, clock: SetClock) -> None:
    issued = (await create(ADA, wanted("end_user"), parts)).value
    recorded = await revoke(SECURITY, issued.key.public_id, parts)
    assert recorded.value.revoked_at_ms == clock.now_ms()
    with pytest.raises(Unauthenticated, match="revoked"):
        identify(issued.plain, parts.ring, pepper=PEPPER, now_ms=clock.now_ms())


async def test_revoking_again_keeps_the_time_of_the_first(parts: KeyParts, clock: SetClock) -> None:
    public_id = (await create(ADA, wanted("end_user"), parts)).value.key.public_id
    first = (await revoke(ADA, public_id, parts)).value
    clock.advance(seconds=60)
    assert (await revoke(ADA, public_id, parts)).value == first


async def test_developer_revokes_what_he_could_have_made_and_no_administrator(
    parts: KeyParts,
) -> None:
    small = (await create(ADA, wanted("end_user"), parts)).value.key.public_id
    great = (await create(ADA, wanted("administrator"), parts)).value.key.public_id
    assert (await revoke(DEV, small, parts)).value.revoked_at_ms is not None
    with pytest.raises(Forbidden, match="more than you"):
        await revoke(DEV, great, parts)
    assert (await revoke(SECURITY, great, parts)).value.revoked_at_ms is not None


async def test_foreign_key_is_as_unknown_as_one_that_never_was(parts: KeyParts) -> None:
    foreign = (await create(MALLORY, wanted("end_user"), parts)).value.key
    with pytest.raises(NotFound) as unseen:
        await revoke(ADA, foreign.public_id, parts)
    with pytest.raises(NotFound) as absent:
        await revoke(ADA, "00000000", parts)
    assert unseen.value.message == absent.value.message
    assert parts.ring.get(foreign.public_id) == foreign


async def test_development_key_makes_only_keys_of_its_own_kind(parts: KeyParts) -> None:
    issued = (await create(ADA, wanted("administrator", env="dev"), parts)).value
    behind = issued.key.principal
    assert (await create(behind, wanted("end_user"), parts)).value.key.env == "dev"
    with pytest.raises(Forbidden, match="development only"):
        await create(behind, wanted("end_user", env="live"), parts)


async def test_key_is_for_live_use_unless_said_otherwise(parts: KeyParts) -> None:
    assert (await create(ADA, wanted("end_user"), parts)).value.key.env == "live"


@pytest.mark.parametrize(
    ("key", "param"),
    [
        (wanted("end_user", label="  "), "label"),
        (wanted("end_user", label="x" * 121), "label"),
        (wanted("end_user", label="a\x1b[31m"), "label"),
        (wanted(), "roles"),
        (wanted("emperor"), "roles"),
        (wanted("end_user", days=0), "expires_in_days"),
        (wanted("end_user", days=3_651), "expires_in_days"),
        (wanted("end_user", per_day_usd=-1), "budget"),
        (wanted("end_user", per_century_usd=1), "budget"),
    ],
)
async def test_request_that_makes_no_sense_names_the_field(
    key: WantedKey, param: str, parts: KeyParts, kept: MemoryStore
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await create(ADA, key, parts)
    assert refused.value.param == param
    assert events(kept) == []


async def test_proof_made_for_reading_creates_no_key(parts: KeyParts) -> None:
    with pytest.raises(Forbidden):
        await create_key(authorise(ADA, Permission.KEY_READ), wanted("end_user"), parts)


async def test_budget_of_a_key_is_kept_in_its_words_and_on_record(parts: KeyParts) -> None:
    recorded = await create(ADA, wanted("end_user", per_day_usd=0.5, alert_at=["50%"]), parts)
    kept = parts.ring.get(recorded.value.key.public_id)
    assert kept is not None
    assert json.loads(kept.budget) == {"per_day_usd": 0.5, "alert_at": ["50%"]}
    facts = json.loads(recorded.entry.facts)
    assert (facts["budget"]["day_nano"], facts["budget"]["alert_at"]) == (500_000_000, [0.5])


async def test_who_has_a_budget_makes_no_key_that_may_spend_more(parts: KeyParts) -> None:
    bound = wanted("administrator", per_day_usd=1, tokens_per_minute=100)
    behind = (await create(ADA, bound, parts)).value.key.principal
    with pytest.raises(Forbidden, match="per_day_usd, tokens_per_minute"):
        await create(behind, wanted("end_user"), parts)
    with pytest.raises(Forbidden, match="yours: per_day_usd"):
        await create(behind, wanted("end_user", per_day_usd=1.01, tokens_per_minute=1), parts)
    within = wanted("end_user", per_day_usd=1, tokens_per_minute=100, per_month_usd=50)
    assert (await create(behind, within, parts)).value.key.budget
