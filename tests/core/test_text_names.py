import pytest

from passerelle.core.text.names import name_stems


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The bridge was built by Maria Keller.", {"maria", "keller"}),
        ("Maria Keller built it.", {"maria", "keller"}),
        ("Bridges are long.", set()),
        ("NASA sent it.", {"nasa"}),
        ("We met Jean-Luc in May.", {"jean", "luc"}),
        ("He said The and It.", set()),
        ("", set()),
    ],
)
def test_names_are_told_by_their_capitals(sentence: str, expected: set[str]) -> None:
    assert name_stems(sentence) == expected
