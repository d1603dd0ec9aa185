"""Flags and their reviews in SQLite."""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import (
    METADATA,
    Database,
    number_column,
    sequence_column,
    text_column,
)
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.feedback.reviews import Cause, Review

FLAGS = sa.Table(
    "flags",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("exchange_id"),
    text_column("reason"),
    text_column("comment"),
    text_column("principal"),
    number_column("at_ms"),
    text_column("organisation"),
    sa.Column("correction", sa.Text, nullable=False, server_default=""),
    sa.Index("flags_by_organisation", "organisation", "at_ms"),
    sa.Index("flags_by_exchange", "exchange_id"),
)
REVIEWS = sa.Table(
    "reviews",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("flag_id"),
    text_column("exchange_id"),
    text_column("usecase"),
    text_column("cause"),
    text_column("correction"),
    text_column("documents"),
    text_column("reviewer"),
    number_column("at_ms"),
    text_column("organisation"),
    sa.Index("reviews_by_usecase", "organisation", "usecase"),
    sa.Index("reviews_by_flag", "flag_id"),
)


class SqliteFlagBox:
    """Flags, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, flag: Flag) -> None:
        kept = sa.insert(FLAGS).values(
            id=flag.id,
            exchange_id=flag.exchange_id,
            reason=flag.reason.value,
            comment=flag.comment,
            principal=flag.principal,
            at_ms=flag.at_ms,
            organisation=flag.organisation,
            correction=flag.correction,
        )
        await asyncio.to_thread(self._database.write, kept)

    def get(self, flag_id: str, *, organisation: str) -> Flag | None:
        query = sa.select(FLAGS).where(FLAGS.c.id == flag_id, FLAGS.c.organisation == organisation)
        return next(map(_flag, self._database.rows(query)), None)

    def list(
        self, *, organisation: str, limit: int = 50, exchange_id: str = ""
    ) -> tuple[Flag, ...]:
        query = sa.select(FLAGS).where(FLAGS.c.organisation == organisation)
        if exchange_id:
            query = query.where(FLAGS.c.exchange_id == exchange_id)
        query = query.order_by(FLAGS.c.at_ms.desc(), FLAGS.c.id.desc()).limit(limit)
        return tuple(map(_flag, self._database.rows(query)))

    def flagged(self, exchange_ids: Iterable[str], *, organisation: str) -> frozenset[str]:
        query = sa.select(FLAGS.c.exchange_id).where(
            FLAGS.c.organisation == organisation, FLAGS.c.exchange_id.in_(list(exchange_ids))
        )
        return frozenset(row["exchange_id"] for row in self._database.rows(query))


class SqliteReviewBox:
    """Reviews, last added first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, review: Review) -> None:
        kept = sa.insert(REVIEWS).values(
            id=review.id,
            flag_id=review.flag_id,
            exchange_id=review.exchange_id,
            usecase=review.usecase,
            cause=review.cause.value,
            correction=review.correction,
            documents=msgspec.json.encode(review.documents).decode(),
            reviewer=review.reviewer,
            at_ms=review.at_ms,
            organisation=review.organisation,
        )
        await asyncio.to_thread(self._database.write, kept)

    def list(self, *, organisation: str, usecase: str = "", limit: int = 50) -> tuple[Review, ...]:
        query = sa.select(REVIEWS).where(REVIEWS.c.organisation == organisation)
        if usecase:
            query = query.where(REVIEWS.c.usecase == usecase)
        query = query.order_by(REVIEWS.c.sequence.desc()).limit(limit)
        return tuple(map(_review, self._database.rows(query)))

    def of_flag(self, flag_id: str, *, organisation: str) -> Review | None:
        return self.of_flags([flag_id], organisation=organisation).get(flag_id)

    def of_flags(self, flag_ids: Iterable[str], *, organisation: str) -> Mapping[str, Review]:
        query = sa.select(REVIEWS).where(
            REVIEWS.c.organisation == organisation, REVIEWS.c.flag_id.in_(list(flag_ids))
        )
        found = map(_review, self._database.rows(query.order_by(REVIEWS.c.sequence)))
        return {review.flag_id: review for review in found}


def _flag(row: RowMapping) -> Flag:
    return Flag(**(dict(row) | {"reason": FlagReason(row["reason"])}))


def _review(row: RowMapping) -> Review:
    return Review(
        id=row["id"],
        flag_id=row["flag_id"],
        exchange_id=row["exchange_id"],
        usecase=row["usecase"],
        cause=Cause(row["cause"]),
        correction=row["correction"],
        documents=msgspec.json.decode(row["documents"], type=tuple[str, ...]),
        reviewer=row["reviewer"],
        at_ms=row["at_ms"],
        organisation=row["organisation"],
    )
