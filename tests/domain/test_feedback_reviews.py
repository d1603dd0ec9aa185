import pytest

from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.feedback.reviews import (
    LONGEST_CORRECTION,
    MOST_DOCUMENTS,
    checked_correction,
    checked_documents,
)


def test_correction_loses_the_white_space_around_it() -> None:
    assert checked_correction("  It is 5 %.\n") == "It is 5 %."


def test_correction_that_is_too_long_is_refused_with_its_length() -> None:
    assert checked_correction("x" * LONGEST_CORRECTION)
    with pytest.raises(InvalidRequest, match="8,001") as refused:
        checked_correction("x" * (LONGEST_CORRECTION + 1))
    assert refused.value.param == "correction"


def test_documents_are_named_once_each_in_order() -> None:
    assert checked_documents(["b.md", " a.md ", "", "b.md", "  "]) == ("b.md", "a.md")


def test_more_documents_than_are_kept_are_refused() -> None:
    many = [f"{number}.md" for number in range(MOST_DOCUMENTS)]
    assert len(checked_documents(many)) == MOST_DOCUMENTS
    with pytest.raises(InvalidRequest) as refused:
        checked_documents([*many, "one.md"])
    assert refused.value.param == "documents"
