from dataclasses import replace

import pytest

from passerelle.domain.evaluation.cases import Case, from_flag
from passerelle.domain.evaluation.datasets import Dataset, assemble
from tests.domain.trials import CASES, FEE, MOON, REFUND


def test_the_version_is_the_same_whatever_the_order() -> None:
    assert Dataset("fees", CASES).version == Dataset("fees", CASES[::-1]).version


@pytest.mark.parametrize(
    "changed",
    [
        replace(FEE, question="What does it cost?"),
        replace(FEE, reference="5 percent"),
        replace(FEE, documents=()),
        replace(FEE, slice="numbers"),
        replace(FEE, provenance=from_flag("flg_1")),
    ],
)
def test_the_version_changes_with_every_field(changed: Case) -> None:
    assert Dataset("fees", (changed, MOON)).version != Dataset("fees", (FEE, MOON)).version


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="fee"):
        Dataset("fees", (FEE, FEE))


def test_slices_and_provenance_are_told() -> None:
    dataset = Dataset("fees", (*CASES[:2], replace(MOON, provenance=from_flag("flg_1"))))
    assert dataset.slices == ("facts", "far")
    assert dataset.provenance == {"file": 2, "flag": 1}


def test_a_collected_case_that_was_copied_into_the_file_counts_once() -> None:
    collected = replace(FEE, reference="an older text", provenance=from_flag("flg_1"))
    dataset = assemble("fees", (FEE, MOON), (collected, REFUND))
    assert dataset.cases == (FEE, MOON, REFUND)
