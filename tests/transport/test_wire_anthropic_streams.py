"""Streams of Anthropic Messages, both directions."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    CallDelta,
    ChatRequest,
    Choice,
    Completion,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.domain.routing.providers import ProviderOverloaded
from passerelle.stories.serve.lanes import pieces_of
from passerelle.transport.wire.anthropic_answers import NotAMessage, decode_completion
from passerelle.transport.wire.anthropic_stream_writer import MessagesWriter
from passerelle.transport.wire.anthropic_streams import LONGEST_EVENT, ClaudeReader
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.sse import EventTooLong
from tests.transport.anthropic_bodies import (
    ASKED,
    HEADING,
    Body,
    assembled,
    bare_message,
    events_in,
    joined,
    read,
    sse,
    written,
)

PING = {"type": "ping"}
STOP = {"type": "message_stop"}


def start(**usage: int) -> Body:
    told = {"input_tokens": 10, "output_tokens": 1, **usage}
    return {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": told,
        },
    }


def block(index: int, content: Body, *deltas: Body) -> list[Body]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def said(index: int, *texts: str, citations: tuple[str, ...] = ()) -> list[Body]:
    return block(
        index,
        {"type": "text", "text": ""},
        *({"type": "text_delta", "text": text} for text in texts),
        *({"type": "citations_delta", "citation": {"url": url}} for url in citations),
    )


def called(index: int, name: str, *arguments: str, **given: Any) -> list[Body]:
    content = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": given}
    parts = ({"type": "input_json_delta", "partial_json": part} for part in arguments)
    return block(index, content, *parts)


def ending(reason: str = "end_turn", **usage: int) -> list[Body]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9, **usage}},
        STOP,
    ]


SEARCHED: list[Body] = [
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "I sea"},
        {"type": "thinking_delta", "thinking": "rch."},
        {"type": "signature_delta", "signature": "c2ln"},
    ),
    *block(1, {"type": "redacted_thinking", "data": "eA=="}),
    *said(2, "Let me ", "see. "),
    *block(
        3,
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"q":'},
        {"type": "input_json_delta", "partial_json": '"x"}'},
    ),
    *block(4, {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]}),
    *said(5, "Grüße, ", "東京 🙂.", citations=("u", "v")),
    *called(6, "f", '{"a"', ": 1}"),
    *called(7, "g"),
]
WHOLE = [start(cache_read_input_tokens=5), PING, *SEARCHED, *ending("tool_use")]


def test_a_stream_of_everything_is_read_in_order() -> None:
    pieces = read(sse(*WHOLE))
    assert [piece.text for piece in pieces if piece.text] == [
        "Let me ",
        "see. ",
        "Grüße, ",
        "東京 🙂.",
    ]
    assert [piece.thought for piece in pieces if piece.thought] == [
        Thought("I sea"),
        Thought("rch."),
        Thought(signature="c2ln"),
        Thought(hidden="eA=="),
    ]
    assert [call for piece in pieces for call in piece.calls] == [
        CallDelta(0, "toolu_f", "f"),
        CallDelta(0, arguments='{"a"'),
        CallDelta(0, arguments=": 1}"),
        CallDelta(1, "toolu_g", "g"),
        CallDelta(1, arguments="{}"),
    ]
    assert pieces[-1].finish_reason == "tool_calls"
    assert pieces[-1].model == "claude-sonnet-4-5"
    assert [piece.usage for piece in pieces if piece.usage] == [Usage(15, 9, cached_input_tokens=5)]


def test_a_plain_stream_has_texts_and_one_last_piece() -> None:
    assert read(sse(start(), *said(0, "a", "b"), *ending())) == [
        Piece("a"),
        Piece("b"),
        Piece(finish_reason="stop", usage=Usage(10, 9), model="claude-sonnet-4-5"),
    ]


def test_usage_at_the_end_replaces_that_of_the_start() -> None:
    told = [*ending(input_tokens=100, cache_creation_input_tokens=7)]
    (_, last) = read(sse(start(), *said(0, "a"), *told))
    assert last.usage == Usage(107, 9, cache_write_tokens=7)


def test_a_stream_is_the_whole_answer_in_pieces() -> None:
    message = assembled(WHOLE)
    streamed = joined(read(sse(*WHOLE)))
    entire = decode_completion(json.dumps(message).encode())
    assert streamed.usage == entire.usage
    assert bare_message(written(streamed)) == bare_message(written(entire))
    assert bare_message(written(entire)) == bare_message(message)


@given(cuts=st.lists(st.integers(0, len(sse(*WHOLE))), max_size=12), crlf=st.booleans())
def test_it_makes_no_difference_how_the_bytes_were_cut(cuts: list[int], *, crlf: bool) -> None:
    body = sse(*WHOLE)
    body = body.replace(b"\n", b"\r\n") if crlf else body
    reader = ClaudeReader(ASKED)
    pieces: list[Piece] = []
    for first, last in pairwise([0, *sorted(cuts), len(body)]):
        pieces += reader.push(body[first:last])
    assert [*pieces, *reader.finish()] == read(sse(*WHOLE))


def test_events_and_deltas_of_the_future_are_passed_over() -> None:
    odd: list[Body] = [
        {"type": "weather_report"},
        *block(0, {"type": "text", "text": ""}, {"type": "sound_delta"}),
        {"type": "message_delta", "delta": {}},
    ]
    (last,) = read(sse(start(), *odd, *ending()))
    assert last.finish_reason == "stop"


def test_arguments_that_came_with_the_start_of_a_call_are_kept() -> None:
    pieces = read(sse(start(), *called(0, "f", a=1), *ending("tool_use")))
    assert pieces[1].calls == (CallDelta(0, arguments='{"a":1}'),)


@pytest.mark.parametrize("kept", range(len(WHOLE)))
def test_a_stream_without_its_end_is_cut_off(kept: int) -> None:
    with pytest.raises(CutOff):
        read(sse(*WHOLE[:kept]))


def test_the_last_blank_line_may_be_missing() -> None:
    assert read(sse(*WHOLE)[:-2]) == read(sse(*WHOLE))


def test_nothing_is_read_behind_the_end() -> None:
    assert read(sse(*WHOLE, *said(0, "more"))) == read(sse(*WHOLE))


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        ("overloaded_error", "Overloaded", 529),
        ("api_error", "Internal server error", 500),
        ("something_new", "?", 500),
        ("invalid_request_error", "Your credit balance is too low", "insufficient_quota"),
    ],
)
def test_an_error_inside_a_stream_is_told_after_what_came_before_it(
    kind: str, words: str, code: int | str
) -> None:
    error = {"type": "error", "error": {"type": kind, "message": words}}
    reader = ClaudeReader(ASKED)
    pieces = reader.push(sse(start(), *said(0, "a"), error, *said(1, "b")))
    assert [piece.text for piece in pieces] == ["a"]
    assert reader.ended
    with pytest.raises(ErrorTold) as caught:
        reader.finish()
    assert (caught.value.told.type, caught.value.told.code) == (kind, code)


def test_untold_usage_is_estimated() -> None:
    opened: Body = {"type": "message_start", "message": {"model": "m"}}
    end: list[Body] = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP]
    usage = read(sse(opened, *said(0, "abcd", "efgh"), *end))[-1].usage
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens == 2


@pytest.mark.parametrize(
    "data",
    [
        b"nothing",
        b"[]",
        b"{}",
        b'{"type":1}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff"}}',
        b"[" * 100_000,
    ],
)
def test_garbage_inside_a_stream_is_no_message(data: bytes) -> None:
    reader = ClaudeReader(ASKED)
    reader.push(sse(start()) + b"data: " + data + b"\n\n")
    assert reader.ended
    with pytest.raises(NotAMessage):
        reader.finish()


def test_an_event_without_end_is_too_long() -> None:
    with pytest.raises(EventTooLong):
        ClaudeReader(ASKED).push(b"data: " + b"a" * (LONGEST_EVENT + 1))


# Writing.


def stream(pieces: list[Piece], completion: Completion) -> bytes:
    writer = MessagesWriter(HEADING, ChatRequest("claude", ()))
    return b"".join(
        (writer.opening(), *map(writer.piece, pieces), writer.closing(completion, None))
    )


def test_what_was_read_is_written_as_it_was() -> None:
    pieces = read(sse(*WHOLE))
    again = assembled(events_in(stream(pieces, joined(pieces))))
    assert bare_message(again) == bare_message(assembled(WHOLE))


def test_a_plain_stream_has_the_events_that_clients_wait_for() -> None:
    completion = Completion((Choice("ab"),), Usage(10, 2), "m")
    events = events_in(stream([Piece("a"), Piece("b")], completion))
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["id"] == "exc_1"
    assert events[0]["message"]["content"] == []
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"]["input_tokens"] == 10
    lines = stream([Piece("a")], completion).decode().split("\n\n")
    for event in filter(None, lines):
        name, data = event.split("\n")
        assert name.removeprefix("event: ") == json.loads(data.removeprefix("data: "))["type"]


def test_a_stream_of_nothing_is_whole_too() -> None:
    message = assembled(events_in(stream([], Completion((Choice(),), Usage(1, 0), "m"))))
    assert (message["content"], message["stop_reason"]) == ([], "end_turn")


def test_calls_of_another_provider_are_blocks_one_after_the_other() -> None:
    pieces = [
        Piece("I look.", thought=Thought("Hm.")),
        Piece(calls=(CallDelta(0, "a", "f"), CallDelta(1, "b", "g", "{}"))),
        Piece(calls=(CallDelta(2, "c", "h", '{"x"'),)),
        Piece(calls=(CallDelta(2, arguments=":1}"),)),
    ]
    events = events_in(stream(pieces, Completion((Choice(),), Usage(1, 1), "m")))
    open_blocks: set[int] = set()
    for event in events:
        if event["type"] == "content_block_start":
            assert not open_blocks
            open_blocks.add(event["index"])
        elif event["type"] == "content_block_stop":
            open_blocks.remove(event["index"])
        elif event["type"] == "content_block_delta":
            assert open_blocks == {event["index"]}
    assert assembled(events)["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        {"type": "tool_use", "id": "c", "name": "h", "input": {"x": 1}},
    ]


def test_arguments_that_come_late_find_their_call() -> None:
    pieces = [
        Piece(calls=(CallDelta(0, "a", "f", '{"x"'), CallDelta(1, "b", "g", '{"y"'))),
        Piece(calls=(CallDelta(0, arguments=":1}"), CallDelta(1, arguments=":2}"))),
    ]
    message = assembled(events_in(stream(pieces, Completion((Choice(),), Usage(1, 1), "m"))))
    assert [block["input"] for block in message["content"]] == [{"x": 1}, {"y": 2}]


def test_an_answer_that_had_to_wait_comes_in_its_order() -> None:
    """As where a stage lets nothing leave before the whole is judged."""
    completion = joined(read(sse(*WHOLE)))
    pieces = pieces_of(0, completion.choices[0])
    assert bare_message(assembled(events_in(stream(pieces, completion)))) == bare_message(
        assembled(WHOLE)
    )


def test_citations_wait_for_a_text_that_a_guard_holds_back() -> None:
    extras = joined(read(sse(start(), *said(0, "Fees.", citations=("u",)), *ending())))
    listed = extras.choices[0].extras
    pieces = [Piece(choice_extras=listed), Piece("Fees.")]
    message = assembled(events_in(stream(pieces, extras)))
    assert message["content"] == [{"type": "text", "text": "Fees.", "citations": [{"url": "u"}]}]


def test_a_refusal_in_a_models_own_words_is_a_text() -> None:
    completion = Completion((Choice(refusal="No."),), Usage(1, 1), "m")
    message = assembled(events_in(stream([Piece(refusal="N"), Piece(refusal="o.")], completion)))
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert message["stop_reason"] == "refusal"


def test_a_failure_is_an_error_event_and_no_end() -> None:
    writer = MessagesWriter(HEADING, ChatRequest("claude", ()))
    writer.opening()
    writer.piece(Piece("a"))
    assert writer.failure(ProviderOverloaded("Provider `x`."), "req_1").startswith(
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
    )


_PIECES = st.one_of(
    st.builds(Piece, st.text(max_size=4)),
    st.builds(lambda text: Piece(thought=Thought(text)), st.text(max_size=4)),
    st.builds(lambda text: Piece(thought=Thought(text, "sig")), st.text(max_size=4)),
    st.just(Piece(thought=Thought(hidden="x"))),
    st.builds(lambda text: Piece(refusal=text), st.text(max_size=4)),
    st.builds(lambda text: Piece(logprobs=text), st.text(max_size=4)),
)


@given(pieces=st.lists(_PIECES, max_size=20), calls=st.integers(0, 3))
def test_whatever_comes_in_whatever_order_the_stream_is_well_formed(
    pieces: list[Piece], calls: int
) -> None:
    asked = [Piece(calls=(CallDelta(place, "c", "f", '{"a":1}'),)) for place in range(calls)]
    completion = Completion(
        (Choice(tool_calls=tuple(ToolCall("c", "f") for _ in asked)),), Usage(1, 1), "m"
    )
    body = stream([*pieces, *asked], completion)
    message = assembled(events_in(body))
    texts = [block["text"] for block in message["content"] if block["type"] == "text"]
    assert "".join(texts) == "".join(piece.text + piece.refusal for piece in pieces)
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    assert "".join(block["thinking"] for block in thoughts) == "".join(
        piece.thought.text for piece in pieces if piece.thought
    )
    assert sum(block["type"] == "tool_use" for block in message["content"]) == calls
    # Our own reader takes it too.
    assert joined(read(body)).choices[0].text == "".join(texts)
