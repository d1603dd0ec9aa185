import pytest

from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.feedback.flags import LONGEST_COMMENT, checked_comment


def test_comment_is_kept_without_the_white_space_around_it() -> None:
    assert checked_comment("  not so:\n the fee is 4 %\n") == "not so:\n the fee is 4 %"


def test_longest_comment_is_kept_and_one_more_character_is_refused() -> None:
    assert len(checked_comment("x" * LONGEST_COMMENT)) == LONGEST_COMMENT
    with pytest.raises(InvalidRequest, match="4,001 characters") as refused:
        checked_comment("x" * (LONGEST_COMMENT + 1))
    assert refused.value.param == "comment"
