"""Guards over a whole text."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from passerelle.core.values.verdicts import Finding, Outcome, Verdict
from passerelle.domain.guardrails.glance import Glance
from passerelle.domain.guardrails.guards import GuardPolicy, Surface, Unscannable
from passerelle.domain.guardrails.watches import watch_of

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


class Screened(NamedTuple):
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

    def take(self, text: str) -> None:
        """Everything that is in the text."""
        for finding in self.look(text):
            self.keep(finding)

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
        if not found:
            return self.policy.passed
        if self.policy.action == "annotate":
            return Verdict(name, Outcome.PASSED, found)
        if self.policy.action == "redact":
            return Verdict(name, Outcome.REDACTED, found)
        kinds = ", ".join(sorted({finding.kind.replace("_", " ") for finding in found}))
        return Verdict(name, Outcome.BLOCKED, found, f"found {kinds}", released_characters)


def screen(text: str, guards: Sequence[GuardPolicy], surface: Surface) -> Screened:
    """Runs the guards of a surface. Each sees the text as it came, so their order is no matter."""
    watch = watch_of(guards, surface)
    # A text that its length alone blocks is read no further: megabytes would hold up everybody.
    for limit in watch.limits:
        if limit.guard.findings(text):
            return _scanned(text, watch.policies, watch.limits, unread="the text is too long")
    suspicious = suspecting(watch.policies, text)
    if not suspicious:
        return Screened(text, watch.passed, blocked=False)
    return _scanned(text, watch.policies, suspicious)


def suspecting(policies: Sequence[GuardPolicy], text: str) -> Sequence[GuardPolicy]:
    """Those whose guard has to look; all of them where one fails already here."""
    glance = Glance(text)
    try:
        return [policy for policy in policies if policy.guard.may_find(glance)]
    except _FAILURES:
        return policies


def _scanned(
    text: str, policies: Sequence[GuardPolicy], looking: Sequence[GuardPolicy], *, unread: str = ""
) -> Screened:
    """Some of the policies look; the others have passed the text, or left it unread."""
    verdicts: list[Verdict] = []
    hidden: list[Finding] = []
    blocked = False
    for policy in policies:
        if policy not in looking:
            verdicts.append(
                Verdict(policy.guard.name, Outcome.NOT_SCANNED, (), unread)
                if unread
                else policy.passed
            )
            continue
        scan = Scan(policy)
        scan.take(text)
        verdicts.append(scan.verdict())
        if scan.found:
            blocked = blocked or policy.action == "block"
            if policy.action == "redact":
                hidden += scan.found
    if blocked:
        return Screened("", tuple(verdicts), blocked=True)
    return Screened(redact(text, hidden) if hidden else text, tuple(verdicts), blocked=False)


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
