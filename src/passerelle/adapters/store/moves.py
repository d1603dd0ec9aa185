"""Moves of use cases and prompt labels in SQLite: all in memory, since serving asks each time."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import (
    METADATA,
    REFRESH_NS,
    Database,
    number_column,
    sequence_column,
    text_column,
)
from passerelle.adapters.store.memory_books import (
    Histories,
    Key,
    label_key,
    refuse_moved_label,
    refuse_moved_stage,
    stage_key,
)
from passerelle.core.values.clock import Clock
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import Ground, Label, Warrant
from passerelle.domain.usecases.stages import StageMove

PROMPT_LABELS = sa.Table(
    "prompt_labels",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("usecase"),
    text_column("organisation"),
    text_column("stage"),
    text_column("version"),
    text_column("name"),
    text_column("ground"),
    number_column("at_ms"),
    text_column("by"),
    text_column("reason"),
    sa.Index("prompt_labels_by_stage", "organisation", "usecase", "stage"),
)
STAGES = sa.Table(
    "stages",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("usecase"),
    text_column("organisation"),
    text_column("before"),
    text_column("to"),
    text_column("reason"),
    text_column("by"),
    number_column("at_ms"),
    sa.Index("stages_by_usecase", "organisation", "usecase"),
)
Move = TypeVar("Move")


class _Followed(Generic[Move]):
    """All rows of a table of moves; what another process added is seen within a second."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        table: sa.Table,
        read: Callable[[RowMapping], tuple[Key, Move]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._table = table
        self._read = read
        self._lock = threading.Lock()
        self._loaded_ns: int | None = None
        self._histories: Histories[Move] = Histories()

    def histories(self) -> Histories[Move]:
        now = self._clock.monotonic_ns()
        if self._loaded_ns is None or now - self._loaded_ns >= REFRESH_NS:
            self._load()
        return self._histories

    def add(
        self,
        row: Mapping[str, object],
        *,
        same: tuple[str, ...],
        last: str,
        refuse: Callable[[str | None], None],
    ) -> None:
        """Adds the row, unless `refuse` objects to column `last` of the newest row that has
        the `same` values; in one transaction.
        """
        columns = self._table.c
        newest = sa.select(columns[last]).where(*(columns[name] == row[name] for name in same))
        with self._database.writing() as connection:
            refuse(connection.scalar(newest.order_by(columns.sequence.desc()).limit(1)))
            connection.execute(sa.insert(self._table).values(row))
        self._load()

    def _load(self) -> None:
        with self._lock:
            self._loaded_ns = self._clock.monotonic_ns()
            added = sa.select(self._table).where(self._table.c.sequence > self._histories.revision)
            for row in self._database.rows(added.order_by(self._table.c.sequence)):
                key, move = self._read(row)
                self._histories.add(key, move, row["sequence"])


class SqliteLabelBook:
    """Prompt labels."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._moves = _Followed(database, clock, PROMPT_LABELS, _label)

    @property
    def revision(self) -> int:
        return self._moves.histories().revision

    def current(self, usecase: str, stage: Stage, *, organisation: str) -> Label | None:
        return self._moves.histories().last((organisation, usecase, stage))

    def history(self, usecase: str, stage: Stage, *, organisation: str) -> tuple[Label, ...]:
        return self._moves.histories().newest_first((organisation, usecase, stage))

    async def move(self, warrant: Warrant) -> None:
        await asyncio.to_thread(self._move, warrant)

    def _move(self, warrant: Warrant) -> None:
        label = warrant.label
        row = {
            "id": label.id,
            "usecase": label.usecase,
            "organisation": label.organisation,
            "stage": label.stage.value,
            "version": label.version,
            "name": label.name,
            "ground": label.ground.value,
            "at_ms": label.at_ms,
            "by": label.by,
            "reason": label.reason,
        }
        self._moves.add(
            row,
            same=("organisation", "usecase", "stage"),
            last="version",
            refuse=lambda found: refuse_moved_label(warrant, found),
        )


class SqliteStageBook:
    """Moves of use cases."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._moves = _Followed(database, clock, STAGES, _stage_move)

    @property
    def revision(self) -> int:
        return self._moves.histories().revision

    def current(self, usecase: str, *, organisation: str) -> Stage | None:
        last = self._moves.histories().last((organisation, usecase))
        return last.to if last else None

    def history(self, usecase: str, *, organisation: str) -> tuple[StageMove, ...]:
        return self._moves.histories().newest_first((organisation, usecase))

    async def move(self, move: StageMove) -> None:
        await asyncio.to_thread(self._move, move)

    def _move(self, move: StageMove) -> None:
        row = {
            "id": move.id,
            "usecase": move.usecase,
            "organisation": move.organisation,
            "before": move.before.value,
            "to": move.to.value,
            "reason": move.reason,
            "by": move.by,
            "at_ms": move.at_ms,
        }
        self._moves.add(
            row,
            same=("organisation", "usecase"),
            last="to",
            refuse=lambda found: refuse_moved_stage(move, found),
        )


def _label(row: RowMapping) -> tuple[Key, Label]:
    label = Label(
        id=row["id"],
        usecase=row["usecase"],
        organisation=row["organisation"],
        stage=Stage(row["stage"]),
        version=Digest(row["version"]),
        name=row["name"],
        ground=Ground(row["ground"]),
        at_ms=row["at_ms"],
        by=row["by"],
        reason=row["reason"],
    )
    return label_key(label), label


def _stage_move(row: RowMapping) -> tuple[Key, StageMove]:
    move = StageMove(
        id=row["id"],
        usecase=row["usecase"],
        organisation=row["organisation"],
        before=Stage(row["before"]),
        to=Stage(row["to"]),
        reason=row["reason"],
        by=row["by"],
        at_ms=row["at_ms"],
    )
    return stage_key(move), move
