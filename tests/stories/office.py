"""An organisation with people, a ledger and exchanges, for tests of what is done with them."""

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import MemoryStore, memory_store
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.ids import canonical_bytes
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.entries import Draft, Entry
from passerelle.domain.ledger.events import EXCHANGE_ENDED

PEPPER = b"a pepper of thirty-two bytes....."
ANSWER = "The fee is 4 % [1]."
QUESTION = "What is the fee?"
CITATION: dict[str, JsonValue] = {
    "number": 1,
    "document": "fees.md",
    "passage": "psg_1",
    "start": 10,
    "end": 27,
}
FACTS: dict[str, JsonValue] = {
    "status": 200,
    "code": "",
    "stage": "pilot",
    "release": "r" * 64,
    "provider": "extractive",
    "model": "quotes",
    "input_tokens": 12,
    "output_tokens": 7,
    "cost_nano_usd": 0,
    "latency_ms": 3,
    "grounding": {
        "support": "supported",
        "score": 0.9,
        "reason": "",
        "claims": [{"start": 0, "end": 17, "support": "supported", "score": 0.9, "citation": 1}],
    },
    "guards": [
        {
            "surface": "input",
            "guard": "personal_data",
            "outcome": "redacted",
            "reason": "",
            "findings": [{"kind": "email", "start": 3, "end": 9}],
            "released_characters": 0,
        }
    ],
    "citations": [CITATION],
    "hits": ["psg_1"],
    "a_fact_of_later_versions": True,
}
CONTENT: dict[str, JsonValue] = {
    "messages": [
        {"role": "system", "text": "Quote."},
        {"role": "user", "text": QUESTION},
    ],
    "answer": ANSWER,
    "citations": [CITATION | {"title": "Fees", "quote": "The fee is 4 %"}],
}


def store() -> MemoryStore:
    return memory_store(signer=SigningKey("passerelle/test", b"seed".ljust(32, b".")))


def person(name: str, *roles: str, organisation: str = "acme") -> Principal:
    return Principal(
        f"per_{name}", "person", name.title(), Scope(organisation, "claims"), frozenset(roles)
    )


async def ended(
    kept: MemoryStore,
    clock: Clock,
    who: Principal,
    exchange_id: str = "exc_1",
    *,
    usecase: str = "handbook",
    facts: dict[str, JsonValue] | None = None,
    keeps_content: bool = True,
) -> Entry:
    """The entry of an answered exchange."""
    return await kept.ledger.append(
        Draft(
            event=EXCHANGE_ENDED,
            at_ms=clock.now_ms(),
            scope=who.scope,
            principal=who.id,
            subject=exchange_id,
            usecase=usecase,
            facts=FACTS | (facts or {}),
            content=canonical_bytes(CONTENT) if keeps_content else None,
        )
    )


def events(kept: MemoryStore, organisation: str = "acme") -> list[str]:
    """What the ledger says happened, oldest first."""
    entries = kept.ledger.entries(organisation=organisation, limit=1_000)
    return [entry.event for entry in reversed(entries)]
