"""How a conversation is kept, and that nothing of it is lost on the way back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    Choice,
    JsonValue,
    Media,
    Message,
    Text,
    Thought,
    ToolCall,
)
from passerelle.core.values.ids import canonical_bytes
from passerelle.stories.serve.contents import (
    choice_content,
    choice_of,
    message_content,
    message_of,
)

_words = st.text(max_size=12)
_json: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)
_extras = st.dictionaries(_words, _json, max_size=3)
_parts = st.one_of(
    st.builds(Text, text=_words, extras=_extras),
    st.builds(
        Media,
        kind=st.sampled_from(("image", "audio", "file")),
        data=_words,
        url=_words,
        media_type=_words,
        name=_words,
        extras=_extras,
    ),
)
_calls = st.lists(st.builds(ToolCall, _words, _words, _words, _words), max_size=3).map(tuple)
_thoughts = st.lists(st.builds(Thought, _words, _words, _words), max_size=3).map(tuple)
_messages = st.builds(
    Message,
    role=st.sampled_from(("system", "developer", "user", "assistant", "tool")),
    text=_words,
    parts=st.lists(_parts, max_size=3).map(tuple),
    tool_calls=_calls,
    tool_call_id=_words,
    failed=st.booleans(),
    thoughts=_thoughts,
    extras=_extras,
)
_choices = st.builds(
    Choice,
    text=_words,
    finish_reason=st.sampled_from(("stop", "length", "tool_calls", "content_filter")),
    tool_calls=_calls,
    thoughts=_thoughts,
    refusal=_words,
    logprobs=_json,
    extras=_extras,
)


@given(_messages)
def test_a_turn_comes_back_whole(message: Message) -> None:
    kept = msgspec.json.decode(canonical_bytes(message_content(message)))
    assert message_of(kept) == message


@given(_choices)
def test_an_answer_comes_back_whole(choice: Choice) -> None:
    kept = msgspec.json.decode(canonical_bytes(choice_content(choice)))
    assert choice_of(kept) == choice


def test_a_plain_turn_is_only_role_and_text() -> None:
    assert message_content(Message("user", "Hello")) == {"role": "user", "text": "Hello"}


def test_a_turn_kept_before_tools_were_known_is_read() -> None:
    assert message_of({"role": "tool", "text": "4 %"}) == Message("tool", "4 %")


def test_a_plain_answer_is_its_text_and_how_it_ended() -> None:
    assert choice_content(Choice("Yes.")) == {"text": "Yes.", "finish_reason": "stop"}


def test_a_damaged_turn_is_no_turn() -> None:
    with pytest.raises(msgspec.ValidationError):
        message_of({"role": "user", "text": 4})
    with pytest.raises(msgspec.ValidationError):
        choice_of(["stop"])
