"""Works off batches, line by line, and goes on where it, or another, stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import msgspec

from passerelle.core.values.errors import Unavailable
from passerelle.core.values.ids import new_id
from passerelle.domain.jobs.batches import Batch, BatchLine, BatchState, LineAnswer, read_lines
from passerelle.domain.jobs.files import StoredFile
from passerelle.stories.serve.files import OUTPUT_PURPOSE, BatchParts

LEASE_MS: Final = 30_000
"""How long a worker that says nothing keeps a batch."""
AT_ONCE: Final = 8
"""Lines of one batch that are asked at the same time."""
MOST_TRIES: Final = 5
"""Of one line that is told to come again later."""
LONGEST_WAIT_SECONDS: Final = 60.0
_OK: Final = 200
_encode = msgspec.json.Encoder().encode

AskLine = Callable[[BatchLine, Batch], Awaitable[LineAnswer]]
"""Answers one line on behalf of the batch's key; never raises for what is wrong with it."""


class BatchWorker:
    """Works off batches, one at a time. Several may share a store: each batch has one worker.

    What was answered is kept line by line, so that another worker, or this one after
    a restart, goes on with the rest.
    """

    def __init__(self, parts: BatchParts, ask: AskLine, *, name: str) -> None:
        self._parts = parts
        self._ask = ask
        self._name = name

    async def run(self, *, idle_seconds: float = 1.0) -> None:
        """Until it is cancelled."""
        while True:
            worked = False
            with suppress(Unavailable):  # the store may be back at the next look
                worked = await self.work_once()
            if not worked:
                await asyncio.sleep(idle_seconds)

    async def work_once(self) -> bool:
        """Brings one batch to its end; False when there is none to work on."""
        batch = await self._parts.batches.claim(
            self._name, now_ms=self._now_ms(), lease_ms=LEASE_MS
        )
        if batch is None:
            return False
        content = self._parts.files.content(batch.input_file) or b""
        lines, faults = await asyncio.to_thread(read_lines, content, batch.endpoint)
        if faults:
            await self._move(replace(batch, faults=faults), BatchState.FAILED)
            return True
        batch = replace(batch, total=len(lines))
        if batch.state is BatchState.VALIDATING:
            batch = await self._move(batch, BatchState.IN_PROGRESS)
        if await self._answer(batch, lines):
            await self._finish(batch, lines)
        return True

    async def _answer(self, batch: Batch, lines: Sequence[BatchLine]) -> bool:
        """Asks what has no answer yet. False when somebody else has taken the batch over."""
        answered = self._parts.batches.answered(batch.id)
        left = [line for line in lines if line.number not in answered]
        for start in range(0, len(left), AT_ONCE):
            found = self._parts.batches.get(batch.id)
            ending = found is None or found.state is BatchState.CANCELLING
            if ending or self._now_ms() >= batch.expires_at_ms:
                return True
            part = left[start : start + AT_ONCE]
            answers = await self._while_holding(batch, part)
            if answers is None:
                return False
            await self._parts.batches.keep(batch.id, answers)
            await self._parts.batches.save(self._counted(batch))
        return True

    async def _while_holding(
        self, batch: Batch, lines: Sequence[BatchLine]
    ) -> list[LineAnswer] | None:
        """The answers, with the claim renewed as long as they take; None when it was lost."""
        asking = asyncio.gather(*(self._ask_patiently(line, batch) for line in lines))
        try:
            while True:
                until_ms = self._now_ms() + LEASE_MS
                if not await self._parts.batches.renew(batch.id, self._name, until_ms=until_ms):
                    return None
                done, _ = await asyncio.wait({asking}, timeout=LEASE_MS / 3_000)
                if done:
                    return asking.result()
        finally:
            asking.cancel()

    async def _ask_patiently(self, line: BatchLine, batch: Batch) -> LineAnswer:
        """Comes again as often as it is told to, within reason."""
        for tried in range(MOST_TRIES):
            answer = await self._ask(line, batch)
            if answer.retry_after_seconds is None or tried + 1 == MOST_TRIES:
                break
            await asyncio.sleep(min(answer.retry_after_seconds, LONGEST_WAIT_SECONDS))
        return replace(answer, retry_after_seconds=None)

    async def _finish(self, batch: Batch, lines: Sequence[BatchLine]) -> None:
        """Writes the files of answers and errors; lines without an answer are told among these."""
        batch = self._counted(batch)
        now = self._parts.batches.get(batch.id)
        if now is not None and now.state is BatchState.CANCELLING:
            last = BatchState.CANCELLED
            batch = replace(batch, times_ms=now.times_ms)
        elif self._now_ms() >= batch.expires_at_ms and batch.completed + batch.failed < batch.total:
            last = BatchState.EXPIRED
        else:
            last = BatchState.COMPLETED
            batch = await self._move(batch, BatchState.FINALIZING)
        answers = list(self._parts.batches.answers(batch.id))
        good = [_told(answer, batch) for answer in answers if answer.status == _OK]
        bad = [_told(answer, batch) for answer in answers if answer.status != _OK]
        if last is BatchState.EXPIRED:
            answered = {answer.number for answer in answers}
            bad += [_unasked(line, batch) for line in lines if line.number not in answered]
        batch = replace(
            batch,
            output_file=await self._write(batch, "output", good),
            error_file=await self._write(batch, "error", bad),
        )
        await self._move(batch, last)

    async def _write(self, batch: Batch, kind: str, lines: Sequence[bytes]) -> str:
        """The new file's id; empty when there is nothing to write."""
        if not lines:
            return ""
        content = b"\n".join(lines) + b"\n"
        file = StoredFile(
            id=new_id("file", self._parts.clock),
            organisation=batch.organisation,
            principal=batch.principal,
            filename=f"{batch.id}_{kind}.jsonl",
            purpose=OUTPUT_PURPOSE,
            bytes=len(content),
            created_at_ms=self._now_ms(),
        )
        await self._parts.files.add(file, content)
        return file.id

    async def _move(self, batch: Batch, state: BatchState) -> Batch:
        times = {**batch.times_ms, state.value: self._now_ms()}
        moved = replace(batch, state=state, times_ms=times)
        await self._parts.batches.save(moved)
        return moved

    def _counted(self, batch: Batch) -> Batch:
        completed, failed = self._parts.batches.tally(batch.id)
        return replace(batch, completed=completed, failed=failed)

    def _now_ms(self) -> int:
        return self._parts.clock.now_ms()


def _told(answer: LineAnswer, batch: Batch) -> bytes:
    """One line of an output file, in the shape of OpenAI's."""
    return _encode(
        {
            "id": f"batch_req_{batch.id.rpartition('_')[2]}_{answer.number}",
            "custom_id": answer.custom_id,
            "response": {
                "status_code": answer.status,
                "request_id": answer.request_id,
                "body": msgspec.Raw(answer.body),
            },
            "error": None,
        }
    )


def _unasked(line: BatchLine, batch: Batch) -> bytes:
    return _encode(
        {
            "id": f"batch_req_{batch.id.rpartition('_')[2]}_{line.number}",
            "custom_id": line.custom_id,
            "response": None,
            "error": {
                "code": "batch_expired",
                "message": "This request could not be asked before the completion window ended.",
            },
        }
    )
