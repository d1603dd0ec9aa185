"""Known servers get what they know, in their words."""

import json
from typing import Any

import pytest

from passerelle.adapters.providers.dialects import dialect_of
from passerelle.core.values.chat import Message, Options, Thought, Tool, ToolChoice
from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.openai_calls import Dialect, encode_request

TURNS = (
    Message("developer", "Be brief."),
    Message("user", "?"),
    Message("assistant", "a", thoughts=(Thought("Hm."),)),
)


def written(kind: str, options: Options) -> dict[str, Any]:
    call = ModelCall(
        model="m",
        messages=TURNS,
        question="?",
        hits=(),
        sentences=1,
        refuse_below=0.0,
        refusal="",
        deadline_seconds=1.0,
        options=options,
    )
    body: dict[str, Any] = json.loads(encode_request(call, dialect_of(kind), stream=True))
    return body


def test_server_of_which_nothing_is_known_is_asked_as_openai_is() -> None:
    assert dialect_of("openai_style") == Dialect()


def test_mistral_gets_its_own_words_and_no_question_for_usage() -> None:
    options = Options(
        max_tokens=9, seed=7, tools=(Tool("now"),), tool_choice=ToolChoice("required")
    )
    body = written("mistral", options)
    assert (body["max_tokens"], body["random_seed"], body["tool_choice"]) == (9, 7, "any")
    assert "stream_options" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant"]
    assert [part["type"] for part in body["messages"][2]["content"]] == ["thinking", "text"]
    assert body["tools"][0]["function"]["parameters"]["type"] == "object"


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("groq", "reasoning"),
        ("openrouter", "reasoning"),
        ("vllm", "reasoning"),
        ("ollama", "reasoning"),
        ("deepseek", "reasoning_content"),
        ("sglang", "reasoning_content"),
    ],
)
def test_thoughts_go_back_under_the_name_that_the_server_reads(kind: str, field: str) -> None:
    assert written(kind, Options())["messages"][2][field] == "Hm."


@pytest.mark.parametrize(
    ("kind", "options", "param"),
    [
        ("ollama", Options(n=2), "n"),
        ("ollama", Options(tool_choice=ToolChoice("required")), "tool_choice"),
        ("ollama", Options(parallel_tool_calls=False), "parallel_tool_calls"),
        ("tgi", Options(extras={"logit_bias": {"1": 2}}), "logit_bias"),
    ],
)
def test_what_a_server_would_drop_silently_is_refused(
    kind: str, options: Options, param: str
) -> None:
    with pytest.raises(Inexpressible) as caught:
        written(kind, options)
    assert caught.value.param == param


def test_what_says_no_more_than_its_absence_is_not_refused() -> None:
    options = Options(tool_choice=ToolChoice("auto"), parallel_tool_calls=True)
    assert written("ollama", options)["tool_choice"] == "auto"
