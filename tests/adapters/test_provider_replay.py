"""Replaying and recording."""

from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from passerelle.adapters.providers.replay import (
    Damage,
    Pace,
    Recorder,
    Replay,
    UnreadableRecording,
    record,
    recordings_in,
    request_digest,
)
from passerelle.core.values.chat import (
    Choice,
    Completion,
    Media,
    Message,
    Options,
    Thought,
    Tool,
    ToolCall,
    Usage,
    spoken,
)
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    ModelCall,
    ProviderOverloaded,
    ProviderRefused,
)

CALL = ModelCall(
    model="m",
    messages=(Message("user", "Why?"),),
    question="Why?",
    hits=(),
    sentences=1,
    refuse_below=0.0,
    refusal="",
    deadline_seconds=1.0,
)
ANSWER = Completion(
    (
        Choice("Because.", "length", refusal="no", logprobs={"content": [{"token": "B"}]}),
        Choice(
            "",
            "tool_calls",
            (ToolCall("a", "f", '{"x":1}', "s"), ToolCall("b", "g")),
            (Thought("Hm.", "t"), Thought(hidden="h"), Thought("So.")),
            extras={"annotations": [1]},
        ),
    ),
    Usage(3, 2, reasoning_tokens=1),
    "m-2024",
    {"system_fingerprint": "fp"},
)
EMBEDDING = EmbeddingCall("e", ("one", (1, 2)), 1.0)


def saying(text: str) -> Completion:
    return spoken(text, usage=Usage(3, 2), model="m-2024")


def test_digest_depends_on_what_decides_the_answer_and_on_nothing_else() -> None:
    same = replace(CALL, deadline_seconds=9.0, question="other", sentences=5)
    assert request_digest(same) == request_digest(CALL)
    said = Message("user", "Why?")
    others = [
        replace(CALL, model="n"),
        *(
            replace(CALL, messages=(message,))
            for message in (
                Message("system", "Why?"),
                Message("user", "Why? "),
                replace(said, parts=(Media("image", url="https://a.example"),)),
                replace(said, tool_calls=(ToolCall("c", "f"),)),
                replace(said, tool_call_id="c"),
                replace(said, thoughts=(Thought("Hm."),)),
                replace(said, extras={"name": "ann"}),
            )
        ),
        *(
            replace(CALL, options=options)
            for options in (
                Options(temperature=0.0),
                Options(max_tokens=1),
                Options(n=2),
                Options(stop=("a",)),
                Options(tools=(Tool("f"),)),
                Options(extras={"seed": 1}),
                Options(dialect="messages"),
            )
        ),
    ]
    assert len({request_digest(call) for call in (CALL, *others)}) == 1 + len(others)


async def test_what_was_recorded_is_replayed_whole_and_streamed(tmp_path: Path) -> None:
    real = Replay([record(CALL, ANSWER)])
    other = replace(CALL, options=Options(temperature=1.0))
    real_other = Replay([record(other, ANSWER)])
    await Recorder(real, tmp_path / "a.jsonl").complete(CALL)
    streaming = Recorder(real_other, tmp_path / "b.jsonl")
    pieces = [piece async for piece in streaming.stream(other)]
    assert "".join(piece.text for piece in pieces if piece.index == 0) == ANSWER.text
    assert [piece.usage for piece in pieces if piece.usage] == [ANSWER.usage]
    again = Replay(recordings_in(tmp_path))
    assert await again.complete(CALL) == ANSWER
    assert await again.complete(other) == ANSWER


async def test_stream_that_was_left_early_is_not_recorded(tmp_path: Path) -> None:
    recorder = Recorder(Replay(default=ANSWER, pace=Pace(chunk_characters=2)), tmp_path / "a.jsonl")
    stream = recorder.stream(CALL)
    await anext(stream)
    await stream.aclose()
    assert recordings_in(tmp_path) == ()


async def test_unknown_request_says_its_digest_and_how_to_record() -> None:
    with pytest.raises(ProviderRefused, match="record one") as caught:
        await Replay([record(replace(CALL, model="n"), ANSWER)]).complete(CALL)
    assert request_digest(CALL) in caught.value.message


async def test_default_answers_whatever_has_no_recording() -> None:
    other = saying("Recorded.")
    provider = Replay([record(CALL, other)], default=ANSWER)
    assert (await provider.complete(CALL)).text == "Recorded."
    assert (await provider.complete(replace(CALL, model="n"))).text == ANSWER.text


def test_line_that_is_no_recording_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('\n{"digest": "d", "choices": []}\n{"digest": 7}\n')
    with pytest.raises(UnreadableRecording, match=r"a\.jsonl:3"):
        recordings_in(tmp_path)


async def test_pace_decides_latency_and_the_size_of_pieces() -> None:
    pace = Pace(latency_seconds=0.05, chunk_characters=3, between_chunks_seconds=0.01)
    provider = Replay(default=saying("Because."), pace=pace)
    started = monotonic()
    pieces = [piece async for piece in provider.stream(CALL)]
    assert [piece.text for piece in pieces] == ["Bec", "aus", "e.", ""]
    assert monotonic() - started > 0.07


async def test_overload_says_when_to_come_back() -> None:
    provider = Replay(default=ANSWER, damage=Damage("status", 429, retry_after_seconds=4.0))
    with pytest.raises(ProviderOverloaded) as caught:
        await provider.complete(CALL)
    assert caught.value.retry_after_seconds == 4.0


@pytest.mark.parametrize("text", ["", "a", "abcdefghijklmnopqrstuvwxyz"])
async def test_damage_reaches_answers_of_every_length(text: str) -> None:
    provider = Replay(default=saying(text), damage=Damage("status", 400))
    cut = Replay(default=saying(text), damage=Damage("cut"))
    with pytest.raises(ProviderRefused):
        _ = [piece async for piece in provider.stream(CALL)]
    with pytest.raises(Exception, match="before it was complete"):
        _ = [piece async for piece in cut.stream(CALL)]


async def test_vectors_are_recorded_and_replayed(tmp_path: Path) -> None:
    real = Replay(default=ANSWER)
    got = await Recorder(real, tmp_path / "a.jsonl").embed(EMBEDDING)
    again = Replay(recordings_in(tmp_path))
    assert await again.embed(EMBEDDING) == got
    with pytest.raises(ProviderRefused, match="record one"):
        await again.embed(replace(EMBEDDING, dimensions=2))


async def test_made_up_vectors_are_equal_for_equal_texts() -> None:
    provider = Replay(default=ANSWER)
    got = await provider.embed(EmbeddingCall("e", ("one", "two", "one"), 1.0, dimensions=3))
    first, second, third = got.vectors
    assert (first, len(first)) == (third, 12)
    assert second != first


async def test_damage_reaches_vectors_too() -> None:
    provider = Replay(default=ANSWER, damage=Damage("status", 429))
    with pytest.raises(ProviderOverloaded):
        await provider.embed(EMBEDDING)


async def test_provider_is_closed_through_its_recorder(tmp_path: Path) -> None:
    class Closing(Replay):
        closed = False

        async def close(self) -> None:
            self.closed = True

    provider = Closing(default=ANSWER)
    recorder = Recorder(provider, tmp_path / "a.jsonl")
    await recorder.close()
    assert (provider.closed, recorder.name) == (True, "replay")
