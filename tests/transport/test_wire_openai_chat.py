"""Requests of Chat Completions, in and out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import ChatRequest, JsonValue, Message
from passerelle.core.values.errors import InvalidRequest
from passerelle.transport.wire.bodies import InvalidField
from passerelle.transport.wire.openai_chat import decode_request, encode_request


def decoded(**fields: object) -> ChatRequest:
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    return decode_request(json.dumps(body | fields).encode())


def sent(message: Message) -> dict[str, Any]:
    body = encode_request(
        "m",
        (message,),
        stream=False,
        include_usage=True,
        limit=None,
        temperature=None,
        extras={},
    )
    first: dict[str, Any] = json.loads(body)["messages"][0]
    return first


def received(message: dict[str, Any]) -> Message:
    return decoded(messages=[message]).messages[0]


def test_plain_request_is_read() -> None:
    request = decoded(
        stream=True,
        stream_options={"include_usage": True},
        temperature=1,
        max_tokens=5,
        user="ann",
    )
    assert request == ChatRequest(
        "m",
        (Message("user", "?"),),
        stream=True,
        include_usage=True,
        max_tokens=5,
        temperature=1.0,
        end_user="ann",
    )


def test_newer_name_of_the_token_limit_wins() -> None:
    assert decoded(max_tokens=5, max_completion_tokens=9).max_tokens == 9
    assert decoded(max_tokens=None).max_tokens is None


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=12).map(lambda name: "x_" + name),
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
        max_size=5,
    )
)
def test_fields_that_we_do_not_know_are_never_lost(fields: dict[str, Any]) -> None:
    request = decoded(**fields)
    assert request.extras == fields
    body = encode_request(
        "m",
        request.messages,
        stream=False,
        include_usage=False,
        limit=None,
        temperature=None,
        extras=request.extras,
    )
    assert json.loads(body).items() >= fields.items()


def test_unknown_options_of_streams_reach_the_upstream_beside_ours() -> None:
    request = decoded(stream=True, stream_options={"include_usage": False, "obfuscate": True})
    assert not request.include_usage
    assert request.extras == {"stream_options": {"obfuscate": True}}
    body = encode_request(
        "m",
        request.messages,
        stream=True,
        include_usage=True,
        limit=None,
        temperature=None,
        extras=request.extras,
    )
    assert json.loads(body)["stream_options"] == {"obfuscate": True, "include_usage": True}


def test_text_parts_are_joined_by_lines() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert received({"role": "user", "content": parts}) == Message("user", "one\ntwo")


def test_parts_beside_the_text_survive_and_the_text_stands_in_one_place_only() -> None:
    picture: JsonValue = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    marked = {"type": "text", "text": "my card 4111", "cache_control": {"type": "ephemeral"}}
    message = received({"role": "user", "content": [marked, picture]})
    assert message.text == "my card 4111"
    assert "4111" not in json.dumps(message.extras)
    redacted = Message("user", "my card [card]", message.extras)
    assert sent(redacted)["content"] == [
        {"type": "text", "text": "my card [card]", "cache_control": {"type": "ephemeral"}},
        picture,
    ]
    assert sent(Message("user", "", {"content": [picture]}))["content"] == [picture]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "hi", "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": "42", "tool_call_id": "c"},
        {"role": "developer", "content": "Be brief."},
    ],
)
def test_messages_go_out_as_they_came_in(message: dict[str, Any]) -> None:
    assert sent(received(message)) == message


def test_our_fields_cannot_be_overruled_by_unknown_ones() -> None:
    body = encode_request(
        "ours",
        (Message("user", "?"),),
        stream=False,
        include_usage=True,
        limit=("max_tokens", 3),
        temperature=0.0,
        extras={"model": "theirs", "messages": [], "max_tokens": 900, "temperature": 2},
    )
    assert json.loads(body) == {
        "model": "ours",
        "messages": [{"role": "user", "content": "?"}],
        "max_tokens": 3,
        "temperature": 0.0,
    }


@given(st.binary(max_size=300))
def test_any_bytes_give_a_request_or_a_clear_refusal(body: bytes) -> None:
    try:
        request = decode_request(body)
    except InvalidRequest as refusal:
        assert refusal.message  # noqa: PT017 - most bytes are refused, some are not
    else:
        assert request.messages


def test_lone_surrogates_are_refused_rather_than_passed_on() -> None:
    with pytest.raises(InvalidRequest):
        decode_request(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')


def test_missing_field_of_a_message_is_named_with_its_place() -> None:
    with pytest.raises(InvalidField) as caught:
        decoded(messages=[{"role": "user", "content": "?"}, {"content": "?"}])
    assert caught.value.param == "messages[1].role"
