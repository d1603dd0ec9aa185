"""Keys that another process changes, and a folder that fails."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.adapters.store.control import SqliteControl
from passerelle.adapters.store.sqlite import open_store
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import Unavailable
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.keys import mint
from tests.campaigns.ledgers import SIGNER

PERSON = Principal("person_1", "person", "Ada", Scope("acme", "it"), frozenset({"developer"}))


async def test_change_by_another_process_is_seen_within_a_second(
    tmp_path: Path, clock: SetClock
) -> None:
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as gateway,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as command,
    ):
        _, key = mint(PERSON, pepper=b"p", label="x", now_ms=1)
        assert gateway.keys.get(key.public_id) is None
        await command.keys.add(key)
        assert gateway.keys.get(key.public_id) is None
        clock.advance(seconds=1)
        assert gateway.keys.get(key.public_id) == key
        await command.keys.revoke(key.public_id, at_ms=5)
        clock.advance(seconds=1)
        found = gateway.keys.get(key.public_id)
        assert found is not None
        assert found.revoked_at_ms == 5


async def test_changes_from_both_sides_are_all_kept(tmp_path: Path, clock: SetClock) -> None:
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as first,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as second,
    ):
        keys = [mint(PERSON, pepper=b"p", label="x", now_ms=number)[1] for number in range(6)]
        for number, key in enumerate(keys):
            await (first if number % 2 else second).keys.add(key)
        assert first.keys.all("acme") == second.keys.all("acme") == tuple(reversed(keys))


async def test_keys_and_flags_outlive_the_process(tmp_path: Path, clock: SetClock) -> None:
    _, minted = mint(PERSON, pepper=b"p", label="x", now_ms=1)
    key = replace(minted, budget='{"per_day_usd":0.5}')
    flag = Flag("flag_1", "exc_1", FlagReason.OTHER, "", "person_1", 5, "acme")
    with closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as store:
        await store.keys.add(key)
        await store.flags.add(flag)
    with closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as store:
        assert store.keys.get(key.public_id) == key
        assert store.flags.list(organisation="acme") == (flag,)


def test_missing_folder_is_unavailable_not_empty(tmp_path: Path, clock: SetClock) -> None:
    folder = tmp_path / "data"
    open_store(folder, clock=clock, signer=SIGNER).close()
    shutil.rmtree(folder)
    with pytest.raises(Unavailable):
        SqliteControl(folder / "passerelle.db", clock)
