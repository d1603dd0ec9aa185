"""What a streamed choice lets through, whatever it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import CallDelta, Choice, JsonValue, Piece, Thought, ToolCall
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.stories.serve.lanes import StreamedChoice, pieces_of
from tests.stories.kitchen import guards

REDACT = guards(personal_data={"output": "redact"})
BLOCK = guards(personal_data={"output": "block"})
WHOLE = Choice(
    "I look it up.",
    "tool_calls",
    tool_calls=(ToolCall("c1", "find", '{"q": "fees"}'), ToolCall("c2", "ask", '{"who": "Eva"}')),
    thoughts=(Thought("They want fees.", "signed"), Thought(hidden="sealed")),
)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def pieces(choice: Choice, size: int) -> list[Piece]:
    """As a provider would stream it."""
    found: list[Piece] = []
    for thought in choice.thoughts:
        found += [Piece(thought=Thought(text)) for text in cut(thought.text, size)]
        found.append(Piece(thought=Thought("", thought.signature, thought.hidden)))
    found += [Piece(text) for text in cut(choice.text, size)]
    for index, call in enumerate(choice.tool_calls):
        found.append(Piece(calls=(CallDelta(index, call.id, call.name),)))
        arguments = cut(call.arguments, size)
        found += [Piece(calls=(CallDelta(index, arguments=text),)) for text in arguments]
    return [*found, Piece(finish_reason=choice.finish_reason)]


def streamed(
    given: list[Piece], policies: tuple[GuardPolicy, ...] = ()
) -> tuple[StreamedChoice, list[Piece]]:
    choice = StreamedChoice(0, policies, unscanned_blocks=False)
    out = [passed for piece in given for passed in choice.push(piece)]
    return choice, [*out, *choice.finish()]


def gathered(out: list[Piece]) -> Choice:
    """What a client makes of the pieces."""
    again = StreamedChoice(0, (), unscanned_blocks=False)
    for piece in out:
        again.push(piece)
    again.finish()
    return again.screened().choice


@pytest.mark.parametrize("policies", [(), REDACT])
@given(size=st.integers(1, 30))
def test_choice_comes_through_whole_however_it_is_cut(
    policies: tuple[GuardPolicy, ...], size: int
) -> None:
    choice, out = streamed(pieces(WHOLE, size), policies)
    assert choice.screened().choice == WHOLE
    client = gathered(out)
    assert (client.text, client.tool_calls, client.thoughts) == (
        WHOLE.text,
        WHOLE.tool_calls,
        WHOLE.thoughts,
    )


@given(size=st.integers(1, 30))
def test_thought_text_and_calls_leave_in_the_order_they_came(size: int) -> None:
    _, out = streamed(pieces(WHOLE, size), REDACT)
    kinds = [
        "thought" if piece.thought else f"call {piece.calls[0].index}" if piece.calls else "text"
        for piece in out
    ]
    assert list(dict.fromkeys(kinds)) == ["thought", "text", "call 0", "call 1"]
    assert kinds == sorted(kinds, key=["thought", "text", "call 0", "call 1"].index)


@given(size=st.integers(1, 30))
def test_arguments_of_a_call_are_redacted_before_they_leave(size: int) -> None:
    leaky = Choice("", "tool_calls", tool_calls=(ToolCall("c", "f", '{"to": "eva@example.org"}'),))
    choice, out = streamed(pieces(leaky, size), REDACT)
    assert "eva@" not in str(out)
    assert gathered(out).tool_calls[0].arguments == '{"to": "[email]"}'
    assert choice.screened().choice.tool_calls[0].arguments == '{"to": "[email]"}'


@given(size=st.integers(1, 30))
def test_choice_is_ended_where_one_of_its_lanes_is_blocked(size: int) -> None:
    leaky = Choice("Hello.", tool_calls=(ToolCall("c", "f", '{"to": "eva@example.org"}'),))
    choice, out = streamed(pieces(leaky, size), BLOCK)
    screened = choice.screened()
    assert "eva@" not in str(out)
    assert screened.blocked
    assert (screened.choice.finish_reason, screened.choice.text) == ("content_filter", "Hello.")


def test_tokens_wait_until_the_text_that_they_spell_has_passed() -> None:
    logprobs: JsonValue = {"content": [{"token": "Hi"}], "refusal": None}
    _, out = streamed([Piece("Hi", logprobs=logprobs), Piece(" you", logprobs=logprobs)], REDACT)
    assert [piece.logprobs for piece in out if piece.logprobs] == [
        {"content": [{"token": "Hi"}, {"token": "Hi"}], "refusal": None}
    ]
    assert out[-1].logprobs is not None


def test_tokens_of_a_redacted_text_never_leave() -> None:
    spelled: JsonValue = {"content": [{"token": "eva@example.org"}]}
    choice, out = streamed([Piece("eva@example.org", logprobs=spelled)], REDACT)
    assert "eva@" not in str(out)
    assert choice.screened().choice.logprobs is None


def test_call_without_arguments_has_an_empty_object() -> None:
    choice, _ = streamed([Piece(calls=(CallDelta(0, "c", "now"),))])
    assert choice.screened().choice.tool_calls == (ToolCall("c", "now", "{}"),)


def test_whole_choice_in_pieces_adds_up_to_itself() -> None:
    client = gathered([*pieces_of(0, WHOLE), Piece(finish_reason="tool_calls")])
    assert client == WHOLE
