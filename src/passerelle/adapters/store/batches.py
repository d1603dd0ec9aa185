"""Files and batches in SQLite."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import METADATA, Database, number_column, text_column
from passerelle.domain.jobs.batches import Batch, BatchState, LineAnswer
from passerelle.domain.jobs.files import StoredFile

FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("organisation"),
    text_column("principal"),
    text_column("filename"),
    text_column("purpose"),
    number_column("bytes"),
    number_column("created_at_ms"),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Index("files_by_principal", "organisation", "principal", "created_at_ms"),
)
BATCHES = sa.Table(
    "batches",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("organisation"),
    text_column("principal"),
    number_column("created_at_ms"),
    text_column("state"),
    text_column("document"),
    text_column("worker"),
    number_column("claimed_until_ms"),
    sa.Index("batches_by_principal", "organisation", "principal", "created_at_ms"),
    sa.Index("batches_by_state", "state"),
)
"""`document` is the whole batch as JSON; the columns beside it are what queries ask for."""
ANSWERS = sa.Table(
    "batch_answers",
    METADATA,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    text_column("custom_id"),
    number_column("status"),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text_column("request_id"),
)
_META = [column for column in FILES.c if column.name != "content"]
_OK = 200
_ENDED = [state.value for state in BatchState if state.ended]


class SqliteFileBox:
    """Files and their bytes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, file: StoredFile, content: bytes) -> None:
        kept = sa.insert(FILES).values(**_columns(file), content=content)
        await asyncio.to_thread(self._database.write, kept)

    def get(self, file_id: str) -> StoredFile | None:
        query = sa.select(*_META).where(FILES.c.id == file_id)
        return next(map(_file, self._database.rows(query)), None)

    def content(self, file_id: str) -> bytes | None:
        query = sa.select(FILES.c.content).where(FILES.c.id == file_id)
        return next((bytes(row["content"]) for row in self._database.rows(query)), None)

    def list(self, *, organisation: str, principal: str, purpose: str = "") -> Sequence[StoredFile]:
        query = sa.select(*_META).where(
            FILES.c.organisation == organisation, FILES.c.principal == principal
        )
        if purpose:
            query = query.where(FILES.c.purpose == purpose)
        query = query.order_by(FILES.c.created_at_ms.desc(), FILES.c.id.desc())
        return tuple(map(_file, self._database.rows(query)))

    async def remove(self, file_id: str) -> None:
        await asyncio.to_thread(self._database.write, sa.delete(FILES).where(FILES.c.id == file_id))


