"""Guards over everything of an exchange that is text, and the record of what they said."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from passerelle.core.values.chat import ChatRequest, Choice, Message, Text, Tool
from passerelle.core.values.verdicts import Outcome, Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.refusals import DEFAULT_REFUSAL, blocked_by
from passerelle.domain.guardrails.screening import Screened, screen
from passerelle.stories.serve.exchange import SurfaceVerdict
from passerelle.stories.serve.parts import Deployment
from passerelle.stories.serve.tab import Tab

_TOLD: Final = frozenset({"annotations", "audio", "function_call", "name", "refusal"})
"""Names of fields that a record may tell: a caller's own names are content."""
_encode = msgspec.json.Encoder(order="deterministic").encode
Rewording = Callable[[str], str]


class ScreenedChoice(NamedTuple):
    """One choice and what the guards said about its texts."""

    choice: Choice
    verdicts: tuple[Verdict, ...]
    blocked: bool = False


def texts_of(request: ChatRequest) -> Iterator[str]:
    """Every text of a request that guards will read."""
    for message in request.messages:
        yield message.text
        for call in message.tool_calls:
            yield call.arguments
    for tool in request.options.tools:
        yield tool.description


def screen_message(message: Message, tab: Tab, deployment: Deployment) -> Message:
    """The message as it may go on: what was said, and what tools were called with.

    Raises `Blocked`.
    """
    if not message.extras and not message.parts and not message.tool_calls:
        text = _passed(message.text, tab, deployment)
        return message if text == message.text else replace(message, text=text)

    def passed(text: str) -> str:
        return _passed(text, tab, deployment)

    unread = {part.kind for part in message.parts if not isinstance(part, Text)}
    note_unread(tab, deployment, Surface.INPUT, unread | _tellable(message.extras))
    return replace(
        _reworded(message, passed),
        tool_calls=tuple(
            replace(call, arguments=passed(call.arguments)) for call in message.tool_calls
        ),
    )


def _passed(text: str, tab: Tab, deployment: Deployment) -> str:
    screened = screen(text, deployment.guards, Surface.INPUT)
    note(tab, deployment, Surface.INPUT, screened.verdicts)
    if screened.blocked:
        raise blocked_by(screened.verdicts)
    return screened.text


def _reworded(message: Message, passed: Rewording) -> Message:
    text = passed(message.text)
    if text == message.text or not message.parts:
        return replace(message, text=text)
    parts = tuple(
        replace(part, text=passed(part.text)) if isinstance(part, Text) else part
        for part in message.parts
    )
    if "\n".join(part.text for part in parts if isinstance(part, Text)) != text:
        # What is to be hidden reaches from one part into the next: they become one.
        parts = (Text(text), *(part for part in message.parts if not isinstance(part, Text)))
    return replace(message, text=text, parts=parts)


def screen_tools(tools: Sequence[Tool], tab: Tab, deployment: Deployment) -> None:
    """Tools as they are offered to the model. A definition cannot be redacted: it may pass or not.

    Raises `Blocked`.
    """
    for tool in tools:
        written = _encode([tool.name, tool.description, dict(tool.parameters), dict(tool.extras)])
        screened = screen(written.decode(), deployment.guards, Surface.INPUT)
        note(tab, deployment, Surface.INPUT, screened.verdicts)
        if screened.blocked or any(each.outcome is Outcome.REDACTED for each in screened.verdicts):
            raise blocked_by(screened.verdicts)


