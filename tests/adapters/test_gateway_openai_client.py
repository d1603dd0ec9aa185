"""OpenAI's own client through the whole gateway, to a server of OpenAI's style and back."""

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.adapters.messages_gateway import MODEL, over_openai
from tests.adapters.obliging_model import SAID, oblige
from tests.adapters.upstream import Script, Seen, Step, answer, chunked
from tests.adapters.wire_answers import USAGE, chunk, completion, error, events, usage_chunk

ASK: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Which fees?"}]}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
VECTORS = [[0.25, -1.0], [1.5, 0.125]]


class Fee(BaseModel):
    country: str
    percent: int


def always(*steps: Step) -> Script:
    return lambda _: steps


def in_turn(*answers: Sequence[Step]) -> Script:
    left = list(answers)
    return lambda _: left.pop(0)


async def test_a_stream_is_put_together_by_the_client() -> None:
    options: Any = {"include_usage": True}
    async with (
        over_openai(oblige) as served,
        served.openai() as client,
        client.chat.completions.stream(**ASK, stream_options=options) as stream,
    ):
        kinds = [event.type async for event in stream]
        whole = await stream.get_final_completion()
    assert whole.choices[0].message.content == SAID
    assert kinds.count("content.delta") > 1
    assert whole.usage is not None
    assert whole.usage.total_tokens == USAGE["total_tokens"]
    assert whole.usage.completion_tokens_details is not None
    assert whole.usage.completion_tokens_details.reasoning_tokens == 2


async def test_two_tools_are_called_at_once_with_streamed_arguments() -> None:
    calls = [
        {"index": 0, "id": "call_a", "type": "function"}
        | {"function": {"name": "fee_of", "arguments": ""}},
        {"index": 1, "id": "call_b", "type": "function"}
        | {"function": {"name": "now", "arguments": ""}},
    ]
    said = [(0, '{"cou'), (1, "{"), (0, 'ntry":"CH"'), (1, "}"), (0, "}")]
    data = events(
        chunk(None, role="assistant"),
        *(chunk(tool_calls=[call]) for call in calls),
        *(chunk(tool_calls=[{"index": at, "function": {"arguments": t}}]) for at, t in said),
        chunk(finish="tool_calls"),
        usage_chunk(),
    )
    tools: Any = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in ("fee_of", "now")
    ]
    async with (
        over_openai(always(*chunked(data))) as served,
        served.openai() as client,
        client.chat.completions.stream(**ASK, tools=tools, parallel_tool_calls=True) as stream,
    ):
        whole = await stream.get_final_completion()
    made = whole.choices[0].message.tool_calls
    assert made is not None
    assert [(call.id, call.function.name) for call in made] == [
        ("call_a", "fee_of"),
        ("call_b", "now"),
    ]
    assert [json.loads(call.function.arguments) for call in made] == [{"country": "CH"}, {}]
    assert whole.choices[0].finish_reason == "tool_calls"
    assert served.upstream.seen[0].json["parallel_tool_calls"] is True


async def test_an_answer_is_parsed_into_the_shape_that_was_asked_for() -> None:
    async with over_openai(oblige) as served, served.openai() as client:
        got = await client.chat.completions.parse(
            model=MODEL,
            messages=[{"role": "user", "content": "Take 4 percent."}],
            response_format=Fee,
        )
    assert got.choices[0].message.parsed == Fee(country="Take 4 percent.", percent=4)
    wanted = served.upstream.seen[0].json["response_format"]["json_schema"]
    assert (wanted["name"], wanted["strict"]) == ("Fee", True)


async def test_all_answers_come_with_their_logprobs() -> None:
    told = {"token": "4", "logprob": -0.5, "bytes": [52], "top_logprobs": []}
    choices = [
        {
            "index": at,
            "message": {"role": "assistant", "content": str(at)},
            "finish_reason": "stop",
            "logprobs": {"content": [told], "refusal": None},
        }
        for at in range(3)
    ]
    body = {"id": "x", "model": "replay-1", "choices": choices, "usage": USAGE}
    async with (
        over_openai(always(answer(json.dumps(body).encode()))) as served,
        served.openai() as client,
    ):
        got = await client.chat.completions.create(**ASK, n=3, logprobs=True, top_logprobs=2)
    assert [choice.message.content for choice in got.choices] == ["0", "1", "2"]
    first = got.choices[0].logprobs
    assert first is not None
    assert first.content is not None
    assert (first.content[0].token, first.content[0].logprob) == ("4", -0.5)
    asked = served.upstream.seen[0].json
    assert (asked["n"], asked["logprobs"], asked["top_logprobs"]) == (3, True, 2)


async def test_pictures_and_sound_reach_the_provider_as_they_are() -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    ]
    async with over_openai(oblige) as served, served.openai() as client:
        await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": parts}]
        )
    assert served.upstream.seen[0].json["messages"] == [{"role": "user", "content": parts}]


