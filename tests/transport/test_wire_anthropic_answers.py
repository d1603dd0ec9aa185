"""Answers of Anthropic Messages, both directions, whole; usage, endings and errors."""

import json
from typing import Any

import pytest

from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonObject,
    Thought,
    ToolCall,
    Usage,
    spoken,
)
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal
from passerelle.domain.identity.keys import Unauthenticated
from passerelle.domain.routing.providers import ProviderOverloaded, ProviderTimedOut
from passerelle.transport.wire.anthropic_answers import (
    NotAMessage,
    decode_completion,
    decode_count,
    encode_completion,
)
from passerelle.transport.wire.anthropic_errors import decode_error, encode_error, status_told
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.provenance import GroundingObject, Provenance, RouteObject
from tests.transport.anthropic_bodies import HEADING, Body, written

USAGE = {"input_tokens": 10, "output_tokens": 5}
PROVENANCE = Provenance(
    "exc_1",
    "handbook",
    "poc",
    "r1",
    [],
    GroundingObject("supported", 0.9, [], ""),
    [],
    RouteObject("anthropic", "claude"),
    12,
    "2026-01-31",
)


def message(*content: Body, **fields: Any) -> Body:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    } | fields


def decoded(*content: Body, **fields: Any) -> Completion:
    return decode_completion(json.dumps(message(*content, **fields)).encode())


def text(words: str, **others: Any) -> Body:
    return {"type": "text", "text": words, **others}


def answered(choice: Choice, **extras: Any) -> Body:
    return written(Completion((choice,), Usage(7, 3), "m", extras))


def test_plain_answer_is_read() -> None:
    assert decoded(text("Hello.")) == spoken(
        "Hello.", usage=Usage(10, 5), model="claude-sonnet-4-5"
    )


def test_totals_of_input_hold_what_was_read_from_and_written_to_the_cache() -> None:
    usage = decoded(
        text("!"),
        usage={
            "input_tokens": 10,
            "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 3_000,
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 40},
        },
    ).usage
    assert usage == Usage(
        3_210, 50, cached_input_tokens=200, cache_write_tokens=3_000, reasoning_tokens=40
    )


def test_usage_is_written_apart_again() -> None:
    usage = Usage(3_210, 50, cached_input_tokens=200, cache_write_tokens=3_000, reasoning_tokens=40)
    assert written(spoken("!", usage=usage))["usage"] == {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 3_000,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 40},
    }


def test_what_else_the_usage_tells_comes_through() -> None:
    details = {"service_tier": "standard", "server_tool_use": {"web_search_requests": 2}}
    told = decoded(text("!"), usage=USAGE | details)
    assert told.extras == {"usage_details": details}
    usage = written(told)["usage"]
    assert {key: usage[key] for key in details} == details


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": -1}, {"input_tokens": "many"}, 3])
def test_usage_that_cannot_be_believed_counts_as_untold(usage: Any) -> None:
    assert decoded(text("!"), usage=usage).usage == Usage(estimated=True)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("stop_sequence", "stop"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "stop"),
    ],
)
def test_reasons_to_stop_have_our_names_and_get_theirs_back(reason: str, finish: str) -> None:
    told = decoded(text("!"), stop_reason=reason)
    assert told.finish_reason == finish
    expected = reason if reason != "something_new" else "end_turn"
    assert written(told)["stop_reason"] == expected


def test_the_sequence_that_stopped_an_answer_is_told() -> None:
    told = decoded(text("!"), stop_reason="stop_sequence", stop_sequence="END")
    again = written(told)
    assert (again["stop_reason"], again["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
    ],
)
def test_answers_of_other_providers_end_in_anthropics_words(
    finish: FinishReason, reason: str
) -> None:
    # Some servers of another format write a `stop_reason` of their own.
    assert answered(Choice("!", finish), stop_reason=42)["stop_reason"] == reason
    assert answered(Choice("!", finish), stop_reason="odd")["stop_reason"] == reason


def test_a_guards_stop_beats_the_providers_reason() -> None:
    assert answered(Choice("!", "content_filter"), stop_reason="pause_turn")["stop_reason"] == (
        "refusal"
    )


