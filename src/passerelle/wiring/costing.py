"""Costs as one person looks at them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.evidence import Evidence
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.justify.meter import CostReport, MeterParts, Window, cost_report
from passerelle.stories.justify.project import ProjectedCosts, project_costs
from passerelle.wiring.improving import find_usecase
from passerelle.wiring.installation import Installation
from passerelle.wiring.justifying import keep_projection, meter_parts, readiness_parts
from passerelle.wiring.operating import acting
from passerelle.wiring.providers import price_book
from passerelle.wiring.serving import open_deployments


@dataclass(frozen=True, slots=True)
class Span:
    """Which exchanges: of a use case, from day to day, both included."""

    usecase: str = ""
    since: date | None = None
    until: date | None = None
    time_zone: str = "UTC"

    @property
    def window(self) -> Window:
        """Raises `InvalidRequest` for an unknown time zone."""
        after = None if self.until is None else self.until + timedelta(days=1)
        return Window(
            self.usecase, self._start_ms(self.since), self._start_ms(after), self.time_zone
        )

    def _start_ms(self, day: date | None) -> int | None:
        if day is None:
            return None
        try:
            zone = ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidRequest(f"{self.time_zone!r} is no time zone.") from error
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        return int(midnight.astimezone(UTC).timestamp() * 1_000)


class CostDesk:
    def __init__(self, installation: Installation, store: Store, key_file: Path | None) -> None:
        self._installation = installation
        self._store = store
        self._principal = acting(installation, store, key_file)

    def only(self, usecase: str) -> str:
        """The use case of that name; where there is one only, it need not be named."""
        return only_usecase(self._installation, usecase)

    def report(self, span: Span) -> CostReport:
        granted = authorise(self._principal, Permission.COST_READ)
        if span.usecase:
            find_usecase(self._installation, span.usecase)
        return cost_report(granted, meter_parts(self._installation, self._store), span.window)

    async def project(
        self, span: Span, *, users: int, days: int, priced_as: str, seed: int
    ) -> tuple[ProjectedCosts, Evidence]:
        """The projection becomes evidence about what would go live."""
        granted = authorise(self._principal, Permission.COST_READ)
        projected = project_costs(
            granted,
            self._parts(priced_as),
            users=users,
            seed=seed,
            window=span.window,
            priced_as=priced_as,
            days=days,
        )
        deployments = open_deployments(self._installation, self._store)
        parts = readiness_parts(self._installation, self._store, deployments)
        return projected, await keep_projection(self._principal, parts, projected)

    def _parts(self, priced_as: str) -> MeterParts:
        prices = price_book(self._installation, also=priced_as.partition("/")[0])
        return meter_parts(self._installation, self._store, prices)


def only_usecase(installation: Installation, name: str) -> str:
    """Raises `NotFound` for an unknown name, `InvalidRequest` when one must be chosen."""
    if name:
        return find_usecase(installation, name).name
    names = [usecase.name for usecase in installation.usecases]
    if len(names) != 1:
        raise InvalidRequest(f"Name a use case: {', '.join(names) or 'there is none yet'}.")
    return names[0]