class SqliteBatchBox:
    """Batches, who works on them, and the answers of their lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, batch: Batch) -> None:
        kept = sa.insert(BATCHES).values(
            id=batch.id,
            organisation=batch.organisation,
            principal=batch.principal,
            created_at_ms=batch.created_at_ms,
            state=batch.state.value,
            document=_document(batch),
            worker="",
            claimed_until_ms=0,
        )
        await asyncio.to_thread(self._database.write, kept)

    async def save(self, batch: Batch) -> None:
        changed = (
            sa.update(BATCHES)
            .where(BATCHES.c.id == batch.id)
            .values(state=batch.state.value, document=_document(batch))
        )
        if not batch.state.ended:
            changed = changed.where(BATCHES.c.state != BatchState.CANCELLING.value)
        await asyncio.to_thread(self._database.write, changed)

    async def cancel(self, batch_id: str, *, at_ms: int) -> None:
        state = BatchState.CANCELLING.value
        times = sa.func.json_set(BATCHES.c.document, f"$.times_ms.{state}", at_ms, "$.state", state)
        changed = (
            sa.update(BATCHES)
            .where(BATCHES.c.id == batch_id, BATCHES.c.state.not_in([*_ENDED, state]))
            .values(state=state, document=times)
        )
        await asyncio.to_thread(self._database.write, changed)

    def get(self, batch_id: str) -> Batch | None:
        query = sa.select(BATCHES.c.document).where(BATCHES.c.id == batch_id)
        return next(map(_batch, self._database.rows(query)), None)

    def list(self, *, organisation: str, principal: str) -> Sequence[Batch]:
        query = sa.select(BATCHES.c.document).where(
            BATCHES.c.organisation == organisation, BATCHES.c.principal == principal
        )
        query = query.order_by(BATCHES.c.created_at_ms.desc(), BATCHES.c.id.desc())
        return tuple(map(_batch, self._database.rows(query)))

    async def claim(self, worker: str, *, now_ms: int, lease_ms: int) -> Batch | None:
        free = sa.or_(BATCHES.c.claimed_until_ms <= now_ms, BATCHES.c.worker == worker)
        oldest = (
            sa.select(BATCHES.c.id)
            .where(BATCHES.c.state.not_in(_ENDED), free)
            .order_by(BATCHES.c.created_at_ms, BATCHES.c.id)
            .limit(1)
            .scalar_subquery()
        )
        taken = (
            sa.update(BATCHES)
            .where(BATCHES.c.id == oldest, free)
            .values(worker=worker, claimed_until_ms=now_ms + lease_ms)
        )
        await asyncio.to_thread(self._database.write, taken)
        query = (
            sa.select(BATCHES.c.document)
            .where(
                BATCHES.c.worker == worker,
                BATCHES.c.claimed_until_ms == now_ms + lease_ms,
                BATCHES.c.state.not_in(_ENDED),
            )
            .limit(1)
        )
        return next(map(_batch, self._database.rows(query)), None)

    async def renew(self, batch_id: str, worker: str, *, until_ms: int) -> bool:
        longer = (
            sa.update(BATCHES)
            .where(BATCHES.c.id == batch_id, BATCHES.c.worker == worker)
            .values(claimed_until_ms=until_ms)
        )
        await asyncio.to_thread(self._database.write, longer)
        query = sa.select(BATCHES.c.worker).where(BATCHES.c.id == batch_id)
        return any(row["worker"] == worker for row in self._database.rows(query))

    async def keep(self, batch_id: str, answers: Sequence[LineAnswer]) -> None:
        rows = [
            {
                "batch": batch_id,
                "number": answer.number,
                "custom_id": answer.custom_id,
                "status": answer.status,
                "body": answer.body,
                "request_id": answer.request_id,
            }
            for answer in answers
        ]
        if rows:
            kept = insert(ANSWERS).values(rows).on_conflict_do_nothing()
            await asyncio.to_thread(self._database.write, kept)

    def answered(self, batch_id: str) -> frozenset[int]:
        query = sa.select(ANSWERS.c.number).where(ANSWERS.c.batch == batch_id)
        return frozenset(row["number"] for row in self._database.rows(query))

    def tally(self, batch_id: str) -> tuple[int, int]:
        well = sa.func.sum(sa.case((ANSWERS.c.status == _OK, 1), else_=0))
        sums = [well.label("well"), sa.func.count().label("all")]
        query = sa.select(*sums).where(ANSWERS.c.batch == batch_id)
        (row,) = self._database.rows(query)
        return row["well"] or 0, row["all"] - (row["well"] or 0)

    def answers(self, batch_id: str) -> Iterable[LineAnswer]:
        query = sa.select(ANSWERS).where(ANSWERS.c.batch == batch_id).order_by(ANSWERS.c.number)
        for row in self._database.rows(query):
            yield LineAnswer(
                number=row["number"],
                custom_id=row["custom_id"],
                status=row["status"],
                body=bytes(row["body"]),
                request_id=row["request_id"],
            )


def _columns(file: StoredFile) -> dict[str, object]:
    return {
        "id": file.id,
        "organisation": file.organisation,
        "principal": file.principal,
        "filename": file.filename,
        "purpose": file.purpose,
        "bytes": file.bytes,
        "created_at_ms": file.created_at_ms,
        "expires_at_ms": file.expires_at_ms,
    }


def _file(row: RowMapping) -> StoredFile:
    return StoredFile(**dict(row))


def _document(batch: Batch) -> str:
    return msgspec.json.encode(batch).decode()


def _batch(row: RowMapping) -> Batch:
    return msgspec.json.decode(row["document"], type=Batch)
