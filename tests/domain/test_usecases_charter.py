import pytest

from passerelle.core.values.chat import JsonValue
from passerelle.domain.usecases.charter import UNNAMED, parse_charter

KPI: dict[str, JsonValue] = {
    "name": "handling time",
    "unit": "minutes",
    "baseline": 14,
    "target": 9.5,
    "kill_value": 13,
    "higher_is_better": False,
}
ROLES: dict[str, JsonValue] = {
    "business_owner": "Ada",
    "developer": "Ben",
    "security": "Cleo",
    "compliance": "Dan",
}


def charter(kpi: dict[str, JsonValue], roles: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"goal": "Agents answer faster.", "kpi": kpi, "roles": roles}


def test_a_whole_charter_is_read() -> None:
    value, faults = parse_charter(charter(KPI, ROLES))
    assert faults == ()
    assert value is not None
    assert value.kpi.target == 9.5
    assert value.kpi.is_better(9, 10)
    assert value.roles.security == "Cleo"
    assert value.roles.unnamed == ()


@pytest.mark.parametrize("role", ROLES)
def test_each_missing_role_is_a_fault(role: str) -> None:
    roles = {name: holder for name, holder in ROLES.items() if name != role}
    value, faults = parse_charter(charter(KPI, roles))
    assert value is None
    assert [str(fault) for fault in faults] == [f"charter.roles.{role}: is missing"]


def test_a_role_that_nobody_holds_yet_is_told_apart() -> None:
    value, faults = parse_charter(charter(KPI, ROLES | {"security": UNNAMED.capitalize()}))
    assert faults == ()
    assert value is not None
    assert value.roles.unnamed == ("security",)


def test_a_charter_without_anything_names_every_missing_key() -> None:
    _, faults = parse_charter({})
    assert {".".join(map(str, fault.where)) for fault in faults} >= {
        "charter.goal",
        "charter.kpi",
        "charter.kpi.kill_value",
        "charter.roles",
        "charter.roles.compliance",
    }


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"target": 14}, "target"),
        ({"kill_value": 9}, "kill_value"),
        ({"higher_is_better": True}, "target"),
    ],
)
def test_figures_that_contradict_the_direction_are_refused(
    change: dict[str, JsonValue], key: str
) -> None:
    _, faults = parse_charter(charter(KPI | change, ROLES))
    assert key in {fault.where[-1] for fault in faults}
