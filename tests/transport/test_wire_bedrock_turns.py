"""Conversations and media in Converse, against botocore's description of the service."""

import base64
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    JsonObject,
    Media,
    Message,
    Options,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
)
from tests.adapters.bedrock_bodies import body_of, refused
from tests.adapters.bedrock_calls import model_call

PNG = base64.b64encode(b"\x89PNG").decode()


def turns(*messages: Message, dialect: str = "chat") -> Any:
    options = Options(dialect="messages") if dialect == "messages" else Options()
    return body_of(model_call(*messages, options=options))["messages"]


def content(*parts: Part, dialect: str = "chat") -> Any:
    return turns(Message("user", "", parts), dialect=dialect)[0]["content"]


def test_instructions_go_beside_the_conversation() -> None:
    body = body_of(
        model_call(
            Message("system", "Be brief."), Message("developer", "In French."), Message("user", "?")
        )
    )
    assert body == {
        "system": [{"text": "Be brief."}, {"text": "In French."}],
        "messages": [{"role": "user", "content": [{"text": "?"}]}],
    }


def test_results_of_tools_are_grouped_in_one_turn_of_the_user() -> None:
    calls = (ToolCall("a", "f", "{}"), ToolCall("b", "f", ""))
    told = turns(
        Message("user", "Go"),
        Message("assistant", "Well", tool_calls=calls),
        Message("tool", "1", tool_call_id="a"),
        Message("tool", "broken", tool_call_id="b", failed=True),
        Message("user", "And?"),
    )
    assert [turn["role"] for turn in told] == ["user", "assistant", "user"]
    assert told[1]["content"] == [
        {"text": "Well"},
        {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}},
        {"toolUse": {"toolUseId": "b", "name": "f", "input": {}}},
    ]
    failed = {"toolUseId": "b", "content": [{"text": "broken"}], "status": "error"}
    assert told[2]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}},
        {"toolResult": failed},
        {"text": "And?"},
    ]


def test_blank_texts_are_left_out_since_they_are_refused() -> None:
    told = turns(
        Message("user", "Hi"),
        Message("assistant", " \n"),
        Message("user", "", (Text(" "), Text("Still there?"))),
        Message("tool", "", tool_call_id="a"),
        Message("tool", "", tool_call_id="b", failed=True),
    )
    assert told == [
        {
            "role": "user",
            "content": [
                {"text": "Hi"},
                {"text": "Still there?"},
                {"toolResult": {"toolUseId": "a", "content": []}},
                {
                    "toolResult": {
                        "toolUseId": "b",
                        "content": [{"text": "The tool failed."}],
                        "status": "error",
                    }
                },
            ],
        }
    ]


def test_ids_that_bedrock_refuses_are_replaced_in_call_and_result_alike() -> None:
    strange = "call/" + "x" * 80
    told = turns(
        Message("assistant", "", tool_calls=(ToolCall(strange, "f"),)),
        Message("tool", "1", tool_call_id=strange),
    )
    asked = told[0]["content"][0]["toolUse"]["toolUseId"]
    assert asked == told[1]["content"][0]["toolResult"]["toolUseId"]
    assert len(asked) <= 64


def test_signed_and_hidden_thoughts_go_back_and_unsigned_ones_stay() -> None:
    thoughts = (Thought("Hm", "c2lnbmVk"), Thought("unsigned"), Thought(hidden="aGlkZGVu"))
    assert turns(Message("assistant", "So", thoughts=thoughts))[0]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2lnbmVk"}}},
        {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
        {"text": "So"},
    ]


def test_blocks_keep_the_order_in_which_a_client_of_anthropic_sent_them() -> None:
    message = Message(
        "assistant",
        "One\nTwo",
        (Text("One"), Text("Two")),
        (ToolCall("a", "f"),),
        thoughts=(Thought("Hm", "c2ln"), Thought("unsigned"), Thought("Ah", "c2lnMg==")),
        extras={
            "content_blocks": [
                {"index": 0, "type": "thinking"},
                {"index": 1, "type": "text"},
                {"index": 2, "type": "thinking"},
                {"index": 3, "type": "tool_use", "cache_control": {"type": "ephemeral"}},
                {"index": 4, "type": "thinking"},
                {"index": 5, "type": "text"},
            ]
        },
    )
    kinds = [next(iter(block)) for block in turns(message, dialect="messages")[0]["content"]]
    assert kinds == [
        "reasoningContent",
        "text",
        "toolUse",
        "cachePoint",
        "reasoningContent",
        "text",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"index": 0, "type": "server_tool_use", "name": "web_search"},
        {"index": 0, "type": "text", "citations": [{"type": "page"}]},
    ],
)
def test_blocks_that_only_anthropic_has_are_refused(entry: dict[str, Any]) -> None:
    message = Message("assistant", "So", extras={"content_blocks": [entry]})
    param = refused(model_call(message, options=Options(dialect="messages")))
    assert str(param).startswith("messages[0].content[0]")


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media("image", PNG, media_type="image/jpg"),
            {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        ),
        (
            Media("image", url="s3://some-bucket/a/b.webp"),
            {
                "image": {
                    "format": "webp",
                    "source": {"s3Location": {"uri": "s3://some-bucket/a/b.webp"}},
                }
            },
        ),
        (
            Media("audio", PNG, media_type="audio/mpeg"),
            {"audio": {"format": "mp3", "source": {"bytes": PNG}}},
        ),
        (
            Media("file", PNG, media_type="video/quicktime"),
            {"video": {"format": "mov", "source": {"bytes": PNG}}},
        ),
        (
            Media("file", PNG, name="Année_2026 (final).v2.xlsx"),
            {
                "document": {
                    "format": "xlsx",
                    "name": "Ann e 2026 (final) v2",
                    "source": {"bytes": PNG},
                }
            },
        ),
    ],
)
def test_media_go_in_the_blocks_that_converse_has_for_them(
    media: Media, block: dict[str, Any]
) -> None:
    assert content(Text("See:"), media) == [{"text": "See:"}, block]


