"""What every store must do with keys and flags."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.keys import identify, mint

PEPPER = b"pepper"
PERSON = Principal(
    "person_1", "person", "Ada", Scope("acme", "support"), frozenset({"developer", "reviewer"})
)
FLAG = Flag("flag_1", "exc_1", FlagReason.WRONG, "no, é!", "person_1", 5, "acme")


async def test_key_lets_its_principal_in(store: Store) -> None:
    plain, key = mint(PERSON, pepper=PEPPER, label="laptop", now_ms=1, expires_at_ms=9, env="dev")
    await store.keys.add(key)
    assert store.keys.get(key.public_id) == key
    found = identify(plain, store.keys, pepper=PEPPER, now_ms=2)
    assert found == replace(PERSON, key_id=key.public_id)


def test_unknown_key_is_nobody(store: Store) -> None:
    assert store.keys.get("nobodys0") is None
    assert store.keys.all("acme") == ()


async def test_first_revocation_stays(store: Store) -> None:
    _, key = mint(PERSON, pepper=PEPPER, label="x", now_ms=1)
    await store.keys.add(key)
    await store.keys.revoke(key.public_id, at_ms=7)
    await store.keys.revoke(key.public_id, at_ms=8)
    await store.keys.revoke("nobodys0", at_ms=8)
    assert store.keys.get(key.public_id) == replace(key, revoked_at_ms=7)


async def test_keys_are_listed_by_organisation_newest_first(store: Store) -> None:
    theirs = replace(PERSON, scope=Scope("other", "sales"))
    keys = []
    for now_ms, principal in enumerate((PERSON, theirs, PERSON)):
        keys.append(mint(principal, pepper=PEPPER, label="x", now_ms=now_ms)[1])
        await store.keys.add(keys[-1])
    assert store.keys.all("acme") == (keys[2], keys[0])
    assert store.keys.all("other") == (keys[1],)


async def test_flags_are_listed_newest_first_by_organisation_and_exchange(store: Store) -> None:
    later = replace(FLAG, id="flag_2", at_ms=6, exchange_id="exc_2", reason=FlagReason.UNSAFE)
    theirs = replace(FLAG, id="flag_3", organisation="other")
    for flag in (FLAG, later, theirs):
        await store.flags.add(flag)
    assert store.flags.list(organisation="acme") == (later, FLAG)
    assert store.flags.list(organisation="acme", limit=1) == (later,)
    assert store.flags.list(organisation="acme", exchange_id="exc_1") == (FLAG,)
    assert store.flags.list(organisation="other") == (theirs,)


async def test_flagged_exchanges_are_known(store: Store) -> None:
    await store.flags.add(FLAG)
    wanted = ["exc_1", "exc_2"]
    assert store.flags.flagged(wanted, organisation="acme") == {"exc_1"}
    assert store.flags.flagged(wanted, organisation="other") == frozenset()
    assert store.flags.flagged([], organisation="acme") == frozenset()
