"""Signatures: who stands for a release and its evidence, and whether that still holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage


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


class SignoffBook(Protocol):
    """Where signatures are kept: only ever added to."""

    async def add(self, signoff: Signoff) -> None:
        """Keeps it; durable when this returns."""
        ...

    def list(self, usecase: str, *, organisation: str) -> tuple[Signoff, ...]:
        """All of a use case, last added first, whatever their times say."""
        ...
