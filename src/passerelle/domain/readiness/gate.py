"""Demo or product? The verdict over all checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from passerelle.domain.readiness import economy, protection, purpose, quality
from passerelle.domain.readiness.checks import Check, Outcome, Result, Severity, counted, judge
from passerelle.domain.readiness.facts import Facts

CHECKS: tuple[Check, ...] = (
    *purpose.CHECKS,
    *quality.CHECKS,
    *protection.CHECKS,
    *economy.CHECKS,
)


class Verdict(StrEnum):
    """What the use case is."""

    PRODUCT = "product"
    DEMO = "demo"
    UNDECIDED = "undecided"
    """Looking failed somewhere, so nobody can tell."""


class ExitCode(IntEnum):
    """What a program is told."""

    PRODUCT = 0
    DEMO = 1
    NOT_RUN = 2


@dataclass(frozen=True, slots=True)
class Judgement:
    """All results and what they come to; only blockers count for the verdict."""

    results: tuple[Result, ...]

    @property
    def blockers(self) -> tuple[Result, ...]:
        """Results that keep the use case from going on."""
        return tuple(result for result in self.results if result.blocks)

    @property
    def warnings(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.holds and not result.blocks)

    @property
    def verdict(self) -> Verdict:
        outcomes = {result.outcome for result in self.blockers}
        if not outcomes:
            return Verdict.PRODUCT
        return Verdict.UNDECIDED if outcomes == {Outcome.ERROR} else Verdict.DEMO

    @property
    def exit_code(self) -> ExitCode:
        codes = {Verdict.PRODUCT: ExitCode.PRODUCT, Verdict.DEMO: ExitCode.DEMO}
        return codes.get(self.verdict, ExitCode.NOT_RUN)

    @property
    def line(self) -> str:
        """The verdict in one line: `DEMO, not a product: 9 of 15 missing`."""
        told = [
            result
            for result in self.results
            if result.check.severity is Severity.BLOCKER
            and result.outcome is not Outcome.NOT_APPLICABLE
        ]
        missing = f"{len(self.blockers)} of {len(told)}"
        warned = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        if self.verdict is Verdict.DEMO:
            return f"DEMO, not a product: {missing} missing{warned}"
        if self.verdict is Verdict.UNDECIDED:
            return f"UNDECIDED: {missing} could not be checked{warned}"
        waived = sum(result.outcome is Outcome.WAIVED for result in told)
        by_waiver = f" ({waived} by a waiver)" if waived else ""
        return f"PRODUCT: all {len(told)} blockers hold{by_waiver}{warned}"


def judge_all(facts: Facts, checks: Sequence[Check] = CHECKS) -> Judgement:
    """Every check in turn, in the order of the list."""
    return Judgement(tuple(judge(check, facts) for check in checks))
