"""Is a sample enough to project from, and what would make it better?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from passerelle.domain.costs.resampling import effective_number
from passerelle.domain.costs.traffic import Row, Sample

ENOUGH_USERS = 20
ENOUGH_DAYS = 10
WHOLE_WEEKS_DAYS = 14
LARGEST_SHARE = 0.2
"""Of all requests or of all cost, by one user."""
LARGEST_BLOCK_SHARE = 0.5
LARGEST_LEAP = 50
"""Users projected for each user seen."""
STEADY = 1.5
"""How far the later half of the days may differ from the earlier half, as a factor."""
AIM = 1.25
"""The width worth having: P95 within this factor of P50."""
_Z = 1.645
_MOST_MORE = 100_000


class Weakness(StrEnum):
    """What a sample lacks; stable codes."""

    FEW_USERS = "few_users"
    FEW_DAYS = "few_days"
    ONE_USER_DOMINATES = "one_user_dominates"
    ONE_DAY_DOMINATES = "one_day_dominates"
    NO_WHOLE_WEEKS = "no_whole_weeks"
    UNSTEADY = "unsteady"
    FAR_BEYOND = "far_beyond"
    UNKNOWN_PRICES = "unknown_prices"
    NO_COST = "no_cost"
    NO_INTERVAL = "no_interval"


@dataclass(frozen=True, slots=True)
class Caution:
    """Why the projection deserves less trust than its interval says, and what to do."""

    weakness: Weakness
    message: str
    advice: str


def cautions(
    sample: Sample, *, users: int, user_variance: float, block_variance: float
) -> tuple[Caution, ...]:
    """What is weak about the sample; the variances are of log cost, as resampled."""
    return (
        *_too_few(sample, user_variance, block_variance),
        *_clustered(sample),
        *_unlike(sample, users),
        *_prices(sample.whole),
    )


def wanted(units: int, variance: float, *, least: int) -> int:
    """How many units more bring their own part of the width down to the aim."""
    allowed = (math.log(AIM) / _Z) ** 2 / 2  # half for users, half for days
    needed = math.ceil(units * variance / allowed) if variance > 0 else units
    return min(_MOST_MORE, max(least, needed) - units)


def _too_few(sample: Sample, user_variance: float, block_variance: float) -> Iterator[Caution]:
    users, days, blocks = len(sample.users), sample.days, len(sample.blocks)
    if sample.whole.cost_nano and min(users, blocks) < 2:  # noqa: PLR2004 - one unit does not vary
        yield Caution(
            Weakness.NO_INTERVAL,
            f"{_count(users, 'user')} on {_count(days, 'day')}: how users and days differ is "
            "not known, so no P10 and no P90 can be given.",
            "Let at least two users ask on at least two days; for a width worth having, "
            f"{ENOUGH_USERS} users on {ENOUGH_DAYS} days.",
        )
    more_users = wanted(users, user_variance, least=ENOUGH_USERS)
    if more_users > 0:
        yield Caution(
            Weakness.FEW_USERS,
            f"{_count(users, 'user')} seen: users differ too much for so few.",
            f"Watch at least {more_users:,} more, drawn by chance from those who are to use it. "
            "Callers that serve several people are told apart by the field `user` of a request.",
        )
    more_days = wanted(blocks, block_variance, least=-(-ENOUGH_DAYS // sample.block_days))
    more_days *= sample.block_days
    if more_days > 0:
        yield Caution(
            Weakness.FEW_DAYS,
            f"{_count(days, 'day')} seen: days differ too much for so few.",
            f"Watch at least {more_days:,} more, spread over several weeks: ten days apart tell "
            "more than ten in a row.",
        )


def _clustered(sample: Sample) -> Iterator[Caution]:
    by_user, by_block = _largest(sample.users), _largest(sample.blocks)
    if by_user > LARGEST_SHARE and len(sample.users) > 1:
        yield Caution(
            Weakness.ONE_USER_DOMINATES,
            f"One of {len(sample.users)} users makes {by_user:.0%} of it; all of them weigh as "
            f"much as {effective_number(_weights(sample.users)):.1f} equal users.",
            "Find out whether such users will be as frequent among all; if it is a test or a "
            "script, mark it as such or leave it out.",
        )
    if by_block > LARGEST_BLOCK_SHARE and len(sample.blocks) > 1:
        unit = "week" if sample.block_days > 1 else "day"
        yield Caution(
            Weakness.ONE_DAY_DOMINATES,
            f"One {unit} of {len(sample.blocks)} makes {by_block:.0%} of it.",
            "Sample small amounts on many days instead of many requests on one.",
        )
    if sample.days < WHOLE_WEEKS_DAYS:
        yield Caution(
            Weakness.NO_WHOLE_WEEKS,
            f"{_count(sample.days, 'day')} seen: not two whole weeks, so the quiet days of a "
            "week weigh too much or too little.",
            f"Go on for {WHOLE_WEEKS_DAYS - sample.days} more days.",
        )


def _unlike(sample: Sample, users: int) -> Iterator[Caution]:
    seen = len(sample.users)
    if users > LARGEST_LEAP * seen:
        yield Caution(
            Weakness.FAR_BEYOND,
            f"{users:,} users are {users / seen:,.0f} times those seen: no interval knows how "
            "unlike the first ones the others are.",
            f"Widen to {-(-users // LARGEST_LEAP):,} users of other teams before relying on it.",
        )
    half = len(sample.blocks) // 2
    if half >= 4:  # noqa: PLR2004 - fewer blocks differ by chance
        earlier, later = _daily(sample.blocks[:half]), _daily(sample.blocks[-half:])
        if not earlier / STEADY <= later <= earlier * STEADY:
            yield Caution(
                Weakness.UNSTEADY,
                f"Requests went from {earlier:,.2f} to {later:,.2f} for each user and day between "
                "the halves of the time seen; the projection takes the mean.",
                "Wait until use is steady, or project from the later half only.",
            )


def _prices(whole: Row) -> Iterator[Caution]:
    unknown = round(whole.requests - whole.priced)
    if unknown:
        yield Caution(
            Weakness.UNKNOWN_PRICES,
            f"{unknown:,} of {whole.requests:,.0f} requests have no known price; the projection "
            "takes them to cost as much as the others.",
            "Add the price of their model, then project again.",
        )
    if whole.priced and not whole.cost_nano:
        yield Caution(
            Weakness.NO_COST,
            "Every request went to a model that costs nothing by the token, so the projection is "
            "0; machines and people are not in it.",
            "Project with the price of the model that is to be used.",
        )


def _largest(rows: Sequence[Row]) -> float:
    """The largest share of one row, of requests or of cost, whichever is larger."""
    columns = ([row.requests for row in rows], [row.cost_nano for row in rows])
    return max((max(column) / sum(column) for column in columns if any(column)), default=0.0)


def _weights(rows: Sequence[Row]) -> list[float]:
    costs = [row.cost_nano for row in rows]
    return costs if any(costs) else [row.requests for row in rows]


def _daily(rows: Sequence[Row]) -> float:
    return sum(row.requests for row in rows) / sum(row.user_days for row in rows)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
