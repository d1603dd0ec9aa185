import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import (
    LONGEST_REASON,
    Ground,
    Label,
    checked_reason,
    promoted,
)


def label(number: int, ground: Ground) -> Label:
    return Label(
        id=f"lbl_{number}",
        usecase="fees",
        organisation="acme",
        stage=Stage.PILOT,
        version=Digest(f"{number:064}"),
        name=f"v{number}",
        ground=ground,
        at_ms=-number,
        by="per_dev",
    )


def history(moves: str) -> tuple[Label, ...]:
    """`+` for a promotion, `-` for a roll-back, in order; as a book gives it."""
    grounds = {"+": Ground.COMPARED, "-": Ground.ROLLED_BACK}
    return tuple(reversed([label(n, grounds[move]) for n, move in enumerate(moves)]))


@pytest.mark.parametrize(
    ("moves", "standing"),
    [
        ("", []),
        ("+", [0]),
        ("++", [0, 1]),
        ("++-", [0]),
        ("++--", []),
        ("+-+", [2]),
        ("++-+-", [0]),
        ("++-+--", []),
    ],
)
def test_roll_backs_undo_promotions_from_the_last_on(moves: str, standing: list[int]) -> None:
    assert [one.name for one in promoted(history(moves))] == [f"v{n}" for n in standing]


@given(st.text("+-", max_size=30))
def test_what_stands_are_promotions_in_their_order(moves: str) -> None:
    standing = promoted(history(moves))
    assert all(one.ground is Ground.COMPARED for one in standing)
    assert [one.at_ms for one in standing] == sorted((one.at_ms for one in standing), reverse=True)
    assert len(standing) >= moves.count("+") - moves.count("-")


def test_reason_is_trimmed_and_bounded() -> None:
    assert checked_reason(" shorter\n") == "shorter"
    with pytest.raises(InvalidRequest, match="1,001") as refused:
        checked_reason("x" * (LONGEST_REASON + 1))
    assert refused.value.param == "reason"
