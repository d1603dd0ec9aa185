"""Files and batches by OpenAI's own client, through the whole gateway, worked off and read back."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.adapters.batch_gateway import (
    CHAT,
    EMBEDDINGS,
    MOST_BYTES,
    RESPONSES,
    Desk,
    batch_desk,
    line,
    question,
)
from tests.adapters.obliging_model import SAID, oblige
from tests.adapters.upstream import Seen, Step, answer
from tests.openapi import openai_description


def embedded(seen: Seen) -> Sequence[Step]:
    rows = [
        {"object": "embedding", "index": at, "embedding": [0.5, at]}
        for at in range(len(seen.json["input"]))
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    body = {"object": "list", "model": "replay-1", "data": rows, "usage": usage}
    return [answer(json.dumps(body).encode())]


async def test_file_is_left_found_read_and_removed() -> None:
    async with batch_desk(oblige) as desk:
        client = desk.client
        made = await client.files.create(file=("q.jsonl", b"line\r\n\x00\xff"), purpose="batch")
        assert (made.bytes, made.filename, made.purpose) == (8, "q.jsonl", "batch")
        assert await client.files.retrieve(made.id) == made
        assert (await client.files.content(made.id)).content == b"line\r\n\x00\xff"
        assert [each async for each in client.files.list()] == [made]
        removed = await client.files.delete(made.id)
        assert (removed.id, removed.deleted) == (made.id, True)
        with pytest.raises(openai.NotFoundError):
            await client.files.content(made.id)
        assert [each async for each in client.files.list()] == []


async def test_files_come_page_by_page_in_either_order() -> None:
    async with batch_desk(oblige) as desk:
        made = [await desk.upload(question(str(number))) for number in range(5)]
        other = await desk.upload(question("x"), purpose="user_data")
        files = desk.client.files
        newest = [file.id async for file in files.list(limit=2, purpose="batch")]
        oldest = [file.id async for file in files.list(limit=2, purpose="batch", order="asc")]
        assert newest == oldest[::-1]
        assert sorted(newest) == sorted(made)
        assert [file.id async for file in files.list(purpose="user_data")] == [other]
        for wrong in ({"after": "file_gone"}, {"limit": 0}, {"order": "up"}):
            with pytest.raises(openai.BadRequestError) as caught:
                await files.list(**wrong)
            assert caught.value.param in wrong


async def test_conversations_are_worked_off_and_told_in_a_file() -> None:
    async with batch_desk(oblige) as desk:
        done = await desk.worked_off(CHAT, *(question(f"q{n}", f"Fee {n}?") for n in range(20)))
        counts = done.batch.request_counts
        assert counts is not None
        assert (done.batch.status, counts.total, counts.completed) == ("completed", 20, 20)
        assert [row["custom_id"] for row in done.answers] == [f"q{n}" for n in range(20)]
        for row in done.answers:
            assert (row["error"], row["response"]["status_code"]) == (None, 200)
            body = openai.types.chat.ChatCompletion.model_validate(row["response"]["body"])
            assert body.choices[0].message.content == SAID
        assert done.errors == []
        assert len(desk.upstream.seen) == len(desk.kitchen.entries()) == 20
        written = await desk.client.files.retrieve(done.batch.output_file_id or "")
        assert written.purpose == "batch_output"


async def test_responses_are_worked_off() -> None:
    async with batch_desk(oblige) as desk:
        done = await desk.worked_off(RESPONSES, line("r", RESPONSES, input="Which fees?"))
        (row,) = done.answers
        body = openai.types.responses.Response.model_validate(row["response"]["body"])
        assert (body.status, body.output_text) == ("completed", SAID)


async def test_embeddings_are_worked_off() -> None:
    async with batch_desk(embedded) as desk:
        done = await desk.worked_off(EMBEDDINGS, line("e", EMBEDDINGS, input=["one", "two"]))
        (row,) = done.answers
        body = openai.types.CreateEmbeddingResponse.model_validate(row["response"]["body"])
        assert [each.embedding for each in body.data] == [[0.5, 0.0], [0.5, 1.0]]


async def test_lines_that_cannot_be_answered_are_told_apart() -> None:
    async with batch_desk(oblige) as desk:
        done = await desk.worked_off(
            CHAT,
            question("good"),
            question("streams", stream=True),
            question("cold", temperature=-3),
            question("lost") | {"body": {"model": "nothing", "messages": []}},
        )
        assert [row["custom_id"] for row in done.answers] == ["good"]
        told = {row["custom_id"]: row["response"] for row in done.errors}
        assert told.keys() == {"streams", "cold", "lost"}
        assert told["streams"]["status_code"] == 400
        assert told["streams"]["body"]["error"]["param"] == "stream"
        assert told["cold"]["body"]["error"]["param"] == "temperature"
        counts = done.batch.request_counts
        assert counts is not None
        assert (counts.completed, counts.failed) == (1, 3)


async def test_line_cannot_go_on_from_an_earlier_response() -> None:
    async with batch_desk(oblige) as desk:
        lines = [
            line("later", RESPONSES, input="And then?", previous_response_id="resp_1"),
            line("streams", RESPONSES, input="And then?", stream=True),
        ]
        done = await desk.worked_off(RESPONSES, *lines)
        params = [row["response"]["body"]["error"]["param"] for row in done.errors]
        assert params == ["previous_response_id", "stream"]
        assert desk.upstream.seen == []


async def test_lines_of_a_revoked_key_are_refused() -> None:
    async with batch_desk(oblige) as desk:
        queued = await _queued(desk, question("q1"), question("q2"))
        batch = desk.kitchen.store.batches.get(queued)
        assert batch is not None
        await desk.kitchen.store.keys.revoke(batch.key_id, at_ms=1)
        assert await desk.worker.work_once()
        with pytest.raises(openai.AuthenticationError):
            await desk.client.batches.retrieve(queued)
        batch = desk.kitchen.store.batches.get(queued)
        assert batch is not None
        content = desk.kitchen.store.files.content(batch.error_file)
        assert content is not None
        rows = [json.loads(row) for row in content.splitlines()]
        assert [row["response"]["status_code"] for row in rows] == [401, 401]
        assert (desk.upstream.seen, batch.output_file) == ([], "")


async def test_batch_is_listed_and_can_be_cancelled_once() -> None:
    async with batch_desk(oblige) as desk:
        batches = desk.client.batches
        made = [await _queued(desk, question("q1")) for _ in range(3)]
        listed = [each.id async for each in batches.list(limit=2)]
        assert sorted(listed) == sorted(made)
        cancelling = await batches.cancel(made[0])
        assert cancelling.status == "cancelling"
        assert await desk.worker.work_once()
        done = await desk.outcome(made[0])
        assert (done.batch.status, done.answers) == ("cancelled", [])
        assert desk.upstream.seen == []
        with pytest.raises(openai.BadRequestError):
            await batches.cancel(made[0])


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"endpoint": "/v1/completions"}, "endpoint"),
        ({"completion_window": "48h"}, "completion_window"),
        ({"input_file_id": "file_nothing"}, "file_id"),
        ({"input_file_id": ""}, "input_file_id"),
        ({"metadata": {"a" * 65: "b"}}, "metadata"),
        ({"extra_body": {"output_expires_after": {"seconds": 9}}}, "output_expires_after"),
    ],
)
async def test_batch_that_cannot_be_is_refused_with_the_field(changes: Any, param: str) -> None:
    async with batch_desk(oblige) as desk:
        file = await desk.upload(question("q1"))
        asked = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"}
        with pytest.raises(openai.APIStatusError) as caught:
            await desk.client.batches.create(**asked | changes)
        assert caught.value.status_code in (400, 404)
        assert (caught.value.param or "").startswith(param)


async def test_file_of_another_purpose_is_no_batch() -> None:
    async with batch_desk(oblige) as desk:
        file = await desk.upload(question("q1"), purpose="user_data")
        with pytest.raises(openai.BadRequestError) as caught:
            await desk.client.batches.create(
                input_file_id=file, endpoint=CHAT, completion_window="24h"
            )
        assert caught.value.param == "input_file_id"
        with pytest.raises(openai.BadRequestError) as caught:
            await desk.upload(question("q1"), purpose="gossip")
        assert caught.value.param == "purpose"


async def test_file_that_is_no_list_of_requests_fails_the_batch_with_its_lines() -> None:
    async with batch_desk(oblige) as desk:
        done = await desk.worked_off(CHAT, question("q1"), {"custom_id": "q2"}, question("q1"))
        assert (done.batch.status, done.batch.output_file_id) == ("failed", None)
        assert done.batch.errors is not None
        faults = [(fault.line, fault.code) for fault in done.batch.errors.data or ()]
        assert faults == [(2, "invalid_json_line"), (3, "duplicate_custom_id")]


async def test_file_above_the_limit_is_refused() -> None:
    async with batch_desk(oblige) as desk:
        files = desk.client.files
        await files.create(file=("q.jsonl", b"x" * MOST_BYTES), purpose="batch")
        for size in (MOST_BYTES + 1, 3 * MOST_BYTES):
            with pytest.raises(openai.APIStatusError) as caught:
                await files.create(file=("q.jsonl", b"x" * size), purpose="batch")
            assert caught.value.status_code in (400, 413)


async def test_what_others_left_is_not_there() -> None:
    async with batch_desk(oblige) as desk, await desk.as_another() as other:
        done = await desk.worked_off(CHAT, question("q1"))
        files = (done.batch.input_file_id, done.batch.output_file_id or "")
        for file in files:
            for ask in (other.files.retrieve, other.files.content, other.files.delete):
                with pytest.raises(openai.NotFoundError):
                    await ask(file)
        for look in (other.batches.retrieve, other.batches.cancel):
            with pytest.raises(openai.NotFoundError):
                await look(done.batch.id)
        with pytest.raises(openai.NotFoundError):
            await other.batches.create(
                input_file_id=files[0], endpoint=CHAT, completion_window="24h"
            )
        assert [each async for each in other.files.list()] == []
        assert [each async for each in other.batches.list()] == []


async def test_bodies_are_as_openai_describes_them(data_sets: Path) -> None:
    described = openai_description(data_sets).validate
    async with batch_desk(oblige) as desk:
        files, batches = desk.client.files.with_raw_response, desk.client.batches.with_raw_response
        described("ListFilesResponse", (await files.list()).content)
        described("ListBatchesResponse", (await batches.list()).content)
        made = await files.create(file=("q.jsonl", b"{}"), purpose="batch")
        described("OpenAIFile", made.content)
        failed = (await desk.worked_off(CHAT, {})).batch.id
        done = await desk.worked_off(CHAT, question("q1"), question("q2", stream=True))
        for batch in (failed, done.batch.id, await _queued(desk, question("q1"))):
            described("Batch", (await batches.retrieve(batch)).content)
        described("Batch", (await batches.cancel(batch)).content)
        described("ListFilesResponse", (await files.list()).content)
        described("ListBatchesResponse", (await batches.list()).content)
        described("OpenAIFile", (await files.retrieve(done.batch.output_file_id or "")).content)
        described("DeleteFileResponse", (await files.delete(done.batch.input_file_id)).content)
        described("CreateChatCompletionResponse", done.answers[0]["response"]["body"])


async def _queued(desk: Desk, *lines: Any) -> str:
    batch = await desk.client.batches.create(
        input_file_id=await desk.upload(*lines), endpoint=CHAT, completion_window="24h"
    )
    return batch.id
