"""Batches: from a file of requests to a file of answers."""

import asyncio
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import MemoryStore, memory_store
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.batches import (
    MOST_LINES,
    WINDOW_MS,
    Batch,
    BatchLine,
    BatchState,
    LineAnswer,
    read_lines,
)
from passerelle.stories.serve.batch_worker import BatchWorker
from passerelle.stories.serve.batches import (
    NoSuchBatch,
    cancel_batch,
    create_batch,
    own_batch,
    own_batches,
)
from passerelle.stories.serve.files import (
    BatchParts,
    NoSuchFile,
    add_file,
    file_content,
    own_file,
    own_files,
    remove_file,
)

CHAT = "/v1/chat/completions"
SCOPE = Scope("acme", "support")
EVA = Principal("svc_1", "service", "Eva", SCOPE, frozenset({"end_user"}), "k1")
ADA = Principal("svc_2", "service", "Ada", SCOPE, frozenset({"end_user"}), "k2")


def line(number: int, **changes: object) -> bytes:
    whole = {"custom_id": f"q{number}", "method": "POST", "url": CHAT, "body": {"n": number}}
    return msgspec.json.encode(whole | changes)


@dataclass
class Desk:
    """Files, batches and somebody who answers; remembers what was asked."""

    clock: SetClock = field(default_factory=SetClock)
    store: MemoryStore = field(
        default_factory=lambda: memory_store(signer=SigningKey("passerelle/test", b"s" * 32))
    )
    asked: list[int] = field(default_factory=list)
    status: int = 200
    busy: int = 0
    """How often the answer is: come again later."""
    crash_at: int = 0

    @property
    def parts(self) -> BatchParts:
        return BatchParts(self.store.files, self.store.batches, self.store.ledger, self.clock)

    @property
    def worker(self) -> BatchWorker:
        return BatchWorker(self.parts, self.ask, name="w1")

    async def ask(self, line: BatchLine, batch: Batch) -> LineAnswer:
        assert batch.key_id == "k1"
        if line.number == self.crash_at:
            raise asyncio.CancelledError
        self.asked.append(line.number)
        wait = None
        if self.busy:
            self.busy -= 1
            wait = 0.001
        return LineAnswer(line.number, line.custom_id, self.status, line.body, "req_1", wait)

    async def queued(self, *lines: bytes) -> Batch:
        granted = authorise(EVA, Permission.EXCHANGE_CREATE)
        content = b"\n".join(lines)
        file = await add_file(
            granted, self.parts, filename="q.jsonl", purpose="batch", content=content
        )
        batch = await create_batch(
            granted, self.parts, input_file=file.value.id, endpoint=CHAT, metadata={"a": "b"}
        )
        return batch.value

    def now(self, batch: Batch, principal: Principal = EVA) -> Batch:
        return own_batch(authorise(principal, Permission.EXCHANGE_READ_OWN), self.parts, batch.id)

    def read(self, file_id: str) -> list[dict[str, object]]:
        granted = authorise(EVA, Permission.EXCHANGE_READ_OWN)
        content = file_content(granted, self.parts, file_id)
        return [msgspec.json.decode(each) for each in content.splitlines()]


async def test_every_line_is_answered_once_and_the_answers_are_a_file() -> None:
    desk = Desk()
    batch = await desk.queued(*map(line, range(1, 21)))
    assert await desk.worker.work_once()
    done = desk.now(batch)
    assert (done.state, done.total, done.completed, done.failed) == (
        BatchState.COMPLETED,
        20,
        20,
        0,
    )
    assert sorted(desk.asked) == list(range(1, 21))
    rows = desk.read(done.output_file)
    assert [row["custom_id"] for row in rows] == [f"q{number}" for number in range(1, 21)]
    assert rows[0]["response"] == {"status_code": 200, "request_id": "req_1", "body": {"n": 1}}
    assert done.error_file == ""
    assert list(done.times_ms) == ["in_progress", "finalizing", "completed"]
    assert not await desk.worker.work_once()


async def test_work_goes_on_where_it_stopped() -> None:
    desk = Desk(crash_at=12)
    batch = await desk.queued(*map(line, range(1, 21)))
    with pytest.raises(asyncio.CancelledError):
        await desk.worker.work_once()
    answered = set(desk.store.batches.answered(batch.id))
    assert answered == set(range(1, 9))
    desk.crash_at, desk.asked = 0, []
    await desk.worker.work_once()
    assert not answered & set(desk.asked)
    assert desk.now(batch).completed == 20


