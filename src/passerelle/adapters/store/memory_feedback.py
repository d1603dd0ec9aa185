"""Flags and their reviews in memory."""

from collections.abc import Iterable, Mapping
from itertools import islice

from passerelle.domain.feedback.flags import Flag
from passerelle.domain.feedback.reviews import Review


class MemoryFlagBox:
    """Flags without a disk."""

    def __init__(self) -> None:
        self._flags: list[Flag] = []

    async def add(self, flag: Flag) -> None:
        self._flags.append(flag)

    def get(self, flag_id: str, *, organisation: str) -> Flag | None:
        found = (flag for flag in self._flags if flag.id == flag_id)
        return next((flag for flag in found if flag.organisation == organisation), None)

    def list(
        self, *, organisation: str, limit: int = 50, exchange_id: str = ""
    ) -> tuple[Flag, ...]:
        found = (
            flag
            for flag in sorted(self._flags, key=lambda flag: (flag.at_ms, flag.id), reverse=True)
            if flag.organisation == organisation and exchange_id in ("", flag.exchange_id)
        )
        return tuple(islice(found, limit))

    def flagged(self, exchange_ids: Iterable[str], *, organisation: str) -> frozenset[str]:
        theirs = {flag.exchange_id for flag in self._flags if flag.organisation == organisation}
        return frozenset(theirs.intersection(exchange_ids))


class MemoryReviewBox:
    """Reviews without a disk."""

    def __init__(self) -> None:
        self._reviews: list[Review] = []

    async def add(self, review: Review) -> None:
        self._reviews.append(review)

    def list(self, *, organisation: str, usecase: str = "", limit: int = 50) -> tuple[Review, ...]:
        found = (
            review
            for review in reversed(self._reviews)
            if review.organisation == organisation and usecase in ("", review.usecase)
        )
        return tuple(islice(found, limit))

    def of_flag(self, flag_id: str, *, organisation: str) -> Review | None:
        return self.of_flags([flag_id], organisation=organisation).get(flag_id)

    def of_flags(self, flag_ids: Iterable[str], *, organisation: str) -> Mapping[str, Review]:
        wanted = frozenset(flag_ids)
        return {
            review.flag_id: review
            for review in self._reviews
            if review.organisation == organisation and review.flag_id in wanted
        }
