"""An exchange of one's own: shown again, continued, forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

import msgspec

from passerelle.core.values.chat import Choice, JsonObject, JsonValue, Message, Usage
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import record
from passerelle.domain.ledger.entries import Draft, Entry, LedgerUnreadable
from passerelle.domain.ledger.events import CONTENT_ERASE, CONTENT_READ, EXCHANGE_ENDED
from passerelle.stories.serve.contents import choice_of, message_of
from passerelle.stories.serve.parts import Parts

MOST_TURNS: Final = 256
"""Exchanges in a row that can be continued: each of them is read again for every new turn."""
_ANSWERED: Final = 200


class NotRecalled(NotFound):
    """There is no such response, or you may not see it."""


class NothingToContinue(InvalidRequest):
    """The previous response cannot be continued."""

    code = "previous_response_not_found"


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What an exchange keeps beside its content so that it can be recalled."""

    model: str
    """As the client asked for it."""
    created: int
    """Unix seconds."""
    previous: str = ""
    """The exchange that it continues."""
    instructed: int = 0
    """So many messages at the start hold for this exchange only, not for one that continues it."""
    echo: JsonObject = field(default_factory=dict)
    """Parameters of the request, in its own format, to be shown again."""

    def content(self) -> dict[str, JsonValue]:
        return {
            "recall": {
                "model": self.model,
                "created": self.created,
                "previous": self.previous,
                "instructed": self.instructed,
                "echo": dict(self.echo),
            }
        }


@dataclass(frozen=True, slots=True)
class Recalled:
    """An exchange as it was."""

    exchange_id: str
    keepsake: Keepsake
    messages: tuple[Message, ...]
    """What this exchange added to the conversation, instructions included."""
    choice: Choice
    usage: Usage
    status: int
    """HTTP status that it ended with."""
    code: str
    """Of the refusal that it ended with, if it did."""


class Recall(Protocol):
    """What may be done with exchanges that are over. Only whoever asked them may do it."""

    def earlier(self, credential: str, exchange_id: str) -> tuple[Message, ...]:
        """The conversation up to that exchange, its answer included.

        Raises `NothingToContinue`, also where an exchange before it is gone.
        """
        ...

    async def recall(self, credential: str, exchange_id: str) -> Recalled:
        """One exchange; that it was read is on record first. Raises `NotRecalled`."""
        ...

    async def forget(self, credential: str, exchange_id: str) -> None:
        """Erases its content; its entry stays and still proves. Raises `NotRecalled`."""
        ...


class _Keepsake(msgspec.Struct):
    model: str
    created: int
    previous: str = ""
    instructed: int = 0
    echo: dict[str, object] = {}


class _Kept(msgspec.Struct):
    recall: _Keepsake | None = None


class _Content(msgspec.Struct):
    messages: list[dict[str, object]]
    answer: str = ""
    choices: list[dict[str, object]] = []
    kept: _Kept = msgspec.field(default_factory=_Kept)


class _Facts(msgspec.Struct):
    status: int = 0
    code: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False


_read_content = msgspec.json.Decoder(_Content).decode
_read_facts = msgspec.json.Decoder(_Facts).decode


