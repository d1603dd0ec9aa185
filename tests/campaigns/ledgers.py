"""Ledgers to be damaged: small enough to make thousands of."""

import asyncio
from pathlib import Path

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.sqlite import SqliteStore, open_store
from passerelle.core.values.clock import SetClock
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.entries import Draft

SIGNER = SigningKey("passerelle/campaign", b"campaign".ljust(32, b"."))
ACME = Scope("acme", "support")


def draft(number: int, *, content: bool = True, at_ms: int = 1_700_000_000_000) -> Draft:
    """An entry as serving writes it."""
    return Draft(
        event="exchange.ended",
        at_ms=at_ms + number,
        scope=ACME,
        principal=f"person_{number % 7}",
        subject=f"exc_{number:08}",
        usecase="handbook" if number % 3 else "",
        facts={"status": 200, "cost_nano_usd": number * 1_000, "grounding": {"score": 0.9}},
        content=f"question {number}, answer é {number}".encode() * 3 if content else None,
    )


def open_folder(folder: Path) -> SqliteStore:
    return open_store(folder, clock=SetClock(), signer=SIGNER)


def make_ledger(folder: Path, *, entries: int) -> None:
    """So many entries, most with content; some content is erased, some entries never had any."""
    store = open_folder(folder)
    asyncio.run(_fill(store, entries))
    store.close()


async def _fill(store: SqliteStore, entries: int) -> None:
    erasures = max(entries // 20, 1)
    kept = [store.ledger.append(draft(n, content=n % 5 > 0)) for n in range(entries - erasures)]
    with_content = [entry for entry in await asyncio.gather(*kept) if entry.commitment]
    for entry in with_content[:erasures]:
        await store.ledger.erase(entry.commitment, draft(entry.sequence, content=False))
