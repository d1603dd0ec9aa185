"""What we write in OpenAI's format we read back as it was, for any values."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.providers.pieces import Gathering, pieces_of
from passerelle.core.values.chat import (
    ChatRequest,
    Choice,
    Completion,
    Format,
    Media,
    Message,
    Options,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_answers import ChatWriter, encode_completion
from passerelle.transport.wire.openai_calls import Dialect, encode_request
from passerelle.transport.wire.openai_chat import decode_request
from passerelle.transport.wire.openai_chunks import ChatReader
from passerelle.transport.wire.openai_completions import decode_completion
from passerelle.transport.wire.openai_parts import plain, text_of

HEADING = Heading("exc_1", 1, "m")
KNOWS_ALL = Dialect(call_signatures=True)
WORDS = st.text(max_size=12)
SAID = st.text(min_size=1, max_size=12)
BASE64 = st.sampled_from(["AA==", "AAAA", "////"])
EXTRAS: st.SearchStrategy[Any] = st.dictionaries(
    SAID.map("x_{}".format), st.integers(-9, 9) | SAID | st.booleans(), max_size=2
)
SCHEMAS: st.SearchStrategy[Any] = st.sampled_from(
    [{"type": "object"}, {"type": "object", "x": [1]}]
)

MEDIA = st.one_of(
    st.builds(Media, st.just("image"), BASE64, media_type=st.just("image/png"), extras=EXTRAS),
    st.builds(Media, st.just("image"), url=SAID.map("https://a.example/{}".format)),
    st.builds(
        Media, st.just("audio"), BASE64, media_type=st.sampled_from(["audio/wav", "audio/mpeg"])
    ),
    st.builds(Media, st.just("file"), BASE64, media_type=st.just("application/pdf"), name=WORDS),
    st.builds(Media, st.just("file"), url=SAID.map("https://a.example/{}".format), name=WORDS),
)
PARTS = st.lists(st.builds(Text, WORDS, EXTRAS) | MEDIA, min_size=1, max_size=4)
CALLS = st.lists(
    st.builds(ToolCall, SAID, SAID, SAID, WORDS), max_size=3, unique_by=lambda call: call.id
).map(tuple)
THOUGHTS = st.one_of(
    st.just(()),
    st.builds(Thought, SAID).map(lambda thought: (thought,)),
    st.lists(
        st.builds(Thought, SAID, SAID) | st.builds(Thought, hidden=SAID), min_size=1, max_size=3
    ).map(tuple),
)


def of_parts(role: Any, parts: list[Part], extras: Any) -> Message:
    return Message(role, text_of(parts), plain(tuple(parts)), extras=extras)


MESSAGES = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer", "user"]), WORDS, extras=EXTRAS),
    st.builds(of_parts, st.sampled_from(["user", "system"]), PARTS, EXTRAS),
    st.builds(
        Message,
        st.just("assistant"),
        WORDS,
        tool_calls=CALLS,
        thoughts=st.just(()) | st.builds(Thought, SAID).map(lambda thought: (thought,)),
        extras=EXTRAS,
    ),
    st.builds(Message, st.just("tool"), WORDS, tool_call_id=SAID, extras=EXTRAS),
)
TOOLS = st.builds(
    Tool, SAID, WORDS, st.just({}) | SCHEMAS, st.none() | st.booleans(), extras=EXTRAS
)
CHOICES = st.sampled_from(
    [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named", "f")]
)
OPTIONS = st.builds(
    Options,
    max_tokens=st.none() | st.integers(1, 99),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(SAID, max_size=3).map(tuple),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    n=st.integers(1, 5),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
    logprobs=st.just(True),
    top_logprobs=st.none() | st.integers(0, 20),
    tools=st.lists(TOOLS, max_size=2).map(tuple),
    tool_choice=CHOICES,
    parallel_tool_calls=st.none() | st.booleans(),
    format=st.none()
    | st.just(Format())
    | st.builds(Format, SCHEMAS, SAID, WORDS, st.none() | st.booleans()),
    effort=st.sampled_from(["", "low", "else"]),
    extras=EXTRAS,
)


@given(st.lists(MESSAGES, min_size=1, max_size=3).map(tuple), OPTIONS)
def test_any_request_is_written_and_read_without_loss(
    messages: tuple[Message, ...], options: Options
) -> None:
    call = ModelCall(
        model="m",
        messages=messages,
        question="",
        hits=(),
        sentences=1,
        refuse_below=0.0,
        refusal="",
        deadline_seconds=1.0,
        options=options,
    )
    got = decode_request(encode_request(call, KNOWS_ALL, stream=True))
    assert (got.messages, got.options) == (messages, options)


LOGPROBS: st.SearchStrategy[Any] = st.none() | st.lists(
    st.fixed_dictionaries({"token": WORDS, "logprob": st.floats(-9, 0)}), min_size=1, max_size=2
).map(lambda tokens: {"content": tokens})
ANSWERS = st.builds(
    Choice,
    WORDS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    CALLS,
    THOUGHTS,
    WORDS,
    LOGPROBS,
    EXTRAS,
)
COMPLETIONS = st.builds(
    Completion,
    st.lists(ANSWERS, min_size=1, max_size=3).map(tuple),
    st.builds(
        Usage, st.integers(10, 99), st.integers(10, 99), st.integers(0, 5), st.integers(0, 5)
    ),
    st.just("m"),
    EXTRAS,
)


@given(COMPLETIONS)
def test_any_answer_is_written_and_read_without_loss(completion: Completion) -> None:
    assert decode_completion(encode_completion(HEADING, completion, None)) == completion


@given(COMPLETIONS, st.integers(1, 9), st.integers(1, 50))
def test_any_stream_is_written_and_read_without_loss(
    completion: Completion, characters: int, size: int
) -> None:
    request = ChatRequest(
        "m", (), stream=True, include_usage=True, options=Options(n=len(completion.choices))
    )
    writer = ChatWriter(HEADING, request)
    pieces = pieces_of(completion, characters=characters)
    written = b"".join(
        [writer.opening(), *map(writer.piece, pieces), writer.closing(completion, None)]
    )
    call = ModelCall("m", (), "", (), 1, 0.0, refusal="", deadline_seconds=1.0)
    reader = ChatReader(call)
    parts = [written[start : start + size] for start in range(0, len(written), size)]
    gathering = Gathering()
    got = [
        gathering.add(piece)
        for piece in [*(piece for part in parts for piece in reader.push(part)), *reader.finish()]
    ]
    assert got[-1] == completion
