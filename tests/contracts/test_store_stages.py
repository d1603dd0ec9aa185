"""What every store must do with moves of use cases."""

from dataclasses import replace

import pytest

from passerelle.adapters.store.stores import Store
from passerelle.core.values.scope import Stage
from passerelle.domain.usecases.stages import StageMove, StageMoved

MOVE = StageMove(
    id="stm_1",
    usecase="fees",
    organisation="acme",
    before=Stage.POC,
    to=Stage.PILOT,
    reason="signed, é",
    by="per_owner",
    at_ms=9,
)


async def test_use_case_that_nobody_moved_is_where_its_file_says(store: Store) -> None:
    assert store.stages.current("fees", organisation="acme") is None
    assert store.stages.history("fees", organisation="acme") == ()


async def test_last_move_says_where_a_use_case_is(store: Store) -> None:
    back = replace(MOVE, id="stm_2", before=Stage.PILOT, to=Stage.POC, at_ms=1)
    before = store.stages.revision
    await store.stages.move(MOVE)
    assert store.stages.current("fees", organisation="acme") is Stage.PILOT
    assert store.stages.revision != before
    await store.stages.move(back)
    assert store.stages.current("fees", organisation="acme") is Stage.POC
    assert store.stages.history("fees", organisation="acme") == (back, MOVE)


async def test_move_that_begins_elsewhere_is_refused_and_not_kept(store: Store) -> None:
    await store.stages.move(MOVE)
    with pytest.raises(StageMoved, match="pilot"):
        await store.stages.move(replace(MOVE, id="stm_2"))
    assert store.stages.history("fees", organisation="acme") == (MOVE,)


async def test_moves_of_others_are_not_seen(store: Store) -> None:
    await store.stages.move(MOVE)
    assert store.stages.current("fees", organisation="other") is None
    assert store.stages.current("trips", organisation="acme") is None
    await store.stages.move(replace(MOVE, organisation="other"))
    assert store.stages.current("fees", organisation="other") is Stage.PILOT
