"""Requests of Converse, against botocore's description of the service and recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.core.values.chat import Format, Message, Options, Tool, ToolCall, ToolChoice
from tests.adapters.bedrock_bodies import body_of, refused
from tests.adapters.bedrock_calls import CONVERSED, model_call, recorded_body, recorded_call
from tests.recordings import recorded

CLAUDE = "eu.anthropic.claude-sonnet-4-6"
WEATHER = Tool("get_weather", "Tells the weather.", {"properties": {"city": {"type": "string"}}})
CALLED = (
    Message("user", "Weather?"),
    Message("assistant", "", tool_calls=(ToolCall("call_1", "get_weather", '{"city":"Paris"}'),)),
    Message("tool", "Sunny", tool_call_id="call_1"),
)


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
