"""Who am I, and which keys are there?"""

from typing import Literal

import msgspec
from litestar.params import FromPath, JSONBody

from passerelle.adapters.api.budgets import (
    Account,
    Budget,
    show_account,
    show_written,
    words_of,
)
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read, write
from passerelle.domain.budgets.views import AccountView
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.keys import ApiKey
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import Role, permissions_of
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.govern import keys


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The principal behind the credential."""

    id: str
    name: str
    kind: Literal["person", "service"]
    organisation: str
    team: str
    roles: list[str]
    permissions: list[Permission]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret, and the principal behind it."""

    public_id: str
    label: str
    env: str
    kind: Literal["person", "service"]
    principal: str
    team: str
    roles: list[str]
    created_at_ms: int
    expires_at_ms: int | None
    revoked_at_ms: int | None
    budget: Budget | None
    """Null for a key without one of its own."""
    standing: Account | None
    """What is spent of its budget, or of that of every key; null where nothing limits the
    key, and in the answer that makes or revokes it."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is asked for, with a new principal behind it."""

    label: str
    kind: Literal["person", "service"]
    roles: list[Role]
    expires_in_days: int | None = None
    budget: Budget | None = None
    """Within the caller's own, where the caller's key has one."""


class IssuedKey(Key, frozen=True, kw_only=True):
    """A new key with its plain text, which nobody can show again."""

    key: str


async def show_me(granted: Granted, _: ApiParts) -> Me:
    """The principal behind the credential, with its roles and permissions."""
    principal = granted.principal
    return Me(
        id=principal.id,
        name=principal.name,
        kind=principal.kind,
        organisation=principal.scope.organisation,
        team=principal.scope.team,
        roles=sorted(principal.roles),
        permissions=sorted(permissions_of(principal.roles)),
    )


async def list_keys(granted: Granted, parts: ApiParts) -> list[Key]:
    """Keys of the organisation, newest first, expired and revoked ones too."""
    listed = keys.list_keys(granted, parts.ring)
    return [show_key(key, parts.standing(key)) for key in listed]


async def create_key(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewKey]
) -> Recorded[keys.IssuedKey]:
    """A new key for a new principal, which may do no more than the caller."""
    wanted = keys.WantedKey(
        label=data.label,
        kind=data.kind,
        roles=frozenset(data.roles),
        expires_in_days=data.expires_in_days,
        budget=words_of(data.budget),
    )
    return await keys.create_key(granted, wanted, _key_parts(parts))


async def revoke_key(
    granted: Granted, parts: ApiParts, *, public_id: FromPath[str]
) -> Recorded[ApiKey]:
    """The key is dead when this returns."""
    return await keys.revoke_key(granted, public_id, _key_parts(parts))


def show_key(key: ApiKey, standing: AccountView | None = None) -> Key:
    return Key(
        public_id=key.public_id,
        label=key.label,
        env=key.env,
        kind=key.principal.kind,
        principal=key.principal.id,
        team=key.principal.scope.team,
        roles=sorted(key.principal.roles),
        created_at_ms=key.created_at_ms,
        expires_at_ms=key.expires_at_ms,
        revoked_at_ms=key.revoked_at_ms,
        budget=show_written(key.budget),
        standing=show_account(standing) if standing is not None else None,
    )


def show_revoked(key: ApiKey) -> Key:
    return show_key(key)


def show_issued(issued: keys.IssuedKey) -> IssuedKey:
    return IssuedKey(key=issued.plain, **msgspec.structs.asdict(show_key(issued.key)))


def _key_parts(parts: ApiParts) -> keys.KeyParts:
    return keys.KeyParts(parts.ring, parts.ledger, parts.clock, parts.pepper)


ROUTES = (
    read("/me", Permission.PROFILE_READ, show_me),
    read("/keys", Permission.KEY_READ, list_keys),
    write("POST", "/keys", Permission.KEY_CREATE, create_key, shows=show_issued, status=201),
    write("DELETE", "/keys/{public_id:str}", Permission.KEY_REVOKE, revoke_key, shows=show_revoked),
)