def test_thoughts_text_and_calls_become_blocks_in_their_order() -> None:
    choice = Choice(
        "I look.",
        "tool_calls",
        (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", ""), ToolCall("c", "h", "{", "sig")),
        (Thought("Hm.", "s"), Thought("unsigned"), Thought(hidden="x")),
    )
    assert answered(choice)["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "redacted_thinking", "data": "x"},
        text("I look."),
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        {
            "type": "tool_use",
            "id": "c",
            "name": "h",
            "input": {"INVALID_JSON": "{"},
            "signature": "sig",
        },
    ]


def test_blocks_of_an_answer_are_read_into_their_places() -> None:
    choice = decoded(
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        text("I "),
        text("look.", citations=None),
        {
            "type": "tool_use",
            "id": "a",
            "name": "f",
            "input": {"x": 1},
            "caller": {"type": "direct"},
        },
        stop_reason="tool_use",
    ).choices[0]
    assert choice == Choice(
        "I look.",
        "tool_calls",
        (ToolCall("a", "f", '{"x":1}'),),
        (Thought("Hm.", "s"), Thought(hidden="x")),
    )


MIXED = (
    text("I search."),
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
    text("Found ", citations=[{"url": "u"}]),
    text("it."),
)


def test_blocks_of_anthropics_own_come_through_with_their_places() -> None:
    told = decoded(*MIXED)
    assert told.text == "I search.Found it."
    assert "Found" not in json.dumps(dict(told.choices[0].extras))
    assert written(told)["content"] == list(MIXED)


def test_a_text_that_a_guard_rewrote_is_one_block_that_cites_nothing() -> None:
    told = decoded(*MIXED)
    extras = told.choices[0].extras
    assert answered(Choice("I search.*** it.", extras=extras))["content"] == [
        text("I search.*** it."),
        *MIXED[1:3],
    ]


def test_an_answer_that_a_guard_stopped_is_its_text_alone() -> None:
    extras = decoded(*MIXED).choices[0].extras
    choice = Choice("I cannot say that.", "content_filter", extras=extras)
    assert answered(choice)["content"] == [text("I cannot say that.")]


def test_a_models_own_refusal_is_a_text_and_a_reason() -> None:
    body = answered(Choice(refusal="I would rather not."))
    assert body["content"] == [text("I would rather not.")]
    assert body["stop_reason"] == "refusal"


def test_fields_of_other_providers_stay_beside_ours() -> None:
    extras: JsonObject = {"annotations": [1], "role": "robot", "content": "no"}
    body = answered(Choice("!", extras=extras))
    assert (body["annotations"], body["role"], body["content"]) == ([1], "assistant", [text("!")])


def test_provenance_stands_beside_the_message() -> None:
    body = json.loads(encode_completion(HEADING, spoken("!", usage=Usage(1, 1)), PROVENANCE))
    assert body["passerelle"]["exchange_id"] == "exc_1"
    assert (body["id"], body["type"], body["model"]) == ("exc_1", "message", "claude")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"type":"error","error":{"type":"api_error","message":"no"}}',
        b'{"content":"text"}',
        b'{"content":[1]}',
        b'{"content":[{"type":"text"}]}',
        b'{"content":[{"type":"tool_use","id":"a"}]}',
        b'{"content":[{"type":"text","text":"\xff"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_told_so(body: bytes) -> None:
    with pytest.raises(NotAMessage):
        decode_completion(body)
    with pytest.raises(NotAMessage):
        decode_count(body)


def test_counts_are_read() -> None:
    assert decode_count(b'{"input_tokens":16}') == 16


class OutOfMoney(Refusal):
    """The budget is used up."""

    status = 429
    code = "insufficient_quota"


class Teapot(Refusal):
    """Short and stout."""

    status = 418


class TooLarge(InvalidRequest):
    """Too large."""

    status = 413


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (InvalidRequest(), "invalid_request_error"),
        (Unauthenticated(), "authentication_error"),
        (NotFound(), "not_found_error"),
        (TooLarge(), "request_too_large"),
        (OutOfMoney(), "billing_error"),
        (ProviderOverloaded(), "overloaded_error"),
        (ProviderTimedOut(), "timeout_error"),
        (Refusal(), "api_error"),
        (Teapot(), "api_error"),
    ],
)
def test_errors_have_anthropics_envelope_and_types(refusal: Refusal, kind: str) -> None:
    assert json.loads(encode_error(refusal, "req_1")) == {
        "type": "error",
        "error": {"type": kind, "message": refusal.message},
        "request_id": "req_1",
    }


def told(kind: str, words: str) -> ErrorBody:
    body = {"type": "error", "error": {"type": kind, "message": words}, "request_id": "r"}
    return decode_error(json.dumps(body).encode())


def test_errors_of_an_upstream_are_read() -> None:
    assert told("not_found_error", "model: x") == ErrorBody("model: x", "not_found_error")
    assert status_told(told("overloaded_error", "")) == 529
    assert status_told(told("something_new", "")) == 500


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("billing_error", "Pay."),
        ("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    ],
)
def test_an_account_without_money_is_not_the_callers_fault(kind: str, words: str) -> None:
    assert told(kind, words).code == "insufficient_quota"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"no"}', b"\xff", b"[]"])
def test_an_error_that_says_nothing_readable_is_empty(body: bytes) -> None:
    assert decode_error(body) == ErrorBody()
