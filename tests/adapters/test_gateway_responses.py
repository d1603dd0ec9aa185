"""The Responses API over the real listener and the real story, asked by OpenAI's own client."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import openai
import pydantic
import pytest

from passerelle.core.values.chat import (
    Text,
    spoken,
)
from passerelle.core.values.scope import Stage
from passerelle.domain.usecases.policies import DEFAULTS
from tests.adapters.responses_house import CALLED, FIND, SAID, USAGE, Scripted, house, said
from tests.openapi import openai_description


async def test_client_gets_a_whole_answer_with_its_provenance() -> None:
    async with house() as home:
        response = await home.client.responses.create(
            model="fees",
            input="Fees?",
            instructions="Be brief.",
            metadata={"case": "7"},
            temperature=0.5,
            max_output_tokens=50,
        )
    assert response.output_text == SAID.text
    assert (response.status, response.model, response.metadata) == (
        "completed",
        "fees",
        {"case": "7"},
    )
    assert response.usage is not None
    assert response.usage.output_tokens_details.reasoning_tokens == 3
    assert (response.usage.total_tokens, response.usage.input_tokens_details.cached_tokens) == (
        120,
        4,
    )
    extra = response.model_extra or {}
    assert extra["passerelle"]["exchange_id"] == response.id.replace("resp_", "exc_")
    (call,) = home.provider.calls
    assert said(call) == [("system", "Be brief."), ("user", "Fees?")]
    assert (call.options.temperature, call.options.max_tokens) == (0.5, 50)


async def test_client_gets_a_stream_whose_end_is_the_whole() -> None:
    async with house() as home, home.client.responses.stream(model="fees", input="Fees?") as stream:
        text = "".join(
            [event.delta async for event in stream if event.type == "response.output_text.delta"]
        )
        final = await stream.get_final_response()
    assert text == final.output_text == SAID.text
    assert final.status == "completed"
    assert final.usage is not None


async def test_client_gets_tool_calls_and_hands_back_their_results() -> None:
    provider = Scripted([CALLED, SAID])
    async with house(provider) as home:
        first = await home.client.responses.create(model="fees", input="Fees?", tools=[FIND])
        calls = [item for item in first.output if item.type == "function_call"]
        again: list[Any] = [
            {"role": "user", "content": "Fees?"},
            *[item.to_dict() for item in first.output],
            *[
                {"type": "function_call_output", "call_id": call.call_id, "output": "4 %"}
                for call in calls
            ],
        ]
        last = await home.client.responses.create(model="fees", input=again, tools=[FIND])
    assert [(call.name, call.arguments) for call in calls] == [
        ("find", '{"q": "fees"}'),
        ("ask", "{}"),
    ]
    assert last.output_text == SAID.text
    asked = provider.calls[1].messages[-3:]
    assert asked[0].tool_calls == CALLED.choices[0].tool_calls
    assert asked[0].thoughts == CALLED.choices[0].thoughts
    assert [(each.tool_call_id, each.text) for each in asked[1:]] == [("c1", "4 %"), ("c2", "4 %")]


async def test_client_gets_streamed_tool_calls() -> None:
    async with (
        house(Scripted([CALLED])) as home,
        home.client.responses.stream(model="fees", input="Fees?", tools=[FIND]) as stream,
    ):
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds.count("response.function_call_arguments.done") == 2
    assert "response.reasoning_summary_text.delta" in kinds
    assert [item.type for item in final.output] == ["reasoning", "function_call", "function_call"]


class Fee(pydantic.BaseModel):
    percent: int


async def test_client_gets_an_answer_of_the_shape_that_it_asked_for() -> None:
    provider = Scripted([spoken('{"percent": 4}', usage=USAGE)])
    async with house(provider) as home:
        response = await home.client.responses.parse(model="fees", input="Fees?", text_format=Fee)
    assert response.output_parsed == Fee(percent=4)
    wanted = provider.calls[0].options.format
    assert wanted is not None
    assert (wanted.name, wanted.strict) == ("Fee", True)


async def test_a_response_is_retrieved_as_it_was() -> None:
    async with house(Scripted([CALLED])) as home:
        made = await home.client.responses.create(
            model="fees", input="Fees?", instructions="Be brief.", tools=[FIND], user="ann"
        )
        found = await home.client.responses.retrieve(made.id)
    was, now = made.to_dict(), found.to_dict()
    assert now == {key: was[key] for key in was if key not in ("passerelle", "user")}
    assert found.instructions == "Be brief."


async def test_a_streamed_response_is_retrieved_as_it_was() -> None:
    async with house(Scripted([CALLED])) as home:
        async with home.client.responses.stream(model="fees", input="Fees?") as stream:
            made = await stream.get_final_response()
        found = await home.client.responses.retrieve(made.id)
    assert found.id == made.id
    assert [item.to_dict() for item in found.output] == [
        {key: value for key, value in item.to_dict().items() if key not in _OF_STREAMS}
        for item in made.output
    ]


_OF_STREAMS = {"parsed_arguments"}


async def test_a_conversation_goes_on_and_instructions_do_not() -> None:
    async with house() as home:
        first = await home.client.responses.create(
            model="fees", input="Fees?", instructions="Be brief."
        )
        second = await home.client.responses.create(
            model="fees", input="Refunds?", previous_response_id=first.id, instructions="Be polite."
        )
        third = await home.client.responses.create(
            model="fees", input="Thanks.", previous_response_id=second.id
        )
    assert said(home.provider.calls[1])[0] == ("system", "Be polite.")
    assert said(home.provider.calls[2]) == [
        ("user", "Fees?"),
        ("assistant", SAID.text),
        ("user", "Refunds?"),
        ("assistant", SAID.text),
        ("user", "Thanks."),
    ]
    assert third.previous_response_id == second.id


async def test_a_result_of_a_tool_continues_the_response_that_called_it() -> None:
    provider = Scripted([CALLED, SAID])
    async with house(provider) as home:
        first = await home.client.responses.create(model="fees", input="Fees?", tools=[FIND])
        await home.client.responses.create(
            model="fees",
            previous_response_id=first.id,
            input=[
                {"type": "function_call_output", "call_id": "c1", "output": "4 %"},
                {"type": "function_call_output", "call_id": "c2", "output": "?"},
            ],
        )
    asked = provider.calls[1].messages
    assert asked[-3].tool_calls == CALLED.choices[0].tool_calls
    assert asked[-3].thoughts == CALLED.choices[0].thoughts


async def test_a_deleted_response_is_gone_and_ends_its_conversation() -> None:
    async with house() as home:
        first = await home.client.responses.create(model="fees", input="Fees?")
        await home.client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            await home.client.responses.retrieve(first.id)
        with pytest.raises(openai.NotFoundError):
            await home.client.responses.delete(first.id)
        with pytest.raises(openai.BadRequestError) as caught:
            await home.client.responses.create(
                model="fees", input="?", previous_response_id=first.id
            )
    assert (caught.value.code, caught.value.param) == (
        "previous_response_not_found",
        "previous_response_id",
    )


@pytest.mark.parametrize("name", ["resp_01", "exc_01", "", "conv_1"])
async def test_what_never_was_cannot_be_continued(name: str) -> None:
    async with house() as home:
        sent = {"model": "fees", "input": "?", "previous_response_id": name or "x"}
        answer = await home.call("POST", "", json=sent)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "previous_response_not_found"


async def test_what_was_not_to_be_stored_is_not_found() -> None:
    async with house() as home:
        made = await home.client.responses.create(model="fees", input="Fees?", store=False)
        with pytest.raises(openai.NotFoundError, match="not to be stored"):
            await home.client.responses.retrieve(made.id)
    assert (made.to_dict()["store"], home.made.entries()[0].commitment) == (False, "")


async def test_a_stage_that_keeps_no_content_says_so() -> None:
    policy = replace(DEFAULTS[Stage.POC], keep_content=False)
    async with house(policy=policy) as home:
        made = await home.client.responses.create(model="fees", input="Fees?")
        with pytest.raises(openai.NotFoundError, match="keeps no content"):
            await home.client.responses.retrieve(made.id)


async def test_input_items_are_listed_page_by_page() -> None:
    turns: list[Any] = [{"role": "user", "content": str(number)} for number in range(5)]
    async with house() as home:
        made = await home.client.responses.create(
            model="fees", input=turns, instructions="Be brief."
        )
        oldest_first = [
            item async for item in home.client.responses.input_items.list(made.id, order="asc")
        ]
        pages = await home.client.responses.input_items.list(made.id, limit=2)
        newest_first = [item async for item in pages]
    texts = [item.to_dict()["content"][0]["text"] for item in oldest_first]  # type: ignore[index]
    assert texts == ["0", "1", "2", "3", "4"]
    assert [item.id for item in newest_first] == [item.id for item in reversed(oldest_first)]


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("after=msg_0", "after")],
)
async def test_a_page_that_cannot_be_is_refused(query: str, param: str) -> None:
    async with house() as home:
        made = await home.client.responses.create(model="fees", input="Fees?")
        answer = await home.call("GET", f"/{made.id}/input_items?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_parts_of_a_message_are_listed_as_they_were() -> None:
    content: list[Any] = [
        {"type": "input_text", "text": "What is"},
        {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "high"},
    ]
    async with house() as home:
        made = await home.client.responses.create(
            model="fees", input=[{"role": "user", "content": content}]
        )
        (item,) = (await home.client.responses.input_items.list(made.id)).data
    assert item.to_dict()["content"] == content
    parts = home.provider.calls[0].messages[-1].parts
    assert parts[0] == Text("What is")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/resp_01", 404, "not_found"),
        ("GET", "/exc_01", 404, "not_found"),
        ("GET", "/resp_01/input_items", 404, "not_found"),
        ("GET", "/resp_01/else", 404, "unknown_url"),
        ("GET", "/resp_01?stream=true", 400, "unsupported_value"),
        ("DELETE", "/resp_01", 404, "not_found"),
        ("DELETE", "/resp_01/input_items", 405, "method_not_allowed"),
        ("POST", "/resp_01/cancel", 400, "unsupported_value"),
        ("POST", "/resp_01/else", 404, "unknown_url"),
        ("POST", "/compact", 400, "unsupported_value"),
        ("PUT", "", 405, "method_not_allowed"),
        ("PATCH", "/resp_01", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_said_clearly(
    method: str, path: str, status: int, code: str, data_sets: Path
) -> None:
    async with house() as home:
        answer = await home.call(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    openai_description(data_sets).validate("ErrorResponse", answer.content)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("POST", "/input_tokens"),
        ("POST", "/compact"),
        ("POST", "/resp_01/cancel"),
        ("GET", "/resp_01"),
        ("GET", "/resp_01/input_items"),
        ("DELETE", "/resp_01"),
    ],
)
async def test_nobody_is_served_without_a_key(method: str, path: str) -> None:
    sent = {"json": {"model": "fees", "input": "?"}} if path in ("", "/input_tokens") else {}
    async with house() as home:
        answer = await home.call(method, path, key="sk-wrong", **sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_input_is_counted_with_the_conversation_that_it_continues(data_sets: Path) -> None:
    async with house() as home:
        client = home.client.responses
        first = await client.create(model="fees", input="Fees? " * 50)
        alone = await client.input_tokens.count(model="fees", input="?")
        after = await client.input_tokens.count(
            model="fees", input="?", previous_response_id=first.id
        )
    assert after.input_tokens > alone.input_tokens + 50
    assert (alone.model_extra or {})["passerelle"] == {"counted_by": "estimate"}
    openai_description(data_sets).validate("TokenCountsResource", alone.to_dict())
    assert len(home.provider.calls) == 1


async def test_a_field_that_the_provider_does_not_know_is_refused_by_name() -> None:
    async with house() as home:
        with pytest.raises(openai.BadRequestError) as caught:
            await home.client.responses.create(
                model="fees", input="?", reasoning={"effort": "low", "summary": "auto"}
            )
    assert (caught.value.param, caught.value.code) == ("reasoning", "unsupported_value")


async def test_a_failure_within_a_stream_reaches_the_client_as_an_error() -> None:
    async with house(Scripted(fails_after=2)) as home:
        stream = await home.client.responses.create(model="fees", input="Fees?", stream=True)
        with pytest.raises(openai.APIError, match="overloaded"):
            _ = [event async for event in stream]
        (entry,) = home.made.entries()
        name = entry.subject.replace("exc_", "resp_")
        found = await home.client.responses.retrieve(name)
    assert msgspec.json.decode(entry.facts)["code"] == "provider_overloaded"
    assert (found.status, found.error and found.error.code) == ("failed", "server_error")
