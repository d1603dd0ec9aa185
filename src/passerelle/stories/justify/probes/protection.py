"""Guards, keys, listener, ledger and retention as they are."""

from ipaddress import ip_address

from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.identity.keys import DEVELOPMENT, ApiKey
from passerelle.domain.readiness.checks import DAY_MS
from passerelle.domain.readiness.facts import Guarding, Keys, Reach, Retention
from passerelle.domain.usecases.profiles import DataClass
from passerelle.stories.justify.candidates import Inquiry, Listener
from passerelle.stories.justify.traffic import entries_since

YEAR_MS = 366 * DAY_MS
UNUSED_MS = 30 * DAY_MS
MOST_ENTRIES = 20_000
"""Entries searched for the use of old keys, newest first."""


def look_at_guards(guards: tuple[GuardPolicy, ...]) -> Guarding:
    acting: dict[str, frozenset[str]] = {}
    for policy in guards:
        if policy.action != "annotate":
            for surface in policy.surfaces:
                acting[surface] = acting.get(surface, frozenset()) | {policy.guard.name}
    return Guarding(acting)


def look_at_keys(inquiry: Inquiry) -> Keys:
    now_ms = inquiry.now_ms
    alive = [key for key in inquiry.parts.keys.all(inquiry.organisation) if _alive(key, now_ms)]
    old = [key for key in alive if now_ms - key.created_at_ms >= UNUSED_MS]
    used = _used(old, inquiry)
    return Keys(
        alive=tuple(key.public_id for key in alive),
        development=tuple(key.public_id for key in alive if key.env == DEVELOPMENT),
        unending=tuple(
            key.public_id
            for key in alive
            if key.expires_at_ms is None or key.expires_at_ms - now_ms > YEAR_MS
        ),
        unused=tuple(key.public_id for key in old if key.principal.id not in used),
    )


def look_at_listener(listener: Listener) -> Reach:
    try:
        loopback = ip_address(listener.host).is_loopback
    except ValueError:
        loopback = listener.host == "localhost"
    return Reach(listener.host, loopback=loopback, tls=listener.tls)


def look_at_retention(inquiry: Inquiry) -> Retention:
    data_class = inquiry.candidate.profile.data_class
    return Retention(
        data_class=data_class,
        sensitive=data_class.rank >= DataClass.PERSONAL.rank,
        keeps_content=inquiry.candidate.at(inquiry.target).policy.keep_content,
    )


def _alive(key: ApiKey, now_ms: int) -> bool:
    ended = key.expires_at_ms is not None and now_ms >= key.expires_at_ms
    return key.revoked_at_ms is None and not ended


def _used(keys: list[ApiKey], inquiry: Inquiry) -> set[str]:
    """Principals among those of the keys of whom the ledger has heard lately."""
    waiting = {key.principal.id for key in keys}
    used: set[str] = set()
    if not waiting:
        return used
    for entry in entries_since(
        inquiry.parts.ledger,
        organisation=inquiry.organisation,
        since_ms=inquiry.now_ms - UNUSED_MS,
        event="",
        most=MOST_ENTRIES,
    ):
        if entry.principal in waiting:
            used.add(entry.principal)
        if used == waiting:
            break
    return used
