import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import Forbidden, authorise, holds
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import PERMISSIONS, Role, permissions_of, unknown_roles


def who(*roles: str) -> Principal:
    return Principal("per_1", "person", "Ada", Scope("acme", "claims"), frozenset(roles))


def test_every_role_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_held_by_some_role(permission: Permission) -> None:
    assert any(permission in held for held in PERMISSIONS.values())


def test_only_the_administrator_holds_everything() -> None:
    everything = frozenset(Permission)
    assert [role for role, held in PERMISSIONS.items() if held == everything] == ["administrator"]


def test_others_content_is_read_by_reviewers_compliance_and_administrators_only() -> None:
    readers = {
        role for role, held in PERMISSIONS.items() if Permission.EXCHANGE_READ_CONTENT in held
    }
    assert readers == {Role.REVIEWER, Role.COMPLIANCE, Role.ADMINISTRATOR}


def test_no_key_maker_but_the_administrator_can_make_a_second_signer() -> None:
    signers = [role for role, held in PERMISSIONS.items() if Permission.READINESS_SIGN in held]
    makers = [role for role, held in PERMISSIONS.items() if Permission.KEY_CREATE in held]
    for maker in set(makers) - {Role.ADMINISTRATOR}:
        for signer in set(signers) - {maker}:
            assert PERMISSIONS[signer] - PERMISSIONS[maker], f"{maker} makes keys of {signer}"


def test_end_user_sees_nothing_of_others() -> None:
    assert not PERMISSIONS[Role.END_USER] & {
        Permission.EXCHANGE_READ,
        Permission.EXCHANGE_READ_CONTENT,
        Permission.FLAG_READ,
        Permission.KEY_READ,
        Permission.LEDGER_READ,
    }


@given(st.frozensets(st.sampled_from(Role)), st.frozensets(st.sampled_from(Role)))
def test_permissions_of_roles_are_the_union(first: frozenset[str], second: frozenset[str]) -> None:
    assert permissions_of(first | second) == permissions_of(first) | permissions_of(second)


@given(st.frozensets(st.text()))
def test_role_that_nobody_knows_grants_nothing(roles: frozenset[str]) -> None:
    strangers = roles - set(Role)
    assert permissions_of(frozenset(strangers)) == frozenset()
    assert set(unknown_roles(roles)) == strangers


@given(st.frozensets(st.sampled_from(Role)), st.sampled_from(Permission))
def test_proof_is_made_exactly_when_a_role_carries_the_permission(
    roles: frozenset[str], permission: Permission
) -> None:
    principal = who(*roles)
    if any(permission in PERMISSIONS[role] for role in roles):
        granted = authorise(principal, permission)
        assert (granted.principal, granted.permission) == (principal, permission)
        assert holds(principal, permission)
    else:
        with pytest.raises(Forbidden, match=permission) as refused:
            authorise(principal, permission)
        assert (refused.value.status, refused.value.code) == (403, "permission_denied")
        assert not holds(principal, permission)


def test_proof_for_one_thing_is_no_proof_for_another() -> None:
    granted = authorise(who("administrator"), Permission.MODEL_LIST)
    granted.require(Permission.MODEL_LIST)
    with pytest.raises(Forbidden, match="key:create"):
        granted.require(Permission.KEY_CREATE)


@pytest.mark.parametrize("role", ["business_owner", "security", "compliance"])
def test_whoever_signs_on_an_evaluation_may_read_it(role: str) -> None:
    assert Permission.EVALUATION_READ in permissions_of(frozenset({role}))
