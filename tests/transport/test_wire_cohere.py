"""What Cohere answers, its embeddings, and its recorded calls."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    Message,
    Piece,
    Thought,
    Tool,
    ToolCall,
    Usage,
)
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible
from passerelle.transport.wire.cohere_answers import NotAnAnswer, decode_completion
from passerelle.transport.wire.cohere_embeddings import decode_answer, encode_requests
from passerelle.transport.wire.cohere_requests import encode_request
from passerelle.transport.wire.cohere_streams import CohereReader
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.openai_embeddings import NotEmbeddings
from passerelle.transport.wire.vectors import Embedded, packed
from tests.recordings import recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to

MODEL = "command-a-03-2025"
USER = Message("user", "How warm is it in Oslo?")
WEATHER = Tool("weather", "Tells the weather.", {"type": "object"})
CALL = call_to(MODEL, USER)
CALLS = (ToolCall("c1", "weather", '{"city":"Oslo"}'),)


# Answers.


def answer(**message: Any) -> bytes:
    reason = message.pop("reason", "COMPLETE")
    usage = message.pop("usage", {"billed_units": {"input_tokens": 5.0, "output_tokens": 3}})
    further = message.pop("further", {})
    told = {"id": "1", "finish_reason": reason, "message": {"role": "assistant", **message}}
    return json.dumps(told | ({"usage": usage} if usage else {}) | further).encode()


def test_whole_answer_is_a_completion() -> None:
    content = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Cold."}]
    citations = [{"start": 0, "end": 4, "text": "Cold", "sources": []}]
    completion = decode_completion(answer(content=content, citations=citations))
    choice = completion.choices[0]
    assert (choice.text, choice.thoughts) == ("Cold.", (Thought("Hm."),))
    assert choice.extras == {"citations": citations}
    assert (choice.finish_reason, completion.usage) == ("stop", Usage(5, 3))


def test_plan_and_calls_are_read() -> None:
    call = {"name": "weather", "arguments": '{"city":"Oslo"}'}
    calls = [{"id": "c1", "type": "function", "function": call}, {"id": "c2", "function": {}}]
    told = answer(tool_plan="I will look.", tool_calls=calls, reason="TOOL_CALL")
    choice = decode_completion(told).choices[0]
    assert (choice.text, choice.finish_reason) == ("", "tool_calls")
    assert choice.thoughts == (Thought("I will look."),)
    assert choice.tool_calls == (CALLS[0], ToolCall("c2", "", "{}"))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"tokens": {"input_tokens": 496, "output_tokens": 11}}, Usage(496, 11)),
        (
            {
                "billed_units": {"input_tokens": 1, "output_tokens": 9},
                "tokens": {"input_tokens": 496, "output_tokens": 11},
                "cached_tokens": 400,
            },
            Usage(1, 9, cached_input_tokens=1),
        ),
        ({"billed_units": {"search_units": 1}}, Usage(estimated=True)),
        (None, Usage(estimated=True)),
    ],
)
def test_usage_is_what_is_billed(usage: Any, expected: Usage) -> None:
    assert decode_completion(answer(content=[], usage=usage)).usage == expected


def test_log_probabilities_are_those_of_chat_completions() -> None:
    told = [{"token_ids": [1, 2], "text": "Øl", "logprobs": [-0.5, -0.25]}, {"token_ids": []}]
    choice = decode_completion(answer(content=[], further={"logprobs": told})).choices[0]
    assert choice.logprobs == {
        "content": [
            {"token": "Øl", "logprob": -0.75, "bytes": [195, 152, 108], "top_logprobs": []},
            {"token": "", "logprob": 0, "bytes": [], "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("MAX_TOKENS", "length"),
        ("STOP_SEQUENCE", "stop"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_ends_are_told_in_our_words(reason: str, finish: str) -> None:
    assert decode_completion(answer(content=[], reason=reason)).finish_reason == finish


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 500), ("TIMEOUT", 504)])
def test_end_that_is_none_is_an_error(reason: str, status: int) -> None:
    with pytest.raises(ErrorTold) as caught:
        decode_completion(answer(content=[], reason=reason))
    assert caught.value.told.code == status


@pytest.mark.parametrize("garbage", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"message": 1}'])
def test_garbage_is_no_answer(garbage: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        decode_completion(garbage)


# Streams.


def event(kind: str, index: int = 0, **delta: Any) -> bytes:
    told = {"type": kind, "index": index, "delta": delta}
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()


def said(kind: str, index: int = 0, **message: Any) -> bytes:
    return event(kind, index, message=message)


def call_delta(kind: str, index: int, identity: str = "", **function: str) -> bytes:
    told = {"function": function} | ({"id": identity, "type": "function"} if identity else {})
    return said(kind, index, tool_calls=told)


END = event(
    "message-end",
    finish_reason="TOOL_CALL",
    usage={"billed_units": {"input_tokens": 5, "output_tokens": 3}},
)
STREAM = b"".join(
    (
        b'event: message-start\ndata: {"id":"1","type":"message-start"}\n\n',
        said("content-start", content={"type": "thinking", "thinking": ""}),
        said("content-delta", content={"thinking": "Hm."}),
        said("content-end"),
        said("tool-plan-delta", tool_plan=" I will look."),
        said("content-start", 1, content={"type": "text", "text": ""}),
        said("content-delta", 1, content={"text": "東京 "}),
        said("content-delta", 1, content={"text": "🙂"}),
        said("citation-start", citations={"start": 0, "end": 2, "text": "東京"}),
        said("citation-end"),
        call_delta("tool-call-start", 0, "c1", name="weather", arguments=""),
        call_delta("tool-call-delta", 0, arguments='{"city":'),
        call_delta("tool-call-delta", 0, arguments='"Oslo"}'),
        said("tool-call-end"),
        call_delta("tool-call-start", 1, "c2", name="clock", arguments=""),
        said("tool-call-end", 1),
        b'data: {"type":"something-new","delta":{}}\n\n',
        END,
        b"data: [DONE]\n\n",
    )
)


def pieces_of(stream: bytes, *cuts: int) -> list[Piece]:
    reader = CohereReader(CALL)
    pieces: list[Piece] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        pieces += reader.push(stream[start:end])
    return pieces + reader.finish()


def test_stream_is_a_completion() -> None:
    completion = gathered(pieces_of(STREAM))
    choice = completion.choices[0]
    assert (choice.text, choice.finish_reason) == ("東京 🙂", "tool_calls")
    assert choice.thoughts == (Thought("Hm. I will look."),)
    assert choice.tool_calls == (CALLS[0], ToolCall("c2", "clock", "{}"))
    assert choice.extras == {"citations": [{"start": 0, "end": 2, "text": "東京"}]}
    assert completion.usage == Usage(5, 3)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_a_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    assert pieces_of(STREAM, *cuts) == pieces_of(STREAM)


def test_log_probabilities_come_with_their_piece() -> None:
    told = {
        "type": "content-delta",
        "index": 0,
        "delta": {"message": {"content": {"text": "Ja"}}},
        "logprobs": {"token_ids": [1], "text": "Ja", "logprobs": [-0.5]},
    }
    first = pieces_of(b"data: %s\n\n" % json.dumps(told).encode() + END)[0]
    assert first.text == "Ja"
    spelt = {"token": "Ja", "logprob": -0.5, "bytes": [74, 97], "top_logprobs": []}
    assert first.logprobs == {"content": [spelt], "refusal": None}


def test_untold_usage_is_estimated() -> None:
    stream = said("content-delta", content={"text": "Cold."})
    last = pieces_of(stream + event("message-end", finish_reason="COMPLETE"))[-1]
    assert last.usage == Usage(9, 2, estimated=True)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (b'data: {"message":"out of credit"}\n\n', ErrorBody("out of credit")),
        (
            event("message-end", finish_reason="ERROR", error="it broke"),
            ErrorBody("it broke", code=500),
        ),
        (event("message-end", finish_reason="TIMEOUT"), ErrorBody(code=504)),
    ],
)
def test_error_within_a_stream_comes_after_all_that_was_said(fault: bytes, told: ErrorBody) -> None:
    reader = CohereReader(CALL)
    pieces = reader.push(said("content-delta", content={"text": "It "}) + fault)
    assert pieces == [Piece("It ")]
    assert reader.ended
    with pytest.raises(ErrorTold) as caught:
        reader.finish()
    assert caught.value.told == told


def test_garbage_within_a_stream_is_no_answer() -> None:
    for garbage in (b"data: <html>\n\n", b"data: \xff\n\n", b'data: {"type": 1}\n\n'):
        with pytest.raises(NotAnAnswer):
            pieces_of(garbage)


def test_stream_without_an_end_is_cut_off() -> None:
    for stream in (b"", said("content-delta", content={"text": "It "})):
        with pytest.raises(CutOff):
            pieces_of(stream)


# Embeddings.


def test_embeddings_take_requests_of_96_texts() -> None:
    texts = tuple(f"text {number}" for number in range(100))
    first, second = map(json.loads, encode_requests(EmbeddingCall("embed-v4.0", texts, 1, 256)))
    assert (first["texts"], second["texts"]) == ([*texts[:96]], [*texts[96:]])
    del first["texts"]
    assert first == {
        "model": "embed-v4.0",
        "input_type": "search_document",
        "truncate": "NONE",
        "embedding_types": ["float"],
        "output_dimension": 256,
    }


def test_coheres_own_fields_of_embeddings_pass_and_others_are_refused() -> None:
    own = EmbeddingCall("embed-v4.0", ("a",), 1, extras={"input_type": "search_query"})
    assert json.loads(encode_requests(own)[0])["input_type"] == "search_query"
    for call, param in (
        (replace(own, extras={"user": "x"}), "user"),
        (replace(own, inputs=((1, 2),)), "input"),
    ):
        with pytest.raises(Inexpressible) as caught:
            encode_requests(call)
        assert caught.value.param == param


def test_vectors_are_read_with_what_is_billed() -> None:
    told = {"embeddings": {"float": [[0.5, -1], [1, 2]]}, "meta": {"billed_units": {}}}
    vectors = (packed([0.5, -1]), packed([1, 2]))
    assert decode_answer(json.dumps(told).encode()) == Embedded(vectors, None)
    told["meta"] = {"billed_units": {"input_tokens": 4.0}}
    assert decode_answer(json.dumps(told).encode()) == Embedded(vectors, 4)
    for garbage in (b"", b"{}", b'{"embeddings": {"float": [[]]}}', b'{"embeddings": [[1]]}'):
        with pytest.raises(NotEmbeddings):
            decode_answer(garbage)


# Recorded calls.


def test_recorded_calls_are_written_and_read(data_sets: Path) -> None:
    found = recorded(data_sets, r"api\.cohere\.com/v2/chat")
    assert len(found) >= 2
    for each in found:
        request, told = json.loads(each.request_body), json.loads(each.body)
        completion = decode_completion(each.body)
        content = told["message"]["content"]
        assert completion.text == "".join(part.get("text", "") for part in content)
        thought = "".join(part.get("thinking", "") for part in content)
        assert "".join(each.text for each in completion.choices[0].thoughts) == thought
        billed = told["usage"]["billed_units"]
        assert completion.usage == Usage(billed["input_tokens"], billed["output_tokens"])
        messages = [_message(turn) for turn in request["messages"]]
        ours = json.loads(encode_request(call_to(request["model"], *messages), stream=False))
        assert ours["messages"] == [_plain(turn) for turn in request["messages"]], str(each)


def _message(turn: Any) -> Message:
    content = turn["content"]
    if isinstance(content, str):
        return Message(turn["role"], content)
    return Message(
        turn["role"],
        "".join(part.get("text", "") for part in content),
        thoughts=tuple(Thought(part["thinking"]) for part in content if "thinking" in part),
    )


def _plain(turn: Any) -> Any:
    """Parts in the order that Cohere itself writes."""
    if isinstance(turn["content"], str):
        return turn
    thought = "".join(part.get("thinking", "") for part in turn["content"])
    said = [part for part in turn["content"] if "text" in part]
    return turn | {"content": [{"type": "thinking", "thinking": thought}, *said]}
