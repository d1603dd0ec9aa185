"""Proof that somebody was allowed to do something."""

from dataclasses import dataclass

from passerelle.core.values.errors import Refusal
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import permissions_of


class Forbidden(Refusal):
    """Your roles do not allow this."""

    status = 403
    code = "permission_denied"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Granted:
    """A principal holds a permission. Made by `authorise` only; a story that writes needs one."""

    principal: Principal
    permission: Permission

    def require(self, permission: Permission) -> None:
        """Refuses a proof that was made for something else."""
        if self.permission is not permission:
            raise Forbidden(f"It needs {permission}.")


def holds(principal: Principal, permission: Permission) -> bool:
    """Does any of the principal's roles carry the permission?"""
    return permission in permissions_of(principal.roles)


def authorise(principal: Principal, permission: Permission) -> Granted:
    """The proof, or `Forbidden`."""
    if not holds(principal, permission):
        raise Forbidden(f"It needs {permission}.")
    return Granted(principal, permission)
