"""Signatures: who stands for a release and its evidence, and whether that still holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage

SIGNING_ROLES = ("business_owner", "developer", "security", "compliance")
"""Roles whose word counts, in the order in which they are shown."""
REQUIRED: Mapping[Stage, tuple[str, ...]] = {
    Stage.PILOT: ("business_owner", "security"),
    Stage.LIMITED: ("business_owner", "security", "compliance"),
    Stage.PRODUCTION: SIGNING_ROLES,
}
"""Who must have signed before a use case enters a stage."""


class Meaning(StrEnum):
    """What a signature says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a signature is about: the parts of a release and the evidence on the table."""

    release: Mapping[str, str]
    """Part, such as `prompt`, to its digest."""
    evidence: Mapping[str, str]
    """Kind, such as `load`, to the digest of the newest evidence of that kind."""

    @property
    def digest(self) -> Digest:
        """Equal bases, and only those, have equal digests."""
        return digest_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Signoff:
    """One signature; a later one of the same role takes its place."""

    id: str
    usecase: str
    organisation: str
    role: str
    """The role that signs, such as `security`."""
    meaning: Meaning
    reason: str
    """The signer's own words."""
    stage: Stage
    """The stage that the use case should enter."""
    principal: str
    """Id of the signer."""
    at_ms: int
    basis: Basis


class Standing(StrEnum):
    """Does the word of a role hold?"""

    FRESH = "fresh"
    MISSING = "missing"
    REJECTED = "rejected"
    STALE = "stale"
    """What was signed is not what is there now."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How one role stands."""

    role: str
    standing: Standing
    signoff: Signoff | None
    """The last one of the role; None when it never signed."""
    reasons: tuple[str, ...] = ()
    """Why it does not hold, a sentence each."""


@dataclass(frozen=True, slots=True)
class Today:
    """What signatures are held against."""

    basis: Basis
    stage: Stage
    """The stage that the use case should enter."""
    now_ms: int
    holders: Mapping[str, frozenset[str]]
    """Role to the ids of those who hold it."""


class SignoffBook(Protocol):
    """Where signatures are kept: only ever added to."""

    async def add(self, signoff: Signoff) -> None:
        """Keeps it; durable when this returns."""
        ...

    def list(self, usecase: str, *, organisation: str) -> tuple[Signoff, ...]:
        """All of a use case, last added first, whatever their times say."""
        ...


def last_of_each_role(signoffs: Sequence[Signoff]) -> dict[str, Signoff]:
    """The signatures that count, out of all, last added first."""
    last: dict[str, Signoff] = {}
    for signoff in signoffs:
        last.setdefault(signoff.role, signoff)
    return last


def standing(signoffs: Sequence[Signoff], today: Today) -> tuple[Signature, ...]:
    """How each signing role stands; `signoffs` last added first."""
    last = last_of_each_role(signoffs)
    return tuple(_signature(role, last, today) for role in SIGNING_ROLES)


def unsigned(signatures: Sequence[Signature], stage: Stage) -> tuple[Signature, ...]:
    """Those that the stage needs and that do not hold."""
    needed = REQUIRED.get(stage, ())
    return tuple(
        each for each in signatures if each.role in needed and each.standing is not Standing.FRESH
    )


def _signature(role: str, last: Mapping[str, Signoff], today: Today) -> Signature:
    signoff = last.get(role)
    if signoff is None:
        return Signature(role, Standing.MISSING, None, ("Nobody has signed.",))
    reasons = (*_objections(signoff, today), *_doubles(signoff, last))
    if reasons:
        return Signature(role, Standing.STALE, signoff, reasons)
    if signoff.meaning is Meaning.REJECT:
        return Signature(role, Standing.REJECTED, signoff, (f"Rejected: {signoff.reason}",))
    return Signature(role, Standing.FRESH, signoff)


def _objections(signoff: Signoff, today: Today) -> Iterator[str]:
    if signoff.stage is not today.stage:
        yield f"It was given for {signoff.stage}, not for {today.stage}."
    if signoff.at_ms > today.now_ms:
        yield "It is dated in the future: a clock was wrong, so nobody knows what it is about."
    if signoff.principal not in today.holders.get(signoff.role, frozenset()):
        yield f"The signer is not known as a holder of the role {signoff.role} any more."
    yield from changes(signoff.basis, today.basis)


def _doubles(signoff: Signoff, last: Mapping[str, Signoff]) -> Iterator[str]:
    # Signing refuses this; two requests at the same moment may still get through.
    for other in last.values():
        if other.role != signoff.role and other.principal == signoff.principal:
            yield f"The signer has signed for {other.role} too."


def changes(before: Basis, after: Basis) -> Iterator[str]:
    """A sentence for each part that differs, in the order of names."""
    for what, old, new in (
        ("The", before.release, after.release),
        ("The evidence of", before.evidence, after.evidence),
    ):
        for part in sorted(old.keys() | new.keys()):
            if part not in old:
                yield f"{what} {_words(part)} is new."
            elif part not in new:
                yield f"{what} {_words(part)} is gone."
            elif old[part] != new[part]:
                yield f"{what} {_words(part)} has changed."


def _words(part: str) -> str:
    return part.replace("_", " ")