async def test_another_worker_takes_over_when_a_claim_has_ended() -> None:
    desk = Desk(crash_at=3)
    await desk.queued(*map(line, range(1, 4)))
    with pytest.raises(asyncio.CancelledError):
        await desk.worker.work_once()
    other = BatchWorker(desk.parts, replace(desk, crash_at=0).ask, name="w2")
    assert not await other.work_once()
    desk.clock.advance(seconds=31)
    assert await other.work_once()


async def test_lines_that_fail_are_told_in_a_file_of_their_own() -> None:
    desk = Desk(status=400)
    batch = await desk.queued(line(1))
    await desk.worker.work_once()
    done = desk.now(batch)
    assert (done.completed, done.failed, done.output_file) == (0, 1, "")
    assert desk.read(done.error_file)[0]["custom_id"] == "q1"


async def test_line_that_should_come_again_later_does() -> None:
    desk = Desk(busy=3)
    await desk.queued(line(1))
    await desk.worker.work_once()
    assert desk.asked == [1, 1, 1, 1]


async def test_cancelled_batch_keeps_what_was_answered() -> None:
    desk = Desk()
    batch = await desk.queued(*map(line, range(1, 21)))
    granted = authorise(EVA, Permission.EXCHANGE_CREATE)
    worker = desk.worker
    first = desk.store.batches.keep

    async def keep(batch_id: str, answers: object) -> None:
        await first(batch_id, answers)  # type: ignore[arg-type]
        await cancel_batch(granted, desk.parts, batch.id)

    desk.store.batches.keep = keep  # type: ignore[method-assign]
    await worker.work_once()
    done = desk.now(batch)
    assert (done.state, done.completed) == (BatchState.CANCELLED, 8)
    assert len(desk.read(done.output_file)) == 8
    with pytest.raises(InvalidRequest):
        await cancel_batch(granted, desk.parts, batch.id)


async def test_batch_whose_window_has_ended_tells_what_was_not_asked() -> None:
    desk = Desk()
    batch = await desk.queued(line(1), line(2))
    desk.clock.advance(seconds=WINDOW_MS / 1_000)
    await desk.worker.work_once()
    done = desk.now(batch)
    assert (done.state, desk.asked) == (BatchState.EXPIRED, [])
    rows = desk.read(done.error_file)
    assert [row["error"]["code"] for row in rows] == ["batch_expired"] * 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"{", "invalid_json_line"),
        (b"\xff\xfe", "invalid_json_line"),
        (line(1, method="GET"), "invalid_method"),
        (line(1, url="/v1/embeddings"), "mismatched_endpoint"),
        (line(1, custom_id=""), "missing_custom_id"),
        (line(1, body=[]), "invalid_body"),
        (line(1) + b"\n\n" + line(1), "duplicate_custom_id"),
        (b"\n".join(map(line, range(MOST_LINES + 1))), "too_many_tasks"),
    ],
)
async def test_file_that_is_no_list_of_requests_fails_with_its_faults(
    content: bytes, code: str
) -> None:
    lines, faults = read_lines(content, CHAT)
    assert lines == ()
    assert [fault.code for fault in faults] == [code]


async def test_broken_file_fails_the_batch_and_nothing_is_asked() -> None:
    desk = Desk()
    batch = await desk.queued(line(1), b"{")
    await desk.worker.work_once()
    failed = desk.now(batch)
    assert (failed.state, failed.faults[0].line, desk.asked) == (BatchState.FAILED, 2, [])


async def test_files_and_batches_of_others_do_not_exist() -> None:
    desk = Desk()
    batch = await desk.queued(line(1))
    reading = authorise(ADA, Permission.EXCHANGE_READ_OWN)
    writing = authorise(ADA, Permission.EXCHANGE_CREATE)
    with pytest.raises(NoSuchBatch):
        desk.now(batch, ADA)
    with pytest.raises(NoSuchFile):
        own_file(reading, desk.parts, batch.input_file)
    with pytest.raises(NoSuchFile):
        await create_batch(writing, desk.parts, input_file=batch.input_file, endpoint=CHAT)
    with pytest.raises(NoSuchFile):
        await remove_file(writing, desk.parts, batch.input_file)
    with pytest.raises(NoSuchBatch):
        await cancel_batch(writing, desk.parts, batch.id)
    assert not own_files(reading, desk.parts)
    assert not own_batches(reading, desk.parts)


async def test_what_is_left_and_queued_is_in_the_ledger_without_its_words() -> None:
    desk = Desk()
    await desk.queued(line(1))
    entries = desk.store.ledger.entries(organisation="acme")
    events = [entry.event for entry in reversed(entries)]
    assert events == [
        "file.add.intended",
        "file.add.done",
        "batch.create.intended",
        "batch.create.done",
    ]
    assert "q.jsonl" not in str([entry.facts for entry in entries])
