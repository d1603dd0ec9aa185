"""Guards over a text that arrives in pieces: only what has been checked leaves.

However the text is cut into pieces, what leaves is the same, and so are the
verdicts: guards decide locally (see `Guard`), each place is judged once, when
nothing that may still come can change the judgement, and findings are used in
the order in which they stand in the text.
"""

from collections.abc import Sequence

from passerelle.core.values.verdicts import Finding, Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.screening import Scan, by_beginning, suspecting
from passerelle.domain.guardrails.watches import watch_of


class Windows:
    """Checks a streamed answer.

    `window` is how many characters come together before the guards run again; at
    the start fewer, half of what has left, so that the first words leave at once.
    With `unscanned_blocks` a guard that fails ends the stream. In verdicts
    `released_characters` is 0 where nothing left unchecked: it counts what had left
    when a stream was blocked, or when a guard that judges whole texts spoke at the
    end.
    """

    def __init__(
        self, guards: Sequence[GuardPolicy], *, window: int = 64, unscanned_blocks: bool = True
    ) -> None:
        self._order = [Scan(policy) for policy in watch_of(guards, Surface.OUTPUT).policies]
        self._scans = [scan for scan in self._order if not scan.policy.guard.whole]
        self._policies = [scan.policy for scan in self._scans]
        self._whole = [scan for scan in self._order if scan.policy.guard.whole]
        self._lookback = max((scan.policy.guard.lookback for scan in self._scans), default=0)
        self._unscanned_blocks = unscanned_blocks
        self._window = window
        self._waiting: list[str] = []
        self._waiting_characters = 0
        self._everything: list[str] = []
        self._text = ""  # from the first character that guards may still look back to
        self._base = 0  # place of `_text` in the whole
        self._judged = 0  # in `_text`: findings that begin before are known
        self._gone = 0  # in `_text`: released or redacted; may be past `_judged`
        self.blocked = False
        self.released_characters = 0

    def push(self, text: str) -> str:
        """Takes the next piece; returns what may leave now."""
        if self.blocked or not text:
            return ""
        if self._whole:
            self._everything.append(text)
        if not self._scans:
            return self._count(text)
        self._waiting.append(text)
        self._waiting_characters += len(text)
        if self._waiting_characters < min(self._window, self.released_characters // 2):
            return ""
        self._take()
        return self._release(min(scan.policy.guard.open_from(self._text) for scan in self._scans))

    def finish(self) -> str:
        """The rest, once no more text comes."""
        if self.blocked:
            return ""
        self._take()
        rest = self._release(len(self._text))
        if not self.blocked:
            self._judge_whole()
        return rest

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each policy of the output, final after `finish` or a block."""
        return tuple(scan.verdict(self.released_characters) for scan in self._order)

    def _take(self) -> None:
        self._text += "".join(self._waiting)
        self._waiting.clear()
        self._waiting_characters = 0

    def _release(self, cut: int) -> str:
        if cut <= self._judged:
            return ""
        fresh = self._fresh(cut)
        if self.blocked:
            return ""
        stops = [finding.start for finding, scan in fresh if scan.policy.action == "block"]
        if stops:
            self.blocked = True
            cut = stops[0]
        pieces: list[str] = []
        at = self._gone
        for finding, scan in fresh:
            if self.blocked and finding.start > cut:
                break
            scan.keep(self._placed(finding))
            if scan.policy.action != "redact" or (self.blocked and finding.start == cut):
                continue
            if finding.start >= at:
                pieces += (self._text[at : finding.start], f"[{finding.kind}]")
            at = max(at, finding.end)
        pieces.append(self._text[at:cut])
        self._forget(cut, max(at, cut))
        return self._count("".join(pieces))

    def _fresh(self, cut: int) -> list[tuple[Finding, Scan]]:
        """Findings that begin from the last cut up to this one, by their beginning."""
        fresh: list[tuple[Finding, Scan]] = []
        looking = suspecting(self._policies, self._text)
        if not looking:
            return fresh
        for scan in self._scans:
            if scan.policy not in looking:
                continue
            found = scan.look(self._text, self._judged)
            fresh += [(finding, scan) for finding in found if finding.start < cut]
            if scan.failure and self._unscanned_blocks:
                self.blocked = True
        fresh.sort(key=lambda pair: by_beginning(pair[0]))
        return fresh

    def _placed(self, finding: Finding) -> Finding:
        return Finding(finding.kind, finding.start + self._base, finding.end + self._base)

    def _forget(self, judged: int, gone: int) -> None:
        """Drops what no guard will look at again."""
        drop = max(0, judged - self._lookback)
        self._text = self._text[drop:]
        self._base += drop
        self._judged = judged - drop
        self._gone = gone - drop

    def _judge_whole(self) -> None:
        text = "".join(self._everything)
        for scan in self._whole:
            scan.take(text)
            failed = bool(scan.failure) and self._unscanned_blocks
            if failed or (scan.found and scan.policy.action == "block"):
                self.blocked = True

    def _count(self, text: str) -> str:
        self.released_characters += len(text)
        return text
