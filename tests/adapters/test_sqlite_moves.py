"""Labels and stages that another process moves, as a running gateway sees them."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.adapters.store.sqlite import open_store
from passerelle.core.values.clock import SetClock
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import Ground, Label, LabelMoved, Warrant
from passerelle.domain.usecases.stages import StageMove, StageMoved
from tests.campaigns.ledgers import SIGNER

ONE, TWO = Digest("1" * 64), Digest("2" * 64)
LABEL = Label("lab_1", "fees", "acme", Stage.PILOT, ONE, "v1", Ground.COMPARED, 5, "per_dev")
MOVE = StageMove("stm_1", "fees", "acme", Stage.POC, Stage.PILOT, "", "per_dev", 5)


async def test_move_by_another_process_is_seen_within_a_second(
    tmp_path: Path, clock: SetClock
) -> None:
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as gateway,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as command,
    ):
        seen = gateway.labels.revision, gateway.stages.revision
        await command.labels.move(Warrant(LABEL, replaces=None))
        await command.stages.move(MOVE)
        assert (gateway.labels.revision, gateway.stages.revision) == seen
        clock.advance(seconds=1)
        assert gateway.labels.revision != seen[0]
        assert gateway.stages.revision != seen[1]
        assert gateway.labels.current("fees", Stage.PILOT, organisation="acme") == LABEL
        assert gateway.stages.current("fees", organisation="acme") is Stage.PILOT


async def test_own_move_is_seen_at_once_with_what_others_did_before(
    tmp_path: Path, clock: SetClock
) -> None:
    later = replace(LABEL, id="lab_2", version=TWO)
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as first,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as second,
    ):
        assert first.labels.history("fees", Stage.PILOT, organisation="acme") == ()
        await second.labels.move(Warrant(LABEL, replaces=None))
        await first.labels.move(Warrant(later, replaces=ONE))
        assert first.labels.history("fees", Stage.PILOT, organisation="acme") == (later, LABEL)


async def test_of_two_processes_that_move_the_same_label_one_is_refused(
    tmp_path: Path, clock: SetClock
) -> None:
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as first,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as second,
    ):
        ends = await asyncio.gather(
            first.labels.move(Warrant(LABEL, replaces=None)),
            second.labels.move(Warrant(replace(LABEL, id="lab_2", version=TWO), replaces=None)),
            return_exceptions=True,
        )
        assert [type(end) for end in ends if end is not None] == [LabelMoved]
        clock.advance(seconds=1)
        assert len(first.labels.history("fees", Stage.PILOT, organisation="acme")) == 1
        assert first.labels.revision == second.labels.revision


async def test_stage_that_another_process_has_moved_is_not_moved_from_where_it_was(
    tmp_path: Path, clock: SetClock
) -> None:
    with (
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as first,
        closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as second,
    ):
        assert first.stages.current("fees", organisation="acme") is None
        await second.stages.move(MOVE)
        with pytest.raises(StageMoved):
            await first.stages.move(replace(MOVE, id="stm_2"))


async def test_moves_outlive_the_process(tmp_path: Path, clock: SetClock) -> None:
    with closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as store:
        await store.labels.move(Warrant(LABEL, replaces=None))
        await store.stages.move(MOVE)
    with closing(open_store(tmp_path, clock=clock, signer=SIGNER)) as store:
        assert store.labels.current("fees", Stage.PILOT, organisation="acme") == LABEL
        assert store.stages.history("fees", organisation="acme") == (MOVE,)
