"""Answers of the Responses API, whole and streamed: as OpenAI describes them, and the same."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    CallDelta,
    Choice,
    Completion,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.core.values.errors import InvalidRequest, Unavailable
from passerelle.domain.routing.providers import ProviderOverloaded
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_responses import decode_request
from passerelle.transport.wire.openai_responses_answers import (
    Frame,
    encode_response,
    exchange_id,
    response_id,
)
from passerelle.transport.wire.openai_responses_stream import ResponsesWriter
from passerelle.transport.wire.provenance import GroundingObject, Provenance, RouteObject
from passerelle.transport.wire.sse import EventReader
from tests.openapi import openai_description

ECHO = decode_request(
    json.dumps(
        {
            "model": "handbook",
            "input": "Fees?",
            "instructions": "Be brief.",
            "user": "ann",
            "metadata": {"a": "b"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
            "tools": [{"type": "function", "name": "find"}, {"type": "web_search"}],
            "tool_choice": {"type": "function", "name": "find"},
        }
    ).encode()
).echo
FRAME = Frame(Heading("resp_01", 1_700_000_000, "handbook"), ECHO)
USAGE = Usage(10, 7, cached_input_tokens=4, cache_write_tokens=2, reasoning_tokens=3)
TOKEN: JsonValue = {
    "token": "4",
    "logprob": -0.5,
    "bytes": None,
    "top_logprobs": [{"token": "4", "logprob": -0.5, "bytes": [52]}],
}
CITED: JsonValue = {
    "type": "url_citation",
    "url_citation": {"url": "https://x.test", "title": "X", "start_index": 0, "end_index": 1},
}
WHOLE = Choice(
    "I look it up.",
    "tool_calls",
    tool_calls=(ToolCall("c1", "find", '{"q": "fees"}', "signed"), ToolCall("c2", "ask", "{}")),
    thoughts=(Thought("They want fees.", "signature"), Thought(hidden="sealed")),
)
CHOICES = [
    Choice("4 %."),
    Choice("4", logprobs={"content": [TOKEN], "refusal": None}),
    Choice("4", extras={"annotations": [CITED], "phase": "final_answer"}),
    Choice("4 %", "length"),
    Choice("I may not.", "content_filter"),
    Choice(refusal="I will not."),
    Choice("Well.", refusal="I will not."),
    Choice(thoughts=(Thought("Hm."),), finish_reason="length"),
    Choice(tool_calls=(ToolCall("c1", "find"),), finish_reason="tool_calls"),
    Choice(),
    WHOLE,
]
PROVENANCE = Provenance(
    exchange_id="exc_01",
    usecase="handbook",
    stage="pilot",
    release="r",
    citations=[],
    grounding=GroundingObject("supported", 1.0, [], ""),
    guards=[],
    route=RouteObject("p", "m"),
    cost_nano_usd=1,
    price="2026-01-01",
)


def completion(choice: Choice) -> Completion:
    return Completion((choice,), USAGE, "m-1", {"system_fingerprint": "fp", "service_tier": "odd"})


def whole(choice: Choice) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(
        encode_response(FRAME, completion(choice), PROVENANCE)
    )
    return body


def pieces(choice: Choice, size: int) -> list[Piece]:
    """As a provider would stream it."""
    found: list[Piece] = []
    for thought in choice.thoughts:
        found += [Piece(thought=Thought(text)) for text in _cut(thought.text, size)]
        found.append(Piece(thought=Thought("", thought.signature, thought.hidden)))
    found += [Piece(text) for text in _cut(choice.text, size)]
    found.append(Piece(logprobs=choice.logprobs, choice_extras=choice.extras))
    found += [Piece(refusal=text) for text in _cut(choice.refusal, size)]
    for index, call in enumerate(choice.tool_calls):
        found.append(Piece(calls=(CallDelta(index, call.id, call.name, "", call.signature),)))
        texts = _cut(call.arguments, size)
        found += [Piece(calls=(CallDelta(index, arguments=text),)) for text in texts]
    return found


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def events_of(data: bytes) -> list[dict[str, Any]]:
    reader = EventReader()
    events = [*reader.push(data), *reader.finish()]
    bodies = [msgspec.json.decode(event.data) for event in events]
    assert [event.name for event in events] == [body["type"] for body in bodies]
    assert [body["sequence_number"] for body in bodies] == list(range(len(bodies)))
    return bodies


def streamed(given: list[Piece], choice: Choice) -> list[dict[str, Any]]:
    writer = ResponsesWriter(FRAME)
    data = [writer.opening(), *map(writer.piece, given)]
    return events_of(b"".join([*data, writer.closing(completion(choice), PROVENANCE)]))


def test_a_response_is_named_after_its_exchange_and_back() -> None:
    assert response_id("exc_01abc") == "resp_01abc"
    assert exchange_id("resp_01abc") == "exc_01abc"
    assert [exchange_id(other) for other in ("exc_01", "resp_", "resp", "", "chatcmpl_1")] == [
        ""
    ] * 5


@pytest.mark.parametrize("choice", CHOICES)
def test_a_response_is_as_described(choice: Choice, data_sets: Path) -> None:
    openai_description(data_sets).validate("Response", whole(choice))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_every_event_of_a_stream_is_as_described(
    choice: Choice, size: int, data_sets: Path
) -> None:
    for event in streamed(pieces(choice, size), choice):
        openai_description(data_sets).validate("ResponseStreamEvent", event)


@pytest.mark.parametrize("choice", CHOICES)
@given(size=st.integers(1, 20))
def test_a_stream_ends_with_the_response_that_would_have_been_the_whole(
    choice: Choice, size: int
) -> None:
    last = streamed(pieces(choice, size), choice)[-1]
    expected = whole(choice)
    assert last["type"] == f"response.{expected['status']}"
    assert _bare(last["response"]) == _bare(expected)


def _bare(response: dict[str, Any]) -> dict[str, Any]:
    """Without the states of items: a stream knows which had ended before the answer was cut."""
    for item in response["output"]:
        item.pop("status", None)
    return response


@pytest.mark.parametrize("choice", CHOICES)
def test_what_a_stream_tells_piece_by_piece_is_what_its_items_are(choice: Choice) -> None:
    events = streamed(pieces(choice, 3), choice)
    items = {event["output_index"]: event["item"] for event in _named(events, "output_item.done")}
    assert [items[place] for place in sorted(items)] == events[-1]["response"]["output"]
    assert sorted(items) == [event["output_index"] for event in _named(events, "output_item.added")]
    for place, item in items.items():
        told = [event for event in events if event.get("output_index") == place]
        if item["type"] == "function_call":
            assert _deltas(told, "function_call_arguments") == item["arguments"]
        elif item["type"] == "reasoning":
            summary = "".join(part["text"] for part in item["summary"])
            assert _deltas(told, "reasoning_summary_text") == summary
        else:
            parts = [event["part"] for event in _named(told, "content_part.done")]
            assert parts == item["content"]
            said = _deltas(told, "output_text") + _deltas(told, "refusal")
            assert said == "".join(part.get("text", part.get("refusal")) for part in parts)


def _named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == f"response.{name}"]


def _deltas(events: list[dict[str, Any]], kind: str) -> str:
    return "".join(event["delta"] for event in _named(events, f"{kind}.delta"))


def test_events_come_in_the_order_that_clients_expect() -> None:
    assert [event["type"] for event in streamed([Piece("4"), Piece(" %")], Choice("4 %"))] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_calls_that_grow_at_the_same_time_are_kept_apart() -> None:
    given = [
        Piece(calls=(CallDelta(0, "c1", "find", '{"q":'), CallDelta(1, "c2", "ask", '{"w":'))),
        Piece(calls=(CallDelta(0, arguments=' "fees"}'), CallDelta(1, arguments=' "Eva"}'))),
    ]
    output = streamed(given, Choice(finish_reason="tool_calls"))[-1]["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [
        ("c1", '{"q": "fees"}'),
        ("c2", '{"w": "Eva"}'),
    ]


def test_a_call_that_is_whole_is_told_before_the_next_one_begins() -> None:
    names = [event["type"] for event in streamed(pieces(WHOLE, 100), WHOLE)]
    first = names.index("response.function_call_arguments.done")
    assert "response.output_item.added" in names[first:]


def test_usage_and_provenance_come_with_the_end() -> None:
    response = whole(Choice("4 %."))
    assert response["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 17,
    }
    assert response["passerelle"]["exchange_id"] == "exc_01"
    assert (response["system_fingerprint"], "service_tier" in response) == ("fp", False)


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_why_an_answer_ended_is_its_status(reason: Any, status: str, details: object) -> None:
    response = whole(Choice("4 %", reason))
    assert (response["status"], response["incomplete_details"]) == (status, details)


def test_annotations_and_log_probabilities_are_written_as_here() -> None:
    (cited,) = whole(CHOICES[2])["output"]
    assert cited["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0}
        | {"end_index": 1}
    ]
    assert cited["phase"] == "final_answer"
    (weighed,) = whole(CHOICES[1])["output"]
    (token,) = weighed["content"][0]["logprobs"]
    assert (token["bytes"], token["top_logprobs"][0]["token"]) == ([52], "4")


def test_what_a_provider_signed_comes_back_from_the_client_unchanged() -> None:
    body = {"model": "handbook", "input": whole(WHOLE)["output"]}
    (turn,) = decode_request(json.dumps(body).encode()).chat.messages
    assert turn.thoughts == WHOLE.thoughts
    assert turn.tool_calls == WHOLE.tool_calls


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (ProviderOverloaded("p"), "server_error"),
        (Unavailable(), "server_error"),
        (InvalidRequest(), "invalid_prompt"),
    ],
)
def test_a_failure_ends_the_stream_in_its_own_shape(
    refusal: Unavailable, code: str, data_sets: Path
) -> None:
    writer = ResponsesWriter(FRAME)
    data = writer.opening() + writer.piece(Piece("4")) + writer.failure(refusal, "req_1")
    *_, error, failed = events_of(data)
    for event in (error, failed):
        openai_description(data_sets).validate("ResponseStreamEvent", event)
    assert (error["type"], error["code"]) == ("error", refusal.code)
    assert error["error"]["message"] == refusal.message
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": code, "message": refusal.message}


def test_a_response_repeats_the_parameters_of_its_request() -> None:
    response = whole(Choice("4 %."))
    expected: Mapping[str, JsonValue] = ECHO
    assert {name: response[name] for name in expected} == expected


def test_items_of_the_provider_s_own_come_through_whole(data_sets: Path) -> None:
    searches: list[JsonValue] = [
        {
            "type": "web_search_call",
            "id": f"ws_{number}",
            "status": "completed",
            "action": {"type": "search", "query": "fees"},
        }
        for number in range(2)
    ]
    found = Choice("4 %.", extras={"output_items": searches})
    given = [
        Piece(choice_extras={"output_items": searches[:1]}),
        Piece(choice_extras={"output_items": searches}),
        Piece("4 %."),
    ]
    told = streamed(given, found)
    for event in told:
        openai_description(data_sets).validate("ResponseStreamEvent", event)
    assert _bare(told[-1]["response"]) == _bare(whole(found))


def test_a_call_without_arguments_says_so_to_who_reads_only_the_pieces() -> None:
    events = streamed([Piece(calls=(CallDelta(0, "c1", "now"),))], Choice())
    assert _deltas(events, "function_call_arguments") == "{}"
