"""The ledger's newest checkpoint, and the proof of the whole."""

import msgspec

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission


class LedgerCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed last."""

    size: int
    at_ms: int
    key_id: str
    note: str
    """The signed note itself."""


class LedgerHead(msgspec.Struct, frozen=True, kw_only=True):
    """How long the ledger is, and the root over all its entries."""

    entries: int
    root: str
    checkpoint: LedgerCheckpoint


class LedgerVerification(msgspec.Struct, frozen=True, kw_only=True):
    """Does the ledger hold? Every fault found is named."""

    ok: bool
    entries: int
    root: str
    faults: list[str]
    erased: int
    """Contents that were erased on record."""
    checkpoints: int


async def show_ledger(_: Granted, parts: ApiParts) -> LedgerHead:
    """Length, root and newest signed checkpoint."""
    head = parts.ledger.head()
    return LedgerHead(
        entries=head.size,
        root=head.root,
        checkpoint=LedgerCheckpoint(
            size=head.size, at_ms=head.at_ms, key_id=head.key_id, note=head.note
        ),
    )


async def verify_ledger(_: Granted, parts: ApiParts) -> LedgerVerification:
    """Reads every entry, content and checkpoint, and says whether all of it holds."""
    # Not recorded: a damaged ledger takes no entry, and must still be found damaged.
    found = await parts.verify()
    return LedgerVerification(
        ok=found.ok,
        entries=found.entries,
        root=found.root,
        faults=list(found.faults),
        erased=found.erased,
        checkpoints=found.checkpoints,
    )


ROUTES = (
    read("/ledger", Permission.LEDGER_READ, show_ledger),
    read("/ledger/verifications", Permission.LEDGER_READ, verify_ledger, method="POST"),
)
