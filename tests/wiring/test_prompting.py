"""Which version of a prompt is the newest."""

from dataclasses import replace

from passerelle.domain.prompts.versions import parse_prompt
from passerelle.wiring.prompting import by_age

TEXT = '+++\nrefusal = "No."\n+++\nAnswer from {{passages}}.\n'


def test_versions_are_put_in_order_by_the_numbers_in_their_names() -> None:
    version, faults = parse_prompt("v1", TEXT)
    assert version is not None, faults
    names = ("v10", "v9", "v2-short", "v2", "terse", "v1.10", "v1.9")
    ordered = [each.name for each in by_age([replace(version, name=name) for name in names])]
    assert ordered == ["terse", "v1.9", "v1.10", "v2", "v2-short", "v9", "v10"]
