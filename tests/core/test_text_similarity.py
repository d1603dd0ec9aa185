import pytest

from passerelle.core.text.similarity import nearest, neighbourhood

KNOWN = neighbourhood(["garden", "polish", "bridge", "sea"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("garden", "garden"),
        ("gardn", "garden"),
        ("gardenn", "garden"),
        ("gasden", "garden"),
        ("gadren", "garden"),
        ("brigde", "bridge"),
        ("elephant", None),
        ("se", None),
        ("sex", None),
    ],
)
def test_a_slip_of_the_finger_is_understood(typed: str, meant: str | None) -> None:
    assert nearest(typed, KNOWN) == meant