def screen_choice(choice: Choice, guards: Sequence[GuardPolicy]) -> ScreenedChoice:
    """A whole choice as it may leave. Where one of its texts is blocked, all of it is."""
    if not choice.tool_calls and not choice.thoughts and not choice.refusal:
        screened = screen(choice.text, guards, Surface.OUTPUT)
        return _said(choice, choice.text, screened)
    verdicts: list[Verdict] = []
    blocked = False

    def passed(text: str) -> str:
        nonlocal blocked
        screened = screen(text, guards, Surface.OUTPUT)
        verdicts.extend(screened.verdicts)
        blocked = blocked or screened.blocked
        return screened.text

    kept = replace(
        choice,
        text=passed(choice.text),
        refusal=passed(choice.refusal),
        thoughts=tuple(replace(each, text=passed(each.text)) for each in choice.thoughts),
        tool_calls=tuple(
            replace(call, arguments=passed(call.arguments)) for call in choice.tool_calls
        ),
    )
    if blocked:
        return ScreenedChoice(stopped(choice, ""), tuple(verdicts), blocked=True)
    return ScreenedChoice(_without_tokens(kept, verdicts), tuple(verdicts))


def _said(choice: Choice, text: str, screened: Screened) -> ScreenedChoice:
    if screened.blocked:
        return ScreenedChoice(stopped(choice, screened.text), screened.verdicts, blocked=True)
    if screened.text == text:
        return ScreenedChoice(choice, screened.verdicts)
    kept = replace(choice, text=screened.text)
    return ScreenedChoice(_without_tokens(kept, screened.verdicts), screened.verdicts)


def stopped(choice: Choice, text: str) -> Choice:
    """What is left of a choice that a guard has ended: what had left before, or our own words."""
    return Choice(text or DEFAULT_REFUSAL, "content_filter", extras=choice.extras)


def _without_tokens(choice: Choice, verdicts: Iterable[Verdict]) -> Choice:
    """Log-probabilities spell the text out, the hidden part too."""
    hidden = any(verdict.outcome is Outcome.REDACTED for verdict in verdicts)
    return replace(choice, logprobs=None) if hidden else choice


def note_unread(tab: Tab, deployment: Deployment, surface: Surface, fields: Iterable[str]) -> None:
    """Says that guards read text only, where there was more: images, files, other fields."""
    if told := sorted(fields):
        reason = f"guards do not read {', '.join(told)}"
        verdict = Verdict("text", Outcome.NOT_SCANNED, reason=reason)
        note(tab, deployment, surface, (verdict,))


def unread_in(choice: Choice) -> frozenset[str]:
    """Fields of a choice that guards do not read."""
    return _tellable(choice.extras) if choice.extras else frozenset()


def _tellable(fields: Iterable[str]) -> frozenset[str]:
    given = frozenset(fields)
    return (given & _TOLD) | ({"other fields"} if given - _TOLD else set())


def note(tab: Tab, deployment: Deployment, surface: Surface, verdicts: Sequence[Verdict]) -> None:
    """Puts verdicts on the tab. Raises `Blocked` where the stage lets nothing pass unread."""
    for noted in tab.noted:
        if noted is verdicts:  # guards that find nothing always say the very same
            return
    tab.noted = (*tab.noted, verdicts)
    told, unread = _told(surface, verdicts)
    for at in told:
        if at.verdict.findings or at not in tab.guards:  # a long conversation passes once
            tab.guards.append(at)
    if unread and deployment.policy.unscanned == "block":
        raise blocked_by(verdicts)


_remembered: dict[int, tuple[Sequence[Verdict], tuple[SurfaceVerdict, ...]]] = {}
_MOST_REMEMBERED: Final = 1_000


def _told(surface: Surface, verdicts: Sequence[Verdict]) -> tuple[tuple[SurfaceVerdict, ...], bool]:
    """With their surface, and whether one of them is that nobody read the text."""
    known = _remembered.get(id(verdicts))
    if known is not None and known[0] is verdicts:
        return known[1], False
    told = tuple([SurfaceVerdict(surface.value, verdict) for verdict in verdicts])
    if any(verdict.outcome is Outcome.NOT_SCANNED for verdict in verdicts):
        return told, True
    if not any(verdict.findings for verdict in verdicts):
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[id(verdicts)] = (verdicts, told)  # held, so that its id stays its own
    return told, False
