"""What Gemini answers, whole and streamed, in every shape seen and some not seen."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import Message, Piece, Thought, ToolCall, Usage
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.gemini_answers import NotAnAnswer, decode_completion
from passerelle.transport.wire.gemini_errors import decode_error, retry_delay_seconds
from passerelle.transport.wire.gemini_streams import GeminiReader
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to

CALL = call_to("gemini-3-pro", Message("user", "How warm is it in Oslo?"))
USAGE = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 16,
    "candidatesTokenCount": 6,
    "thoughtsTokenCount": 30,
    "toolUsePromptTokenCount": 4,
    "totalTokenCount": 60,
    "serviceTier": "flex",
}
TOLD = Usage(24, 36, cached_input_tokens=16, reasoning_tokens=30)


def candidate(*parts: Any, index: int = 0, reason: str = "STOP", **further: Any) -> Any:
    told = {"content": {"role": "model", "parts": [*parts]}, "index": index}
    return told | ({"finishReason": reason} if reason else {}) | further


def answer(*candidates: Any, usage: Any = USAGE, **further: Any) -> dict[str, Any]:
    told = {"candidates": [*candidates], "modelVersion": "gemini-3-pro-001", "responseId": "r-1"}
    return told | ({"usageMetadata": usage} if usage else {}) | further


def body(*candidates: Any, **further: Any) -> bytes:
    return json.dumps(answer(*candidates, **further)).encode()


def text(said: str, **further: Any) -> dict[str, Any]:
    return {"text": said, **further}


def called(name: str, identity: str = "", **args: Any) -> dict[str, Any]:
    told = {"name": name, "args": args}
    return {"functionCall": told | ({"id": identity} if identity else {})}


def events(*answers: Any) -> bytes:
    told = (each if isinstance(each, bytes) else json.dumps(each).encode() for each in answers)
    return b"".join(b"data: %s\r\n\r\n" % each for each in told)


def pieces_of(stream: bytes, *cuts: int) -> list[Piece]:
    reader = GeminiReader(CALL)
    pieces: list[Piece] = []
    places = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        pieces += reader.push(stream[start:end])
    return pieces + reader.finish()


def test_whole_answer_is_a_completion() -> None:
    thought = text("Let me see.", thought=True)
    said = (text("Co"), text("ld.", thoughtSignature="c2ln"))
    completion = decode_completion(body(candidate(thought, *said)))
    choice = completion.choices[0]
    assert (choice.text, choice.finish_reason) == ("Cold.", "stop")
    assert choice.thoughts == (Thought("Let me see.", "c2ln"),)
    assert (completion.usage, completion.model) == (TOLD, "gemini-3-pro-001")
    assert completion.extras == {"service_tier": "flex"}
    assert choice.extras == {}


def test_several_candidates_come_in_the_order_of_their_index() -> None:
    completion = decode_completion(
        body(candidate(text("b"), index=1, reason="MAX_TOKENS"), candidate(text("a")))
    )
    told = [(choice.text, choice.finish_reason) for choice in completion.choices]
    assert told == [("a", "stop"), ("b", "length")]


def test_calls_get_ids_where_they_have_none() -> None:
    signed = called("weather", city="Oslo") | {"thoughtSignature": "c2ln"}
    parts = (signed, called("clock", "given"), called("weather", city="Oslo"))
    choice = decode_completion(body(candidate(*parts))).choices[0]
    first, second, third = choice.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert first == ToolCall(first.id, "weather", '{"city":"Oslo"}', "c2ln")
    assert second == ToolCall("given", "clock", "{}")
    assert len({first.id, second.id, third.id}) == 3
    assert all(call.id.startswith("call_") and len(call.id) <= 40 for call in (first, third))
    other = decode_completion(body(candidate(*parts), responseId="r-2")).choices[0]
    assert other.tool_calls[0].id != first.id
    untold = [decode_completion(body(candidate(*parts), responseId="")) for _ in range(2)]
    assert untold[0].choices[0].tool_calls[0].id != untold[1].choices[0].tool_calls[0].id


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_unusual_end_is_told_in_our_words_and_in_googles(reason: str, finish: str) -> None:
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "blocked": True}]
    told = candidate(reason=reason, safetyRatings=ratings, finishMessage="Why.")
    choice = decode_completion(body(told)).choices[0]
    assert choice.finish_reason == finish
    assert choice.extras == {
        "native_finish_reason": reason,
        "extra_content": {"google": {"safetyRatings": ratings, "finishMessage": "Why."}},
    }


def test_prompt_that_may_not_be_answered_is_filtered() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "Not this."}
    told = answer(promptFeedback=feedback)
    del told["candidates"]
    whole = decode_completion(json.dumps(told).encode())
    assert whole.choices[0].finish_reason == "content_filter"
    assert whole.choices[0].refusal == "Not this."
    assert whole.choices[0].extras == {"native_finish_reason": "PROHIBITED_CONTENT"}
    assert whole.usage == TOLD
    assert gathered(pieces_of(events(told))) == whole


def test_what_only_gemini_says_is_kept() -> None:
    code = {"executableCode": {"code": "1"}, "thoughtSignature": "YQ=="}
    grounding = {"webSearchQueries": ["oslo"]}
    told = candidate(code, text("1"), groundingMetadata=grounding, avgLogprobs=-0.1)
    choice = decode_completion(body(told)).choices[0]
    google = {"groundingMetadata": grounding, "parts": [code]}
    assert choice.extras == {"extra_content": {"google": google}}


def test_log_probabilities_are_those_of_chat_completions() -> None:
    tokens = [{"token": "Ø", "tokenId": 1, "logProbability": -0.5}, {"token": "!"}]
    others = [{"candidates": [{"token": "Ø", "logProbability": -0.5}, {"token": "O"}]}]
    result = {"chosenCandidates": tokens, "topCandidates": others}
    told = candidate(text("Ø!"), logprobsResult=result)
    choice = decode_completion(body(told)).choices[0]
    assert choice.logprobs == {
        "content": [
            {
                "token": "Ø",
                "logprob": -0.5,
                "bytes": [195, 152],
                "top_logprobs": [
                    {"token": "Ø", "logprob": -0.5, "bytes": [195, 152]},
                    {"token": "O", "logprob": 0.0, "bytes": [79]},
                ],
            },
            {"token": "!", "logprob": 0.0, "bytes": [33], "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"candidates": []}',
        b'{"candidates": {}}',
        b'{"candidates": [1]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": 7}]}}]}',
        b'{"candidates": [{"index": -1}]}',
    ],
)
def test_garbage_is_no_answer(garbage: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        decode_completion(garbage)


def test_untold_usage_is_estimated() -> None:
    assert decode_completion(body(candidate(text("Cold.")), usage=None)).usage.estimated
    last = pieces_of(events(answer(candidate(text("Cold.")), usage=None)))[-1]
    assert last.usage == Usage(9, 2, estimated=True)


STREAM = (
    answer(candidate(text("Let me ", thought=True), reason=""), usage={"promptTokenCount": 20}),
    answer(candidate(text("see.", thought=True), reason="")),
    answer(candidate(text("It is 東京 🙂"), reason=""), candidate(text("b"), index=1, reason="")),
    answer(candidate(text("", thoughtSignature="c2ln"), reason="", groundingMetadata={})),
    answer(candidate(called("weather", city="Oslo"), called("clock"), reason="")),
    answer(
        candidate({"executableCode": {"code": "1"}}, text("."), groundingMetadata={"a": 1}),
        candidate(index=1, reason="SAFETY"),
    ),
)


def test_stream_says_what_a_whole_answer_would() -> None:
    completion = gathered(pieces_of(events(*STREAM)))
    first, second = completion.choices
    assert (first.text, first.finish_reason) == ("It is 東京 🙂.", "tool_calls")
    assert first.thoughts == (Thought("Let me see.", "c2ln"),)
    assert [(call.name, call.arguments) for call in first.tool_calls] == [
        ("weather", '{"city":"Oslo"}'),
        ("clock", "{}"),
    ]
    assert len({call.id for call in first.tool_calls}) == 2
    google = {"groundingMetadata": {"a": 1}, "parts": [{"executableCode": {"code": "1"}}]}
    assert first.extras == {"extra_content": {"google": google}}
    assert (second.text, second.finish_reason) == ("b", "content_filter")
    assert (completion.usage, completion.model) == (TOLD, "gemini-3-pro-001")
    assert completion.extras == {"service_tier": "flex"}


@given(st.lists(st.integers(0, len(events(*STREAM))), max_size=12))
def test_how_a_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    assert pieces_of(events(*STREAM), *cuts) == pieces_of(events(*STREAM))


PARTS = st.one_of(
    st.builds(text, st.text(max_size=5), thought=st.booleans()),
    st.builds(text, st.text(max_size=5), thoughtSignature=st.sampled_from(["YQ==", "Yg=="])),
    st.builds(called, st.sampled_from(["f", "g"]), st.sampled_from(["", "1"]), a=st.integers()),
    st.just({"codeExecutionResult": {"output": "1"}}),
)


@given(st.lists(PARTS, max_size=6), st.sampled_from(["STOP", "MAX_TOKENS", "SPII", "OTHER"]))
def test_one_event_says_what_the_same_answer_says_whole(parts: list[Any], reason: str) -> None:
    told = candidate(*parts, reason=reason)
    assert gathered(pieces_of(events(answer(told)))) == decode_completion(body(told))


ERROR = {
    "error": {
        "code": 503,
        "status": "UNAVAILABLE",
        "message": "The model is overloaded.",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
            "odd",
        ],
    }
}


@pytest.mark.parametrize("envelope", [ERROR, [ERROR]])
@given(cuts=st.lists(st.integers(0, 200), max_size=4))
def test_error_within_a_stream_comes_after_all_that_was_said(
    envelope: Any, cuts: list[int]
) -> None:
    stream = events(answer(candidate(text("It "), reason="")), envelope, b"never read")
    reader = GeminiReader(CALL)
    pieces: list[Piece] = []
    places = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        pieces += reader.push(stream[start:end])
    assert reader.ended
    assert pieces == [Piece("It ")]
    with pytest.raises(ErrorTold) as caught:
        reader.finish()
    assert caught.value.told == ErrorBody("The model is overloaded.", "UNAVAILABLE", code=503)


@pytest.mark.parametrize("garbage", [b"<html>", b"[DONE]", b"{", b"\xff"])
def test_garbage_within_a_stream_is_no_answer(garbage: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        pieces_of(events(answer(candidate(text("It "), reason="")), garbage))


def test_stream_without_an_end_is_cut_off() -> None:
    for stream in (b"", events(answer(candidate(text("It "), reason="")))):
        with pytest.raises(CutOff):
            pieces_of(stream)


def test_last_event_needs_no_blank_line() -> None:
    stream = events(answer(candidate(text("Cold."))))
    assert gathered(pieces_of(stream.rstrip())).text == "Cold."


def test_whole_answer_may_be_an_error_too() -> None:
    with pytest.raises(ErrorTold):
        decode_completion(json.dumps(ERROR).encode())


@pytest.mark.parametrize(
    ("error", "means"),
    [
        ({"code": 400, "status": "INVALID_ARGUMENT"}, 400),
        ({"code": 400, "status": "FAILED_PRECONDITION"}, 403),
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, 429),
        ({"code": 418}, 418),
        ({"code": 400, "status": "X", "details": [{"reason": "API_KEY_INVALID"}]}, 401),
        ({"message": "only words"}, None),
        ({"code": "odd", "status": 7, "message": []}, None),
    ],
)
def test_error_says_what_it_really_means(error: Any, means: int | None) -> None:
    data = json.dumps({"error": error}).encode()
    assert decode_error(data).code == means
    assert retry_delay_seconds(data) is None


def test_error_says_when_to_ask_again() -> None:
    assert retry_delay_seconds(json.dumps(ERROR).encode()) == 34.5
    assert decode_error(b"<html>") == ErrorBody()
    assert retry_delay_seconds(b"\xff") is None
