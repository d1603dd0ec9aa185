"""API keys: created, listed, revoked; each by somebody who may, each on record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.ids import canonical_bytes, new_id
from passerelle.core.values.principals import Principal
from passerelle.domain.budgets.limits import Budget, beyond, parse_budget, written_budget
from passerelle.domain.identity.grants import Forbidden, Granted, holds
from passerelle.domain.identity.keys import DEVELOPMENT, LIVE, ApiKey, KeyRing, mint
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import permissions_of, unknown_roles
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import KEY_CREATE, KEY_REVOKE

DAY_MS = 86_400_000
LONGEST_LIFE_DAYS = 3_650
LONGEST_LABEL = 120
_ID_PREFIXES = {"person": "per", "service": "svc"}


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What the administration of keys needs."""

    ring: KeyRing
    ledger: Ledger
    clock: Clock
    pepper: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key that somebody asks for, and the new principal behind it."""

    label: str
    """Also the principal's name."""
    kind: Literal["person", "service"]
    roles: frozenset[str]
    expires_in_days: int | None = None
    """None for a key that does not expire."""
    env: str | None = None
    """None for that of the key that asks, else `live`."""
    budget: Mapping[str, JsonValue] = field(default_factory=dict)
    """In the words of `[budget]`; empty for a key without one of its own."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; nobody can show the plain text again."""

    plain: str = field(repr=False)
    key: ApiKey


async def create_key(granted: Granted, wanted: WantedKey, parts: KeyParts) -> Recorded[IssuedKey]:
    """A key for a new principal of the grantor's organisation and team.

    It may do and spend no more than its grantor, and a key for development makes no
    other kind. Raises `InvalidRequest` and `Forbidden`.
    """
    granted.require(Permission.KEY_CREATE)
    _check(wanted)
    _check_within(granted.principal, wanted.roles)
    budget = _budget(granted.principal, wanted, parts.ring)
    issued = _issue(granted.principal, wanted, parts)

    async def keep() -> IssuedKey:
        await parts.ring.add(issued.key)
        return issued

    facts: dict[str, JsonValue] = {
        "principal": issued.key.principal.id,
        "kind": wanted.kind,
        "roles": list[JsonValue](sorted(wanted.roles)),
        "env": issued.key.env,
        "expires_at_ms": issued.key.expires_at_ms,
    }
    if budget is not None:
        facts["budget"] = dict(budget.told)
    draft = _draft(granted, KEY_CREATE, issued.key, facts=facts, at_ms=issued.key.created_at_ms)
    return await record(parts.ledger, draft, keep)


def list_keys(granted: Granted, ring: KeyRing) -> tuple[ApiKey, ...]:
    """Keys of the principal's organisation, newest first, dead ones too."""
    granted.require(Permission.KEY_READ)
    return ring.all(granted.principal.scope.organisation)


async def revoke_key(granted: Granted, public_id: str, parts: KeyParts) -> Recorded[ApiKey]:
    """Kills a key of the organisation at once; repeating it changes nothing.

    A key that may do more than the principal takes `key:revoke_any`.
    """
    granted.require(Permission.KEY_REVOKE)
    principal, now_ms = granted.principal, parts.clock.now_ms()
    key = _own(principal, public_id, parts.ring)
    if not holds(principal, Permission.KEY_REVOKE_ANY):
        _check_within(principal, key.principal.roles)

    async def kill() -> ApiKey:
        await parts.ring.revoke(public_id, at_ms=now_ms)
        return _own(principal, public_id, parts.ring)

    facts: dict[str, JsonValue] = {"principal": key.principal.id}
    draft = _draft(granted, KEY_REVOKE, key, facts=facts, at_ms=now_ms)
    return await record(parts.ledger, draft, kill)


def _check(wanted: WantedKey) -> None:
    if not wanted.label.strip() or len(wanted.label) > LONGEST_LABEL:
        raise InvalidRequest(f"A label has 1 to {LONGEST_LABEL} characters.", param="label")
    if not wanted.label.isprintable():
        raise InvalidRequest("A label has no control characters.", param="label")
    if not wanted.roles:
        raise InvalidRequest("A key needs at least one role.", param="roles")
    if strangers := unknown_roles(wanted.roles):
        raise InvalidRequest(f"There is no role {strangers[0]!r}.", param="roles")
    days = wanted.expires_in_days
    if days is not None and not 1 <= days <= LONGEST_LIFE_DAYS:
        detail = f"A key lives 1 to {LONGEST_LIFE_DAYS:,} days."
        raise InvalidRequest(detail, param="expires_in_days")


def _check_within(principal: Principal, roles: frozenset[str]) -> None:
    beyond = permissions_of(roles) - permissions_of(principal.roles)
    if beyond:
        raise Forbidden(f"The key may do more than you: {', '.join(sorted(beyond))}.")


def _issue(grantor: Principal, wanted: WantedKey, parts: KeyParts) -> IssuedKey:
    now_ms, days = parts.clock.now_ms(), wanted.expires_in_days
    behind = Principal(
        id=new_id(_ID_PREFIXES[wanted.kind], parts.clock),
        kind=wanted.kind,
        name=wanted.label.strip(),
        scope=grantor.scope,
        roles=wanted.roles,
    )
    while True:
        plain, key = mint(
            behind,
            pepper=parts.pepper,
            label=behind.name,
            now_ms=now_ms,
            expires_at_ms=None if days is None else now_ms + days * DAY_MS,
            env=_environment(grantor, wanted, parts.ring),
        )
        if parts.ring.get(key.public_id) is None:
            budget = canonical_bytes(dict(wanted.budget)).decode() if wanted.budget else ""
            return IssuedKey(plain, replace(key, budget=budget))


def _budget(grantor: Principal, wanted: WantedKey, ring: KeyRing) -> Budget | None:
    """None for a key without one. Who has a budget gives none that allows more."""
    budget, faults = parse_budget(wanted.budget)
    if budget is None:
        told = "; ".join(f"{fault.where[-1]} {fault.message}" for fault in faults)
        raise InvalidRequest(f"The budget cannot be kept: {told}.", param="budget")
    grantors = ring.get(grantor.key_id) if grantor.key_id else None
    own = written_budget(grantors.budget) if grantors is not None else None
    if own is not None and (words := beyond(budget, own)):
        raise Forbidden(f"The key may spend more than yours: {', '.join(words)}.")
    return budget if wanted.budget else None


def _environment(grantor: Principal, wanted: WantedKey, ring: KeyRing) -> str:
    own = ring.get(grantor.key_id) if grantor.key_id else None
    inherited = own.env if own is not None else LIVE
    if inherited == DEVELOPMENT and wanted.env not in (None, DEVELOPMENT):
        raise Forbidden("A key for development makes keys for development only.")
    return wanted.env or inherited


def _own(principal: Principal, public_id: str, ring: KeyRing) -> ApiKey:
    key = ring.get(public_id)
    if key is None or key.principal.scope.organisation != principal.scope.organisation:
        raise NotFound("See GET /api/v1/keys for yours.")
    return key


def _draft(
    granted: Granted, event: str, key: ApiKey, *, facts: dict[str, JsonValue], at_ms: int
) -> Draft:
    # The label may hold a person's name, and facts are kept for ever: it stays out.
    return Draft(
        event=event,
        at_ms=at_ms,
        scope=granted.principal.scope,
        principal=granted.principal.id,
        subject=key.public_id,
        facts=facts,
    )
