"""Files and batches in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from passerelle.domain.jobs.batches import Batch, BatchState, LineAnswer
from passerelle.domain.jobs.files import StoredFile

_OK = 200


class MemoryFileBox:
    """Files without a disk."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[StoredFile, bytes]] = {}

    async def add(self, file: StoredFile, content: bytes) -> None:
        self._files[file.id] = (file, content)

    def get(self, file_id: str) -> StoredFile | None:
        found = self._files.get(file_id)
        return None if found is None else found[0]

    def content(self, file_id: str) -> bytes | None:
        found = self._files.get(file_id)
        return None if found is None else found[1]

    def list(self, *, organisation: str, principal: str, purpose: str = "") -> Sequence[StoredFile]:
        theirs = (
            file
            for file, _ in self._files.values()
            if file.belongs_to(organisation=organisation, principal=principal)
            and purpose in ("", file.purpose)
        )
        return sorted(theirs, key=lambda file: (file.created_at_ms, file.id), reverse=True)

    async def remove(self, file_id: str) -> None:
        self._files.pop(file_id, None)


class MemoryBatchBox:
    """Batches without a disk."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._claims: dict[str, tuple[str, int]] = {}
        self._answers: dict[str, dict[int, LineAnswer]] = {}

    async def add(self, batch: Batch) -> None:
        self._batches[batch.id] = batch

    async def save(self, batch: Batch) -> None:
        known = self._batches[batch.id]
        if batch.state.ended or known.state is not BatchState.CANCELLING:
            self._batches[batch.id] = batch

    async def cancel(self, batch_id: str, *, at_ms: int) -> None:
        batch = self._batches[batch_id]
        if not batch.state.ended and batch.state is not BatchState.CANCELLING:
            state = BatchState.CANCELLING
            times = {**batch.times_ms, state.value: at_ms}
            self._batches[batch_id] = replace(batch, state=state, times_ms=times)

    def get(self, batch_id: str) -> Batch | None:
        return self._batches.get(batch_id)

    def list(self, *, organisation: str, principal: str) -> Sequence[Batch]:
        theirs = (
            batch
            for batch in self._batches.values()
            if batch.belongs_to(organisation=organisation, principal=principal)
        )
        return sorted(theirs, key=lambda batch: (batch.created_at_ms, batch.id), reverse=True)

    async def claim(self, worker: str, *, now_ms: int, lease_ms: int) -> Batch | None:
        for batch in sorted(self._batches.values(), key=lambda each: (each.created_at_ms, each.id)):
            holder, until_ms = self._claims.get(batch.id, ("", 0))
            if not batch.state.ended and (until_ms <= now_ms or holder == worker):
                self._claims[batch.id] = (worker, now_ms + lease_ms)
                return batch
        return None

    async def renew(self, batch_id: str, worker: str, *, until_ms: int) -> bool:
        if self._claims.get(batch_id, ("", 0))[0] != worker:
            return False
        self._claims[batch_id] = (worker, until_ms)
        return True

    async def keep(self, batch_id: str, answers: Sequence[LineAnswer]) -> None:
        kept = self._answers.setdefault(batch_id, {})
        for answer in answers:
            kept.setdefault(answer.number, answer)

    def answered(self, batch_id: str) -> frozenset[int]:
        return frozenset(self._answers.get(batch_id, {}))

    def tally(self, batch_id: str) -> tuple[int, int]:
        answers = self._answers.get(batch_id, {}).values()
        well = sum(answer.status == _OK for answer in answers)
        return well, len(answers) - well

    def answers(self, batch_id: str) -> Iterable[LineAnswer]:
        return [answer for _, answer in sorted(self._answers.get(batch_id, {}).items())]
