"""Streams of servers that speak Chat Completions, in every way seen and in some not seen."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.values.chat import CallDelta, Message, Piece, Thought, Usage
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.openai_chunks import ChatReader, CutOff
from passerelle.transport.wire.openai_completions import ErrorTold, NotACompletion
from passerelle.transport.wire.sse import EventTooLong
from tests.adapters.wire_answers import chunk, events, told, usage_chunk

CALL = ModelCall(
    model="m",
    messages=(Message("user", "How do keys start?"),),
    question="",
    hits=(),
    sentences=1,
    refuse_below=0.0,
    refusal="",
    deadline_seconds=1.0,
)
TEXT = "Schlüssel beginnen mit sk-: 東京 🙂."


def read(body: bytes) -> list[Piece]:
    reader = ChatReader(CALL)
    return [*reader.push(body), *reader.finish()]


def chunks(*bodies: object) -> bytes:
    return events(*(json.dumps(body).encode() for body in bodies))


def choice(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def called(*deltas: dict[str, Any]) -> list[CallDelta]:
    body = chunks(*(choice(tool_calls=[delta]) for delta in deltas), choice(finish="tool_calls"))
    return [call for piece in read(body) for call in piece.calls]


def call(name: str = "", arguments: str = "", **fields: object) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"function": function, **fields}


def test_parallel_calls_come_as_deltas_of_each() -> None:
    assert called(
        call("find", index=0, id="a"),
        call("", '{"q":', index=0),
        call("open", "{}", index=1, id="b"),
        call("", '"keys"}', index=0),
    ) == [
        CallDelta(0, "a", "find"),
        CallDelta(0, arguments='{"q":'),
        CallDelta(1, "b", "open", "{}"),
        CallDelta(0, arguments='"keys"}'),
    ]


def test_servers_that_repeat_id_and_name_are_read_as_those_that_do_not() -> None:
    assert called(call("find", '{"q":', index=0, id="a"), call("find", "1}", index=0, id="a")) == [
        CallDelta(0, "a", "find", '{"q":'),
        CallDelta(0, arguments="1}"),
    ]


def test_calls_without_a_number_are_told_apart_by_their_ids() -> None:
    assert called(
        call("find", "{", id="a"), call("", "}"), call("open", "{", id="b"), call("", "}", id="a")
    ) == [
        CallDelta(0, "a", "find", "{"),
        CallDelta(0, arguments="}"),
        CallDelta(1, "b", "open", "{"),
        CallDelta(0, arguments="}"),
    ]


def test_calls_that_share_one_number_are_told_apart_by_their_ids() -> None:
    assert called(call("find", "{}", index=0, id="a"), call("open", "{}", index=0, id="b")) == [
        CallDelta(0, "a", "find", "{}"),
        CallDelta(1, "b", "open", "{}"),
    ]


def test_calls_without_ids_get_some() -> None:
    assert called(call("find", "{}", index=0), call("open", "{}", index=1)) == [
        CallDelta(0, "call_0", "find", "{}"),
        CallDelta(1, "call_1", "open", "{}"),
    ]


def test_call_without_arguments_has_an_empty_object_of_them() -> None:
    assert called(call("now", index=0, id="a")) == [
        CallDelta(0, "a", "now"),
        CallDelta(0, arguments="{}"),
    ]


def test_arguments_written_as_an_object_become_its_text() -> None:
    delta = {"index": 0, "id": 7, "function": {"name": "f", "arguments": {"x": 1}}}
    assert called(delta) == [CallDelta(0, "7", "f", '{"x":1}')]


def test_signature_of_a_call_is_read() -> None:
    signed = call("f", "{}", index=0, id="a")
    signed["extra_content"] = {"google": {"thought_signature": "s"}}
    assert called(signed)[0].signature == "s"


def test_choices_are_told_apart_and_each_ends_with_its_reason() -> None:
    pieces = read(
        chunks(
            choice(0, content="a"),
            choice(1, content="b"),
            choice(1, "length"),
            choice(0, content="c"),
            choice(0, "stop"),
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        )
    )
    assert [(piece.index, piece.text) for piece in pieces[:3]] == [(0, "a"), (1, "b"), (0, "c")]
    assert [(piece.index, piece.finish_reason) for piece in pieces[3:]] == [
        (0, "stop"),
        (1, "length"),
    ]
    assert [piece.usage for piece in pieces] == [None] * 4 + [Usage(1, 2)]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_are_read_under_either_name(field: str) -> None:
    thought: dict[str, Any] = {field: "Hm."}
    pieces = read(chunks(choice(**thought), choice(content="a"), choice(finish="stop")))
    assert [piece.thought for piece in pieces] == [Thought("Hm."), None, None]


def test_thoughts_within_the_content_are_read() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    said = [{"type": "text", "text": "a"}]
    pieces = read(chunks(choice(content=parts), choice(content=said), choice(finish="stop")))
    assert (pieces[0].thought, pieces[1].text) == (Thought("Hm."), "a")


def test_refusals_and_probabilities_come_with_their_piece() -> None:
    likely = {"content": [{"token": "a"}], "refusal": None}
    said = choice(content="a")
    said["choices"][0]["logprobs"] = likely
    pieces = read(chunks(choice(refusal="No."), said, choice(finish="stop")))
    assert (pieces[0].refusal, pieces[1].text, pieces[1].logprobs) == ("No.", "a", likely)


def test_fields_that_we_do_not_know_come_with_the_end_of_their_choice() -> None:
    pieces = read(
        chunks(
            choice(annotations=[{"a": 1}], audio={"id": "x", "data": "A"}),
            choice(audio={"id": "x", "data": "B"}, annotations=[]),
            {**choice(finish="stop"), "system_fingerprint": "fp", "obfuscation": "xyz"},
            {"choices": [], "service_tier": "default", "moderation": {"flagged": True}},
        )
    )
    assert pieces[-1].choice_extras == {
        "annotations": [{"a": 1}],
        "audio": {"id": "x", "data": "AB"},
    }
    assert pieces[-1].extras == {
        "system_fingerprint": "fp",
        "service_tier": "default",
        "moderation": {"flagged": True},
    }


def test_usage_of_groq_is_found_where_it_puts_it() -> None:
    usage = {"prompt_tokens": 4, "completion_tokens": 2}
    pieces = read(
        chunks(choice(content="a"), {**choice(finish="stop"), "x_groq": {"usage": usage}})
    )
    assert pieces[-1].usage == Usage(4, 2)


def test_stream_without_usage_is_counted_by_us() -> None:
    usage = read(events(*told(TEXT, usage=None)))[-1].usage
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens == -(-len(TEXT.encode()) // 4)


def test_reason_that_is_no_reason_follows_from_the_answer() -> None:
    assert read(chunks(choice(content="a"), choice(finish="")))[-1].finish_reason == "stop"
    pieces = read(chunks(choice(tool_calls=[call("f", "{}", index=0, id="a")]), choice(finish="")))
    assert pieces[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", CutOff),
        (events(chunk("a")), CutOff),
        (chunks(choice(0, content="a"), choice(1, "stop")), CutOff),
        (events(b"{half"), NotACompletion),
        (events(b"[]"), NotACompletion),
        (events(b"{}"), NotACompletion),
        (events(b'{"choices":null}'), NotACompletion),
        (chunks({"choices": [7]}), NotACompletion),
        (chunks(choice(content=7)), NotACompletion),
        (chunks(choice(tool_calls=[{"index": 0}])), NotACompletion),
        (chunks(choice(-1, content="a")), NotACompletion),
        (chunks({"error": {"message": "m"}}), ErrorTold),
        (chunks({"error": {"message": "m"}, "choices": []}), ErrorTold),
        (chunks(choice(finish="error")), ErrorTold),
        (b"data: " + b"x" * 2_000_000, EventTooLong),
    ],
)
def test_streams_that_go_wrong_are_told_apart(body: bytes, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        read(body)


def test_chunks_that_share_all_but_their_text_are_read_as_any_others() -> None:
    said = ["a", 'quoted "content":"b"', "\\", "ü\n", "", "東京"]
    bodies = [chunk("", role="assistant"), *map(chunk, said), chunk(finish="stop")]
    spread = [body.replace(b'"id": ', b'"id":' + b" " * place) for place, body in enumerate(bodies)]
    for each in (bodies, spread):
        pieces = read(events(*each))
        assert "".join(piece.text for piece in pieces) == "".join(said)


def test_what_came_before_a_failure_is_given_out_first() -> None:
    reader = ChatReader(CALL)
    pieces = reader.push(events(chunk("a"), b"{half", chunk("b"), done=False))
    assert ([piece.text for piece in pieces], reader.ended) == (["a"], True)
    with pytest.raises(NotACompletion):
        reader.finish()


def test_nothing_after_the_end_mark_is_read() -> None:
    reader = ChatReader(CALL)
    pieces = reader.push(events(*told("a")) + events(chunk("more")))
    assert reader.ended
    assert "".join(piece.text for piece in [*pieces, *reader.finish()]) == "a"


def in_parts(body: bytes, cuts: Sequence[int]) -> list[Piece]:
    reader = ChatReader(CALL)
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [piece for start, end in pairwise(places) for piece in reader.push(body[start:end])]
    return [*pieces, *reader.finish()]


_RICH = (
    chunks(
        choice(role="assistant", content=""),
        choice(reasoning="Überlegung 🙂"),
        choice(1, content="東京"),
        choice(tool_calls=[call("find", '{"q":', index=0, id="a")]),
        choice(content="ü"),
        choice(tool_calls=[call("", '"鍵"}', index=0), call("open", index=1, id="b")]),
        choice(0, "tool_calls"),
        choice(1, "stop"),
    ).replace(b"data: ", b": comment\r\nid: 7\r\ndata:", 3)
    + b"\r\n"
)


@settings(max_examples=200)
@given(cuts=st.lists(st.integers(1, len(_RICH)), max_size=40))
def test_cutting_the_bytes_makes_no_difference(cuts: list[int]) -> None:
    assert in_parts(_RICH, cuts) == read(_RICH)


@settings(max_examples=300)
@given(
    cuts=st.lists(st.integers(1, 900), max_size=20),
    place=st.integers(0, 900),
    noise=st.binary(max_size=30),
)
def test_any_bytes_give_pieces_or_a_clean_failure(
    cuts: list[int], place: int, noise: bytes
) -> None:
    whole = bytearray(events(*told(TEXT)))
    whole[place : place + len(noise)] = noise
    try:
        pieces = in_parts(bytes(whole), cuts)
    except (NotACompletion, ErrorTold, CutOff, EventTooLong):
        assert noise
    else:
        assert pieces[-1].usage is not None
        assert noise or "".join(piece.text for piece in pieces) == TEXT


def test_data_over_several_lines_is_one_chunk() -> None:
    said = b'data: "delta":{"content":"a"},'
    lines = [b'data: {"choices":[{"index":0,', said, b'data: "finish_reason":"stop"}]}\n\n']
    assert read(b"\n".join(lines) + events(usage_chunk()))[0].text == "a"
