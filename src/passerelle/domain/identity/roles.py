"""Which role may do what."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from passerelle.domain.identity.permissions import Permission


class Role(StrEnum):
    """The parts that people and services play."""

    ADMINISTRATOR = "administrator"
    DEVELOPER = "developer"
    BUSINESS_OWNER = "business_owner"
    SECURITY = "security"
    COMPLIANCE = "compliance"
    REVIEWER = "reviewer"
    END_USER = "end_user"


_EVERYBODY = frozenset(
    {
        Permission.PROFILE_READ,
        Permission.MODEL_LIST,
        Permission.USECASE_READ,
        Permission.EXCHANGE_READ_OWN,
    }
)
_USER = _EVERYBODY | {
    Permission.EXCHANGE_CREATE,
    Permission.FLAG_CREATE,
    Permission.KNOWLEDGE_READ,
}
_OVERSIGHT = _EVERYBODY | {
    Permission.EXCHANGE_READ,
    Permission.FLAG_READ,
    Permission.KNOWLEDGE_READ,
    Permission.LEDGER_READ,
    Permission.METRICS_READ,
    Permission.PROMPT_READ,
    Permission.EVALUATION_READ,
}

_SIGNER = frozenset(
    {Permission.READINESS_READ, Permission.READINESS_SIGN, Permission.EVIDENCE_WRITE}
)

PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.DEVELOPER: _USER
    | _SIGNER
    | {
        Permission.MODEL_ASK,
        Permission.EXCHANGE_READ,
        Permission.FLAG_READ,
        Permission.KEY_CREATE,
        Permission.KEY_READ,
        Permission.KEY_REVOKE,
        Permission.LEDGER_READ,
        Permission.METRICS_READ,
        Permission.COST_READ,
        Permission.FLAG_REVIEW,
        Permission.CASE_WRITE,
        Permission.PROMPT_READ,
        Permission.PROMPT_PROMOTE,
        Permission.EVALUATION_RUN,
        Permission.EVALUATION_READ,
    },
    Role.BUSINESS_OWNER: _USER
    | _SIGNER
    | {
        Permission.USECASE_PROMOTE,
        Permission.EVALUATION_READ,
        Permission.EXCHANGE_READ,
        Permission.FLAG_READ,
        Permission.METRICS_READ,
        Permission.COST_READ,
        Permission.PROMPT_READ,
    },
    Role.SECURITY: _OVERSIGHT
    | _SIGNER
    | {
        Permission.KEY_READ,
        Permission.KEY_REVOKE,
        Permission.KEY_REVOKE_ANY,
        Permission.USECASE_PROMOTE,
    },
    Role.COMPLIANCE: _OVERSIGHT
    | _SIGNER
    | {Permission.EXCHANGE_READ_CONTENT, Permission.LEDGER_ERASE},
    Role.REVIEWER: _USER
    | {
        Permission.EXCHANGE_READ,
        Permission.EXCHANGE_READ_CONTENT,
        Permission.FLAG_READ,
        Permission.FLAG_REVIEW,
        Permission.CASE_WRITE,
        Permission.PROMPT_READ,
        Permission.EVALUATION_READ,
    },
    Role.END_USER: _USER,
}
"""Nobody but an administrator holds everything; only three roles read others' content.

Whoever may make keys and is no administrator lacks a permission of each other role that
signs: else they could make themselves the second signature.
"""


@lru_cache(maxsize=1024)
def permissions_of(roles: frozenset[str]) -> frozenset[Permission]:
    """The union over the roles; a role that nobody knows grants nothing."""
    held: frozenset[Permission] = frozenset()
    for role in roles:
        held |= PERMISSIONS.get(role, frozenset())
    return held


def unknown_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Names that are no role, sorted."""
    return tuple(sorted(role for role in set(roles) if role not in PERMISSIONS))
