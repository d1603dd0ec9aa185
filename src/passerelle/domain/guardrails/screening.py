"""Guards over a whole text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passerelle.core.values.verdicts import Finding, Outcome, Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface, Unscannable
from passerelle.domain.guardrails.length import Length

# How code fails when it meets a text that its author did not think of. Such a guard has not
# judged, and policy decides what that means; what lies outside stops the exchange.
_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Screened:
    """A text and what the guards said about it. Spans of findings refer to the text before."""

    text: str
    """Redacted where a policy asks for it; empty when blocked."""
    verdicts: tuple[Verdict, ...]
    """One for each policy of the surface, in their order."""
    blocked: bool

    @property
    def unscanned(self) -> bool:
        """Some guard could not judge; the stage's policy decides whether the text may pass."""
        return any(verdict.outcome is Outcome.NOT_SCANNED for verdict in self.verdicts)


class Scan:
    """One policy along one text: collects findings from left to right."""

    __slots__ = ("_end", "failure", "found", "policy")

    def __init__(self, policy: GuardPolicy) -> None:
        self.policy = policy
        self.found: list[Finding] = []
        self.failure = ""
        self._end = 0

    def look(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        """Findings from `start` on, sorted; none once the guard has failed."""
        if self.failure:
            return ()
        try:
            found = self.policy.guard.findings(text, start)
            return tuple(sorted(found, key=by_beginning)) if len(found) > 1 else found
        except Unscannable as reason:
            self.failure = str(reason) or "the guard could not judge the text"
        except _FAILURES as failure:
            self.failure = f"the guard failed ({type(failure).__name__})"
        return ()

    def keep(self, finding: Finding) -> None:
        """Records a finding, unless it lies inside an earlier one. Call in sorted order."""
        if finding.end > self._end:
            self.found.append(finding)
            self._end = finding.end

    def verdict(self, released_characters: int = 0) -> Verdict:
        """What this policy says about what it has seen."""
        name, found = self.policy.guard.name, tuple(self.found)
        if self.failure:
            return Verdict(name, Outcome.NOT_SCANNED, found, self.failure, released_characters)
        if not found or self.policy.action == "annotate":
            return Verdict(name, Outcome.PASSED, found)
        if self.policy.action == "redact":
            return Verdict(name, Outcome.REDACTED, found)
        kinds = ", ".join(sorted({finding.kind.replace("_", " ") for finding in found}))
        return Verdict(name, Outcome.BLOCKED, found, f"found {kinds}", released_characters)


def screen(text: str, guards: Sequence[GuardPolicy], surface: Surface) -> Screened:
    """Runs the guards of a surface. Each sees the text as it came, so their order is no matter."""
    scans = [Scan(policy) for policy in guards if surface in policy.surfaces]
    _spare_what_is_too_long(text, scans)
    hidden: list[Finding] = []
    blocked = False
    for scan in scans:
        for finding in scan.look(text):
            scan.keep(finding)
        if scan.found:
            blocked = blocked or scan.policy.action == "block"
            if scan.policy.action == "redact":
                hidden += scan.found
    verdicts = tuple(scan.verdict() for scan in scans)
    if blocked:
        return Screened("", verdicts, blocked=True)
    return Screened(redact(text, hidden) if hidden else text, verdicts, blocked=False)


def _spare_what_is_too_long(text: str, scans: Sequence[Scan]) -> None:
    """A text that its length alone blocks is read no further: megabytes would hold up everybody."""
    limits = [
        scan
        for scan in scans
        if isinstance(scan.policy.guard, Length) and scan.policy.action == "block"
    ]
    if any(scan.look(text) for scan in limits):
        for scan in scans:
            if scan not in limits:
                scan.failure = "the text is too long"


def by_beginning(finding: Finding) -> tuple[int, int, str]:
    """Sort key: where findings overlap, the first and then the longest gives its name."""
    return finding.start, -finding.end, finding.kind


def redact(text: str, findings: Iterable[Finding]) -> str:
    """The text with every covered character gone and a label in place of each stretch."""
    pieces: list[str] = []
    at = 0
    for finding in sorted(findings, key=by_beginning):
        if finding.start >= at:
            pieces += (text[at : finding.start], f"[{finding.kind}]")
        at = max(at, finding.end)
    pieces.append(text[at:])
    return "".join(pieces)