async def test_fields_that_we_do_not_know_reach_the_provider() -> None:
    further: Any = {
        "reasoning_effort": "low",
        "verbosity": "low",
        "prompt_cache_key": "team-1",
        "service_tier": "flex",
        "safety_identifier": "hash",
        "a_field_of_tomorrow": {"deep": [1, None]},
    }
    async with over_openai(oblige) as served, served.openai() as client:
        await client.chat.completions.create(**ASK, extra_body=further)
    asked = served.upstream.seen[0].json
    assert {name: asked.get(name) for name in further} == further


async def test_reasoning_content_is_given_out_whole_and_streamed() -> None:
    data = events(
        chunk(None, role="assistant", reasoning_content="Hm, "),
        chunk(None, reasoning_content="fees."),
        chunk("Four."),
        chunk(finish="stop"),
        usage_chunk(),
    )
    script = in_turn([answer(completion("Four.", reasoning_content="Hm, fees."))], chunked(data))
    async with over_openai(script) as served, served.openai() as client:
        whole = await client.chat.completions.create(**ASK)
        pieces = [each async for each in await client.chat.completions.create(**ASK, stream=True)]
    assert (whole.choices[0].message.model_extra or {})["reasoning_content"] == "Hm, fees."
    deltas = [piece.choices[0].delta for piece in pieces if piece.choices]
    thought = "".join((each.model_extra or {}).get("reasoning_content") or "" for each in deltas)
    assert thought == "Hm, fees."
    assert "".join(each.content or "" for each in deltas) == "Four."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", openai.BadRequestError),
        ("422 Unprocessable Entity", openai.BadRequestError),
        ("401 Unauthorized", openai.InternalServerError),
        ("403 Forbidden", openai.InternalServerError),
        ("404 Not Found", openai.InternalServerError),
        ("429 Too Many Requests", openai.InternalServerError),
        ("500 Internal Server Error", openai.InternalServerError),
        ("503 Service Unavailable", openai.InternalServerError),
    ],
)
async def test_every_failure_of_the_provider_is_an_error_that_the_client_knows(
    status: str, kind: type[openai.APIStatusError]
) -> None:
    body = error("It went wrong with sk-secret.", code=17, type="some_error")
    async with (
        over_openai(always(answer(body, status=status))) as served,
        served.openai() as client,
    ):
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(**ASK)
    assert isinstance(caught.value.code, str)
    assert isinstance(caught.value.type, str)
    assert caught.value.request_id is not None
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model_not_found"),
        ({"temperature": 9}, openai.BadRequestError, "invalid_value"),
        ({"messages": []}, openai.BadRequestError, "invalid_value"),
    ],
)
async def test_every_mistake_of_the_caller_is_an_error_that_the_client_knows(
    change: dict[str, Any], kind: type[openai.APIStatusError], code: str
) -> None:
    async with over_openai(oblige) as served, served.openai(max_retries=2) as client:
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(**{**ASK, **change})
    assert caught.value.code == code
    assert served.upstream.seen == []


async def test_the_client_comes_back_when_it_is_told_to() -> None:
    busy = answer(
        error("Later."),
        status="429 Too Many Requests",
        headers="content-type: application/json\r\nretry-after-ms: 20",
    )
    script = in_turn(*([[busy]] * 12))
    seen: list[Seen] = []

    def first_busy_then_good(request: Seen) -> Sequence[Step]:
        seen.append(request)
        return script(request) if len(seen) < 3 else oblige(request)

    async with (
        over_openai(first_busy_then_good) as served,
        served.openai(max_retries=3) as client,
    ):
        got = await client.chat.completions.create(**ASK)
    assert got.choices[0].message.content == SAID
    assert len(seen) == 3


def embedded(seen: Seen) -> Sequence[Step]:
    rows = [
        {"object": "embedding", "index": at, "embedding": vector}
        for at, vector in enumerate(VECTORS[: len(seen.json["input"])])
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    body = {"object": "list", "model": "replay-1", "data": rows, "usage": usage}
    return [answer(json.dumps(body).encode())]


async def test_embeddings_come_as_floats_and_as_base64() -> None:
    ask: Any = {"model": MODEL, "input": ["one", "two"]}
    async with over_openai(embedded) as served, served.openai() as client:
        usual = await client.embeddings.create(**ask)
        floats = await client.embeddings.create(**ask, encoding_format="float")
        packed = await client.embeddings.with_raw_response.create(**ask, encoding_format="base64")
    assert [each.embedding for each in usual.data] == VECTORS
    assert [each.embedding for each in floats.data] == VECTORS
    told = [each["embedding"] for each in json.loads(packed.content)["data"]]
    assert [[*struct.unpack("<2f", base64.b64decode(each))] for each in told] == VECTORS
    assert usual.usage.prompt_tokens == 4
