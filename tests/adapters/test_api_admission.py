from dataclasses import dataclass, replace
from typing import cast

import pytest

from passerelle.adapters.api.app import ROUTES, control_plane
from passerelle.adapters.api.routes import Route
from passerelle.core.values.errors import InvalidConfiguration
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.keys import mint
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import PERMISSIONS, Role
from tests.adapters.plane import Plane
from tests.stories.office import PEPPER, ended, person

ASKER = person("asker", "end_user")
NAMES = {
    "exchange_id": "exc_1",
    "usecase": "handbook",
    "passage_id": "psg_1",
    "flag_id": "flg_1",
}
BODIES: dict[str, object] = {
    "create_key": {"label": "job", "kind": "service", "roles": ["end_user"]},
    "create_flag": {"exchange_id": "exc_1", "reason": "wrong"},
    "create_review": {"flag_id": "flg_1", "cause": "model", "correction": "It is 5 %."},
    "create_case": {"flag_id": "flg_1"},
    "create_promotion": {"usecase": "handbook", "stage": "pilot", "version": "v2"},
    "create_rollback": {"usecase": "handbook", "stage": "poc"},
    "create_signoff": {
        "usecase": "handbook",
        "role": "security",
        "meaning": "approve",
        "reason": "Tested.",
    },
    "create_stage_move": {"usecase": "handbook", "to": "retired"},
}
QUERIES = {"show_projection": "?users=10"}
ABOUT_AN_EXCHANGE = {"show_exchange", "create_flag"}
"""Their object is another's exchange here: who may not see it does not find it."""
NEEDS_BESIDES: dict[str, Permission | Role] = {
    "create_case": Permission.EXCHANGE_READ_CONTENT,
    "create_signoff": Role.SECURITY,
}
"""A case holds what another asked; a signature is given by who holds its role."""


@dataclass
class Asked:
    """A plane of `acme` with something for each route to act on, and a request for each."""

    plane: Plane
    public_id: str

    async def ask(self, route: Route, key: str) -> tuple[int, str]:
        path = route.path
        for name in route.signature.parameters:
            path = path.replace(f"{{{name}:str}}", NAMES.get(name, self.public_id))
        path += QUERIES.get(route.name, "")
        body = BODIES[route.name] if route.takes_body else None
        response = await self.plane.call(route.method, path, key=key, json=body)
        return response.status_code, response.text


@pytest.fixture
async def asked() -> Asked:
    plane = Plane()
    await ended(plane.store, plane.clock, ASKER)
    await plane.desk.evaluated("v1", right=3)
    await plane.desk.evaluated("v2", right=4)
    await plane.desk.labelled("v2", Stage.POC)
    await plane.desk.reviewed("flg_1", "exc_1")
    return Asked(plane, (await plane.key_of(person("victim", "end_user"))).split("-")[2])


def expected(route: Route, role: str) -> int:
    held = PERMISSIONS[role]
    if route.permission not in held:
        return 403
    if route.name in ABOUT_AN_EXCHANGE and Permission.EXCHANGE_READ not in held:
        return 404
    also = NEEDS_BESIDES.get(route.name)
    if isinstance(also, Permission) and also not in held:
        return 403
    if isinstance(also, Role) and also != role:
        return 403
    return route.status


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_role_gets_exactly_what_the_table_says(route: Route, role: str, asked: Asked) -> None:
    key = await asked.plane.key_of(person(role, role))
    status, _ = await asked.ask(route, key)
    assert status == expected(route, role)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_nothing_is_given_without_a_key_that_counts(route: Route, asked: Asked) -> None:
    plane, admin = asked.plane, person("ada", "administrator")
    good = await plane.key_of(admin)
    unknown, _ = mint(admin, pepper=PEPPER, label="", now_ms=0)
    expired = await plane.key_of(admin, expires_at_ms=plane.clock.now_ms())
    revoked = await plane.key_of(admin)
    await plane.store.keys.revoke(revoked.split("-")[2], at_ms=0)
    for key in ("", "x", good[:-1], good.upper(), unknown, expired, revoked):
        assert (await asked.ask(route, key))[0] == 401


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_key_without_a_known_role_gets_nothing(route: Route, asked: Asked) -> None:
    key = await asked.plane.key_of(person("nobody", "emperor"))
    assert (await asked.ask(route, key))[0] == 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_administrator_of_another_organisation_sees_nothing_of_this_one(
    route: Route, asked: Asked
) -> None:
    key = await asked.plane.key_of(person("eve", "administrator", organisation="other"))
    before = asked.plane.store.keys.all("acme")
    status, text = await asked.ask(route, key)
    names_an_object = "{" in route.path or route.name in set(BODIES) - {"create_key"}
    nothing = 400 if route.name == "show_projection" else route.status
    assert status == (404 if names_an_object else nothing)
    assert not any(name in text for name in ("exc_1", "psg_1", "acme", asked.public_id))
    assert asked.plane.store.keys.all("acme") == before
    assert len(asked.plane.store.flags.list(organisation="acme")) == 1
    assert asked.plane.store.stages.current("handbook", organisation="acme") is None
    assert not asked.plane.store.signoffs.list("handbook", organisation="acme")


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.method != "GET" and route.name != "verify_ledger"],
    ids=lambda route: route.name,
)
async def test_whatever_changes_something_leaves_its_outcome_in_the_ledger(
    route: Route, asked: Asked
) -> None:
    key = await asked.plane.key_of(person("ada", "administrator", "security"))
    assert (await asked.ask(route, key))[0] == route.status
    newest = asked.plane.store.ledger.entries(organisation="acme", limit=1)[0]
    assert newest.event.endswith(".done")
    assert newest.principal == "per_ada"


async def test_admission_comes_before_the_body_is_looked_at() -> None:
    plane = Plane()
    refused = await plane.call("POST", "keys", content=b"{", key="x")
    assert refused.status_code == 401


def test_start_fails_when_an_endpoint_declares_no_permission() -> None:
    nothing = cast("Permission", None)
    undeclared = replace(ROUTES[0], permission=nothing, path="/api/v1/forgotten")
    with pytest.raises(InvalidConfiguration, match=r"forgotten.*declares no permission"):
        control_plane(Plane().parts, routes=(*ROUTES, undeclared))


async def test_only_the_description_of_the_api_is_public(asked: Asked) -> None:
    assert (await asked.plane.call("GET", "openapi.json")).status_code == 200
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await asked.plane.call(method, "openapi.json")).status_code == 405