class Recalling:
    """Reads exchanges back. Holds no state of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def earlier(self, credential: str, exchange_id: str) -> tuple[Message, ...]:
        principal = self._allowed(credential, Permission.EXCHANGE_READ_OWN)
        turns: list[Recalled] = [self._link(principal, exchange_id)]
        while sought := turns[-1].keepsake.previous:
            if len(turns) == MOST_TURNS:
                raise NothingToContinue(
                    f"Before it are more than {MOST_TURNS} others.", param=_PARAM
                )
            turns.append(self._link(principal, sought))
        return tuple(message for turn in reversed(turns) for message in _conversation(turn))

    async def recall(self, credential: str, exchange_id: str) -> Recalled:
        principal = self._allowed(credential, Permission.EXCHANGE_READ_OWN)
        entry, body = self._kept(principal, exchange_id)
        recalled = _recalled(entry, body)
        await self._parts.ledger.append(
            self._draft(principal, entry, CONTENT_READ, {"sequence": entry.sequence, "own": True})
        )
        return recalled

    async def forget(self, credential: str, exchange_id: str) -> None:
        principal = self._allowed(credential, Permission.EXCHANGE_CREATE)
        entry, body = self._kept(principal, exchange_id)
        _recalled(entry, body)
        ledger = self._parts.ledger
        facts: dict[str, JsonValue] = {"reason": "deleted by whoever asked it", "contents": 1}
        draft = self._draft(principal, entry, CONTENT_ERASE, facts)
        await record(ledger, draft, lambda: ledger.erase(entry.commitment, draft))

    def _allowed(self, credential: str, permission: Permission) -> Principal:
        parts = self._parts
        try:
            principal = identify(
                credential, parts.keys, pepper=parts.pepper, now_ms=parts.clock.now_ms()
            )
            return authorise(principal, permission).principal
        except Refusal as refusal:
            parts.observer.caller_refused(refusal.code)
            raise

    def _link(self, principal: Principal, exchange_id: str) -> Recalled:
        """One exchange of a conversation that goes on."""
        try:
            turn = _recalled(*self._kept(principal, exchange_id))
        except NotRecalled as refusal:
            raise NothingToContinue(refusal.detail, param=_PARAM) from None
        if turn.status != _ANSWERED:
            raise NothingToContinue("It came to no end.", param=_PARAM)
        return turn

    def _kept(self, principal: Principal, exchange_id: str) -> tuple[Entry, bytes]:
        ledger = self._parts.ledger
        events = ledger.of_subject(exchange_id, organisation=principal.scope.organisation)
        entry = _own(principal, events)
        if not entry.commitment:
            raise NotRecalled("It was not to be stored, or its stage keeps no content.")
        body = ledger.content(entry.commitment)
        if body is None:
            raise NotRecalled("It was deleted.")
        return entry, body

    def _draft(
        self, principal: Principal, entry: Entry, event: str, facts: dict[str, JsonValue]
    ) -> Draft:
        return Draft(
            event=event,
            at_ms=self._parts.clock.now_ms(),
            scope=principal.scope,
            principal=principal.id,
            subject=entry.subject,
            usecase=entry.usecase,
            facts=facts,
        )


_PARAM: Final = "previous_response_id"


def _own(principal: Principal, events: Sequence[Entry]) -> Entry:
    for entry in events:
        if entry.event == EXCHANGE_ENDED and entry.principal == principal.id:
            return entry
    raise NotRecalled


def _recalled(entry: Entry, body: bytes) -> Recalled:
    """Raises `NotRecalled` where the exchange was asked in a format that recalls none."""
    try:
        content, facts = _read_content(body), _read_facts(entry.facts)
        messages = tuple(message_of(cast("JsonValue", each)) for each in content.messages)
        choices = [choice_of(cast("JsonValue", each)) for each in content.choices]
    except msgspec.DecodeError as error:
        raise LedgerUnreadable(f"Entry {entry.sequence} is damaged.") from error
    kept = content.kept.recall
    if kept is None:
        raise NotRecalled
    return Recalled(
        exchange_id=entry.subject,
        keepsake=Keepsake(
            kept.model,
            kept.created,
            kept.previous,
            kept.instructed,
            cast("JsonObject", kept.echo),
        ),
        messages=messages,
        choice=choices[0] if choices else Choice(content.answer),
        usage=_usage(facts),
        status=facts.status,
        code=facts.code,
    )


def _usage(facts: _Facts) -> Usage:
    return Usage(
        facts.input_tokens,
        facts.output_tokens,
        facts.cached_input_tokens,
        facts.cache_write_tokens,
        facts.reasoning_tokens,
        facts.usage_estimated,
    )


def _conversation(turn: Recalled) -> tuple[Message, ...]:
    """What goes on of an exchange. What its provider told beside the answer does not."""
    answer = Message(
        "assistant",
        turn.choice.text or turn.choice.refusal,
        tool_calls=turn.choice.tool_calls,
        thoughts=turn.choice.thoughts,
    )
    return (*turn.messages[turn.keepsake.instructed :], answer)