def test_documents_of_one_request_have_different_names() -> None:
    plain = Media("file", PNG, media_type="application/pdf", name="a.pdf")
    nameless = Media("file", PNG, media_type="text/plain; charset=utf-8")
    blocks = content(plain, plain, nameless, nameless)
    names = [block["document"]["name"] for block in blocks]
    assert names == ["a", "a (2)", "Document", "Document (2)"]


@pytest.mark.parametrize(
    "media",
    [
        Media("image", url="https://example.org/a.png"),
        Media("image", PNG, media_type="image/tiff"),
        Media("file", PNG, media_type="application/zip"),
        Media("file", PNG),
        Media("image", PNG, media_type="image/png", extras={"detail": "high"}),
    ],
)
def test_media_that_converse_cannot_take_are_refused_by_name(media: Media) -> None:
    message = Message("user", "?", (Text("?"), media))
    assert str(refused(model_call(message))).startswith("messages[0].content[1]")


def test_documents_of_anthropic_keep_their_context_and_citations() -> None:
    document = Media(
        "file",
        PNG,
        media_type="application/pdf",
        name="law",
        extras={
            "context": "Of 1901",
            "citations": {"enabled": True},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
    )
    block, mark = content(document, dialect="messages")
    assert block["document"] == {
        "name": "law",
        "format": "pdf",
        "source": {"bytes": PNG},
        "context": "Of 1901",
        "citations": {"enabled": True},
    }
    assert mark == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert refused(model_call(Message("user", "", (document,)))) is not None


def test_a_cache_mark_becomes_a_cache_point_behind_its_block() -> None:
    mark: JsonObject = {"cache_control": {"type": "ephemeral"}}
    point = {"cachePoint": {"type": "default"}}
    body = body_of(
        model_call(
            Message("system", "Long", (Text("Long", mark),)),
            Message("user", "", (Text("One", mark), Text("Two"))),
            Message("tool", "1", (Text("1", mark),), tool_call_id="a"),
            Message("tool", "2", tool_call_id="b", extras=mark),
            options=Options(tools=(Tool("f", extras=mark),)),
        )
    )
    assert body["system"] == [{"text": "Long"}, point]
    assert body["messages"][0]["content"] == [
        {"text": "One"},
        point,
        {"text": "Two"},
        {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}},
        point,
        {"toolResult": {"toolUseId": "b", "content": [{"text": "2"}]}},
        point,
    ]
    assert body["toolConfig"]["tools"][1] == point


@pytest.mark.parametrize(
    "message",
    [
        Message("user", "?", extras={"name": "Ada"}),
        Message("user", "?", (Text("?", {"cache_control": {"type": "persistent"}}),)),
        Message("system", "?", (Media("image", PNG, media_type="image/png"),)),
    ],
)
def test_fields_of_messages_without_counterpart_are_refused_by_name(message: Message) -> None:
    assert str(refused(model_call(message))).startswith("messages[0].")


_WORDS = st.text(max_size=10)
_PARTS = st.lists(
    st.one_of(
        st.builds(Text, _WORDS),
        st.just(Media("image", PNG, media_type="image/png")),
        st.builds(Media, st.just("file"), st.just(PNG), name=_WORDS.map(lambda name: name + ".md")),
    ),
    max_size=3,
).map(tuple)
_CALLS = st.lists(
    st.builds(ToolCall, st.text(min_size=1, max_size=70), st.just("f"), _WORDS), max_size=2
).map(tuple)
_MESSAGES = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer"]), _WORDS),
    st.builds(Message, st.just("user"), _WORDS, _PARTS),
    st.builds(Message, st.just("assistant"), _WORDS, tool_calls=_CALLS),
    st.builds(
        Message,
        st.just("tool"),
        _WORDS,
        _PARTS,
        tool_call_id=st.text(min_size=1, max_size=70),
        failed=st.booleans(),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_MESSAGES, min_size=1, max_size=6))
def test_any_conversation_becomes_turns_that_alternate(messages: list[Message]) -> None:
    told = turns(*messages)
    roles = [turn["role"] for turn in told]
    assert all(one != other for one, other in pairwise(roles))
    assert all(turn["content"] for turn in told)
