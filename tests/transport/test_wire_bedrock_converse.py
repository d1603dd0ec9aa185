"""Requests of Converse, against botocore's description of the service and recorded ones."""

import base64
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.core.values.chat import (
    Format,
    JsonObject,
    Media,
    Message,
    Options,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.bedrock_converse import encode_request
from tests.adapters.bedrock_calls import CONVERSED, model_call, recorded_body, recorded_call
from tests.recordings import recorded

CLAUDE = "eu.anthropic.claude-sonnet-4-6"
PNG = base64.b64encode(b"\x89PNG").decode()
WEATHER = Tool("get_weather", "Tells the weather.", {"properties": {"city": {"type": "string"}}})
CALLED = (
    Message("user", "Weather?"),
    Message("assistant", "", tool_calls=(ToolCall("call_1", "get_weather", '{"city":"Paris"}'),)),
    Message("tool", "Sunny", tool_call_id="call_1"),
)


def body_of(call: ModelCall) -> dict[str, Any]:
    """Every body is checked against botocore's description of the service."""
    body: dict[str, Any] = json.loads(encode_request(call))
    report = ParamValidator().validate({"modelId": call.model, **body}, _shape())
    assert not report.has_errors(), report.generate_report()
    return body


@cache
def _shape() -> Any:
    service = get_session().get_service_model("bedrock-runtime")
    return service.operation_model("Converse").input_shape


def turns(*messages: Message, dialect: str = "chat") -> Any:
    options = Options(dialect="messages") if dialect == "messages" else Options()
    return body_of(model_call(*messages, options=options))["messages"]


def content(*parts: Part, dialect: str = "chat") -> Any:
    return turns(Message("user", "", parts), dialect=dialect)[0]["content"]


def refused(call: ModelCall) -> str | None:
    with pytest.raises(Inexpressible) as caught:
        encode_request(call)
    return caught.value.param


def test_recorded_requests_are_made_again_from_our_values(data_sets: Path) -> None:
    calls = recorded(data_sets, CONVERSED)
    assert len(calls) >= 35
    for call in calls:
        made = body_of(recorded_call(call))
        assert _normal(made) == _normal(recorded_body(call)), str(call)


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing, and schemas parsed."""
    if output := body.get("outputConfig"):
        schema = output["textFormat"]["structure"]["jsonSchema"]
        schema["schema"] = json.loads(schema["schema"])
    for turn in body["messages"]:
        for block in turn["content"]:
            if "toolResult" in block:
                block["toolResult"].pop("status", None)
            if "video" in block:
                block["video"]["format"] = block["video"]["format"].removeprefix("video/")
    return {key: value for key, value in body.items() if value}


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


def test_how_to_answer_goes_in_the_inference_configuration() -> None:
    options = Options(max_tokens=9, temperature=0.5, top_p=0.25, stop=("a", "b"))
    assert body_of(model_call(options=options))["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 0.5,
        "topP": 0.25,
        "stopSequences": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (Options(n=2), "n"),
        (Options(seed=7), "seed"),
        (Options(presence_penalty=0.5), "presence_penalty"),
        (Options(frequency_penalty=-0.5), "frequency_penalty"),
        (Options(logprobs=True), "logprobs"),
        (Options(logprobs=True, dialect="responses"), "include"),
        (Options(temperature=1.5), "temperature"),
        (Options(format=Format()), "response_format"),
        (Options(format=Format(), dialect="responses"), "text.format"),
        (Options(effort="high"), "reasoning_effort"),
        (Options(tools=(Tool("search", kind="web_search"),)), "tools[0].type"),
        (Options(tools=(Tool("f", extras={"cached": True}),)), "tools[0].cached"),
        (Options(tools=(WEATHER,), parallel_tool_calls=False), "parallel_tool_calls"),
        (Options(extras={"logit_bias": {"1": 2}}), "logit_bias"),
        (Options(extras={"store": True}), "store"),
        (Options(extras={"top_k": 5}, dialect="messages"), "top_k"),
        (Options(extras={"service_tier": "scale"}), "service_tier"),
    ],
)
def test_options_without_counterpart_are_refused_by_the_clients_name(
    options: Options, param: str
) -> None:
    assert refused(model_call(options=options)) == param


def test_what_says_nothing_is_no_reason_to_refuse() -> None:
    options = Options(
        presence_penalty=0.0,
        frequency_penalty=0.0,
        top_logprobs=0,
        parallel_tool_calls=False,
        extras={"store": False, "service_tier": "auto"},
    )
    assert body_of(model_call(options=options)).keys() == {"messages"}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, None),
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("named", "get_weather"), {"tool": {"name": "get_weather"}}),
    ],
)
def test_tools_and_the_choice_among_them_are_told(
    choice: ToolChoice | None, told: dict[str, Any] | None
) -> None:
    strict = Tool("g", strict=True)
    config = body_of(model_call(options=Options(tools=(WEATHER, strict), tool_choice=choice)))
    spec = {
        "name": "get_weather",
        "description": "Tells the weather.",
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
    bare = {"name": "g", "inputSchema": {"json": {"type": "object"}}, "strict": True}
    assert config["toolConfig"]["tools"] == [{"toolSpec": spec}, {"toolSpec": bare}]
    assert config["toolConfig"].get("toolChoice") == told


def test_no_tool_is_offered_where_none_may_be_called() -> None:
    options = Options(tools=(WEATHER,), tool_choice=ToolChoice("none"))
    assert "toolConfig" not in body_of(model_call(options=options))


@pytest.mark.parametrize(
    "options", [Options(), Options(tools=(WEATHER,), tool_choice=ToolChoice("none"))]
)
def test_a_conversation_with_calls_keeps_a_tool_that_cannot_be_called(options: Options) -> None:
    config = body_of(model_call(*CALLED, options=options))["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["no_tool_available"]


def test_claude_can_be_told_to_call_one_tool_at_a_time() -> None:
    options = Options(tools=(WEATHER,), tool_choice=ToolChoice("auto"), parallel_tool_calls=False)
    body = body_of(model_call(model=CLAUDE, options=options))
    told = {"type": "auto", "disable_parallel_tool_use": True}
    assert body["additionalModelRequestFields"] == {"tool_choice": told}
    assert "toolChoice" not in body["toolConfig"]
    forced = Options(
        tools=(WEATHER,),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        dialect="messages",
    )
    param = refused(model_call(model=CLAUDE, options=forced))
    assert param == "tool_choice.disable_parallel_tool_use"


def test_an_answer_by_a_schema_is_asked_for_as_text_of_json() -> None:
    form = Format({"type": "object", "properties": {"a": {"const": "é"}}}, "thing", "A thing")
    schema = body_of(model_call(options=Options(format=form)))["outputConfig"]["textFormat"]
    told = schema["structure"]["jsonSchema"]
    assert schema["type"] == "json_schema"
    assert json.loads(told["schema"]) == form.schema
    assert (told["name"], told["description"]) == ("thing", "A thing")


@pytest.mark.parametrize(
    ("model", "effort", "fields", "output"),
    [
        ("openai.gpt-oss-120b-1:0", "medium", {"reasoning_effort": "medium"}, None),
        ("qwen.qwen3-32b-v1:0", "high", {"reasoning_config": "high"}, None),
        (
            "us.amazon.nova-2-lite-v1:0",
            "low",
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            None,
        ),
        (
            "us.amazon.nova-2-lite-v1:0",
            "none",
            {"reasoningConfig": {"type": "disabled"}},
            None,
        ),
        (CLAUDE, "high", {"thinking": {"type": "adaptive"}}, {"effort": "high"}),
        (
            "arn:aws:bedrock:eu-west-1:1234:inference-profile/eu.anthropic.claude-sonnet-4-5-v1:0",
            "medium",
            {"thinking": {"type": "enabled", "budget_tokens": 16_000}},
            None,
        ),
    ],
)
def test_effort_is_told_in_the_words_of_each_family(
    model: str, effort: str, fields: dict[str, Any], output: dict[str, Any] | None
) -> None:
    body = body_of(model_call(model=model, options=Options(effort=effort)))
    assert body["additionalModelRequestFields"] == fields
    assert body.get("outputConfig") == output


def test_converses_own_fields_pass_and_the_models_own_are_joined() -> None:
    extras: dict[str, Any] = {
        "performanceConfig": {"latency": "optimized"},
        "requestMetadata": {"team": "sales"},
        "service_tier": "flex",
        "additionalModelRequestFields": {"top_k": 5},
    }
    options = Options(effort="low", extras=extras)
    body = body_of(model_call(model="openai.gpt-oss-20b-1:0", options=options))
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["requestMetadata"] == {"team": "sales"}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["additionalModelRequestFields"] == {"top_k": 5, "reasoning_effort": "low"}


def test_claudes_own_fields_pass_from_clients_of_anthropic() -> None:
    extras: dict[str, Any] = {
        "top_k": 5,
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "output_config": {"effort": "low"},
    }
    options = Options(extras=extras, dialect="messages")
    body = body_of(model_call(model=CLAUDE, options=options))
    assert body["additionalModelRequestFields"] == {"top_k": 5, "thinking": extras["thinking"]}
    assert body["outputConfig"] == {"effort": "low"}


def test_aws_runs_its_own_tools_by_their_name() -> None:
    tool = Tool("nova_grounding", kind="nova_grounding", extras={"type": "nova_grounding"})
    config = body_of(model_call(options=Options(tools=(tool,))))["toolConfig"]
    assert config["tools"] == [{"systemTool": {"name": "nova_grounding"}}]


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
