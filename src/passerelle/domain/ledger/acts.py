"""Acts that leave a trace: intent, act, outcome. Nothing is done that cannot be recorded."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Refusal
from passerelle.domain.ledger import events
from passerelle.domain.ledger.entries import Draft, Entry, Ledger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[T]):
    """Proof that an act was announced, done and recorded. Made by `record` only."""

    value: T
    entry: Entry
    """The entry of the outcome."""


async def record(ledger: Ledger, draft: Draft, act: Callable[[], Awaitable[T]]) -> Recorded[T]:
    """Announces the act, carries it out, records the outcome.

    The draft's event is the bare code; its content goes with the intent. Raises
    `LedgerUnavailable` before anything is done when the intent cannot be
    recorded, and whatever the act raises, after recording that it failed.
    """
    intent = await ledger.append(replace(draft, event=events.intended(draft.event)))
    try:
        value = await act()
    except BaseException as error:
        reason = error.code if isinstance(error, Refusal) else type(error).__name__
        outcome = _outcome(draft, events.failed(draft.event), intent, {"reason": reason})
        await ledger.append(outcome)
        raise
    entry = await ledger.append(_outcome(draft, events.done(draft.event), intent, {}))
    return Recorded(value, entry)


def _outcome(draft: Draft, event: str, intent: Entry, facts: Mapping[str, JsonValue]) -> Draft:
    told = {**draft.told, events.INTENT_FACT: intent.sequence, **facts}
    return replace(draft, event=event, facts=told, content=None)
