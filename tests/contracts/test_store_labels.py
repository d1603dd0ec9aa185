"""What every store must do with prompt labels."""

from dataclasses import replace

import pytest

from passerelle.adapters.store.stores import Store
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import Ground, Label, LabelMoved, Warrant

ONE, TWO = Digest("1" * 64), Digest("2" * 64)
LABEL = Label(
    id="lab_1",
    usecase="fees",
    organisation="acme",
    stage=Stage.PILOT,
    version=TWO,
    name="v2",
    ground=Ground.COMPARED,
    at_ms=9,
    by="per_dev",
    reason="shorter, é",
)


async def test_label_that_nobody_moved_is_none(store: Store) -> None:
    assert store.labels.current("fees", Stage.PILOT, organisation="acme") is None
    assert store.labels.history("fees", Stage.PILOT, organisation="acme") == ()


async def test_last_move_says_what_is_in_place(store: Store) -> None:
    back = replace(LABEL, id="lab_2", version=ONE, ground=Ground.ROLLED_BACK, at_ms=1)
    before = store.labels.revision
    await store.labels.move(Warrant(LABEL, replaces=None))
    between = store.labels.revision
    await store.labels.move(Warrant(back, replaces=TWO))
    assert store.labels.current("fees", Stage.PILOT, organisation="acme") == back
    assert store.labels.history("fees", Stage.PILOT, organisation="acme") == (back, LABEL)
    assert len({before, between, store.labels.revision}) == 3


async def test_labels_of_other_stages_use_cases_and_organisations_stay_apart(store: Store) -> None:
    others = (
        replace(LABEL, id="lab_2", stage=Stage.LIMITED),
        replace(LABEL, id="lab_3", usecase="trips"),
        replace(LABEL, id="lab_4", organisation="other"),
    )
    for label in (LABEL, *others):
        await store.labels.move(Warrant(label, replaces=None))
    assert store.labels.current("fees", Stage.PILOT, organisation="acme") == LABEL
    assert store.labels.history("fees", Stage.LIMITED, organisation="acme") == (others[0],)
    assert store.labels.current("trips", Stage.PILOT, organisation="acme") == others[1]
    assert store.labels.current("fees", Stage.PILOT, organisation="other") == others[2]


@pytest.mark.parametrize("replaces", [None, Digest("3" * 64)], ids=["none", "another"])
async def test_warrant_against_a_version_that_is_no_longer_in_place_moves_nothing(
    store: Store, replaces: Digest | None
) -> None:
    await store.labels.move(Warrant(LABEL, replaces=None))
    late = replace(LABEL, id="lab_2", version=ONE)
    with pytest.raises(LabelMoved):
        await store.labels.move(Warrant(late, replaces=replaces))
    assert store.labels.history("fees", Stage.PILOT, organisation="acme") == (LABEL,)


async def test_warrant_that_replaces_a_label_nobody_set_moves_nothing(store: Store) -> None:
    with pytest.raises(LabelMoved):
        await store.labels.move(Warrant(LABEL, replaces=ONE))
    assert store.labels.current("fees", Stage.PILOT, organisation="acme") is None
