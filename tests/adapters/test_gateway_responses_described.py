"""Every body and event of the Responses API is as OpenAI describes it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from passerelle.core.values.chat import (
    Completion,
)
from passerelle.transport.wire.sse import EventReader
from tests.adapters.responses_house import (
    CALLED,
    FIND,
    SAID,
    USAGE,
    Scripted,
    house,
)
from tests.openapi import openai_description

ASKED: list[tuple[Completion, dict[str, Any]]] = [
    (SAID, {"input": "Fees?"}),
    (CALLED, {"input": "Fees?", "tools": [FIND], "tool_choice": "required"}),
    (
        Completion((replace(SAID.choices[0], finish_reason="length"),), USAGE, "m-1"),
        {"input": "Fees?", "metadata": {"a": "b"}, "instructions": "Be brief."},
    ),
]


def bodies(answer: httpx.Response) -> list[dict[str, Any]]:
    reader = EventReader()
    return [json.loads(event.data) for event in [*reader.push(answer.content), *reader.finish()]]


@pytest.mark.parametrize(("completion", "asked"), ASKED)
async def test_everything_that_is_sent_is_as_described(
    completion: Completion, asked: dict[str, Any], data_sets: Path
) -> None:
    judge = openai_description(data_sets)
    async with house(Scripted([completion])) as home:
        whole = await home.call("POST", "", json={"model": "fees", **asked})
        streamed = await home.call("POST", "", json={"model": "fees", "stream": True, **asked})
        name = whole.json()["id"]
        found = await home.call("GET", f"/{name}")
        items = await home.call("GET", f"/{name}/input_items")
        gone = await home.call("DELETE", f"/{name}")
    judge.validate(("/responses", "POST", 200), whole.content)
    judge.validate(("/responses/{response_id}", "GET", 200), found.content)
    judge.validate(("/responses/{response_id}/input_items", "GET", 200), items.content)
    assert gone.json() == {"id": name, "object": "response", "deleted": True}
    events = bodies(streamed)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        judge.validate("ResponseStreamEvent", event)


async def test_a_failed_stream_is_as_described(data_sets: Path) -> None:
    async with house(Scripted(fails_after=2)) as home:
        asked = {"model": "fees", "input": "Fees?", "stream": True}
        streamed = await home.call("POST", "", json=asked)
        name = bodies(streamed)[0]["response"]["id"]
        found = await home.call("GET", f"/{name}")
    for event in bodies(streamed):
        openai_description(data_sets).validate("ResponseStreamEvent", event)
    openai_description(data_sets).validate("Response", found.content)
