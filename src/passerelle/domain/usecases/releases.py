"""What exactly answers: one digest over all that can change an answer or its price."""

from dataclasses import asdict, dataclass

from passerelle.core.values.ids import Digest, digest_of


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    """Digests of the parts of a release; serving replaces `knowledge` by the index's version."""

    prompt: Digest
    route: Digest
    guards: Digest
    grounding: Digest
    policy: Digest
    knowledge: Digest
    price_book: str = ""
    """Edition of the prices."""

    @property
    def digest(self) -> Digest:
        """Equal parts give an equal release, on every machine."""
        return digest_of(asdict(self))
