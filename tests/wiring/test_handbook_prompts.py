"""The handbook's own prompts against its own cases, through the serving path."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.adapters.store.stores import Store
from passerelle.core.values.scope import Stage
from passerelle.domain.evaluation.summaries import Evaluation
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.prompts.labels import Label
from passerelle.stories.improve.promote import WouldBreak, promote
from passerelle.wiring.asking import evaluate_model
from passerelle.wiring.improving import promotion_parts
from passerelle.wiring.installation import Installation, Told, opened_store, read_installation
from passerelle.wiring.serving import open_deployments

ROOT = Path(__file__).parents[2]
IN_PLACE = "handbook@pilot"


class Handbook:
    """The bundled use case in a folder of its own, with prompts of the test beside its own."""

    def __init__(self, installation: Installation, store: Store) -> None:
        self._installation = installation
        self._store = store

    async def evaluate(self, version: str = "") -> Evaluation:
        model = f"{IN_PLACE}#{version}" if version else IN_PLACE
        return await evaluate_model(self._installation, self._store, model, lambda _: None)

    async def promote(self, version: str) -> Recorded[Label]:
        deployments = open_deployments(self._installation, self._store)
        return await promote(
            authorise(self._installation.operator, Permission.PROMPT_PROMOTE),
            promotion_parts(self._installation, self._store, deployments),
            usecase="handbook",
            to_stage=Stage.PILOT,
            version=version,
        )


@pytest.fixture
def handbook(tmp_path: Path) -> Iterator[Handbook]:
    shutil.copytree(ROOT / "usecases" / "handbook", tmp_path / "usecases" / "handbook")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "passerelle.toml", tmp_path)
    prompts = tmp_path / "usecases" / "handbook" / "prompts"
    written = (prompts / "v1.md").read_text("utf-8")
    terse = written.replace("sentences = 3", "sentences = 1")
    terse = terse.replace("refuse_below = 0.5", "refuse_below = 0.8")
    assert terse != written
    (prompts / "v3.md").write_text(terse, "utf-8")
    installation = read_installation(Told(tmp_path, data=tmp_path / "data"))
    with opened_store(installation) as store:
        yield Handbook(installation, store)


@pytest.mark.slow
async def test_second_version_breaks_no_case_and_mends_some(handbook: Handbook) -> None:
    before = await handbook.evaluate()
    after = await handbook.evaluate("v2")
    label = (await handbook.promote("v2")).value
    assert label.name == "v2"
    right = [sum(each.right for each in found.judged) for found in (before, after)]
    assert right[1] > right[0]


@pytest.mark.slow
async def test_terse_and_timid_version_is_refused_with_the_cases_that_it_breaks(
    handbook: Handbook,
) -> None:
    before = await handbook.evaluate()
    after = await handbook.evaluate("v3")
    with pytest.raises(WouldBreak) as refused:
        await handbook.promote("v3")
    broken = refused.value.comparison.broken
    was_right = {each.case.id for each in before.judged if each.right}
    is_right = {each.case.id for each in after.judged if each.right}
    assert set(broken) == was_right - is_right
    assert len(broken) >= 10
    assert broken[0] in refused.value.message
