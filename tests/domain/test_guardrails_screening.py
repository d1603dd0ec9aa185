"""Guards over a whole text: redact, block, annotate, and what happens when one fails."""

from dataclasses import dataclass

import pytest

from passerelle.core.values.verdicts import Finding, Outcome
from passerelle.domain.guardrails.glance import Glance
from passerelle.domain.guardrails.guards import Action, Guard, GuardPolicy, Surface, Unscannable
from passerelle.domain.guardrails.injection import Injection
from passerelle.domain.guardrails.length import Length
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.refusals import Blocked, TooMuchText, blocked_by
from passerelle.domain.guardrails.screening import redact, screen
from passerelle.domain.guardrails.secrets import Secrets
from passerelle.domain.guardrails.watches import Guards, refuse_too_much

BOTH = frozenset({Surface.INPUT, Surface.OUTPUT})


@dataclass(frozen=True, slots=True)
class Failing:
    """A guard that cannot judge."""

    failure: Exception
    name: str = "failing"
    whole: bool = False
    reach: int = 8
    lookback: int = 0
    fails_at_a_glance: bool = False

    def may_find(self, glance: Glance) -> bool:
        del glance
        if self.fails_at_a_glance:
            raise self.failure
        return True

    def findings(self, text: str, start: int = 0) -> tuple[Finding, ...]:
        del text, start
        raise self.failure

    def open_from(self, text: str) -> int:
        return len(text)


def policy(action: Action, guard: Guard | None = None) -> GuardPolicy:
    return GuardPolicy(guard or PersonalData(), action, BOTH)


def test_redaction_puts_a_label_in_place_of_what_was_found() -> None:
    screened = screen("mail jo@x.com or 555-123-4567", [policy("redact")], Surface.INPUT)
    assert screened.text == "mail [email] or [phone]"
    assert screened.verdicts[0].outcome is Outcome.REDACTED
    assert [f.kind for f in screened.verdicts[0].findings] == ["email", "phone"]


def test_block_lets_no_text_out_and_says_what_was_found_without_quoting_it() -> None:
    screened = screen("mail jo@x.com", [policy("block")], Surface.INPUT)
    assert screened.blocked
    assert screened.text == ""
    assert screened.verdicts[0].reason == "found email"
    assert "jo@x.com" not in str(screened.verdicts)


def test_annotate_passes_the_text_and_lists_the_findings() -> None:
    screened = screen("mail jo@x.com", [policy("annotate")], Surface.INPUT)
    assert screened.text == "mail jo@x.com"
    assert screened.verdicts[0].outcome is Outcome.PASSED
    assert len(screened.verdicts[0].findings) == 1


def test_guard_of_another_surface_is_not_asked() -> None:
    assert screen("jo@x.com", [policy("block")], Surface.DOCUMENT).verdicts == ()


@pytest.mark.parametrize("failure", [Unscannable("the judge is away"), RuntimeError("x jo@x.com")])
def test_guard_that_fails_has_not_scanned(failure: Exception) -> None:
    screened = screen("jo@x.com", [policy("block", Failing(failure))], Surface.INPUT)
    assert screened.unscanned
    assert not screened.blocked
    verdict = screened.verdicts[0]
    assert verdict.outcome is Outcome.NOT_SCANNED
    assert verdict.reason in {"the judge is away", "the guard failed (RuntimeError)"}


def test_guard_that_fails_at_the_first_look_has_not_scanned_and_the_others_have() -> None:
    failing = Failing(RuntimeError(), fails_at_a_glance=True)
    guards = [policy("redact"), policy("block", failing)]
    screened = screen("jo@x.com", guards, Surface.INPUT)
    outcomes = [verdict.outcome for verdict in screened.verdicts]
    assert outcomes == [Outcome.REDACTED, Outcome.NOT_SCANNED]


def test_verdicts_on_a_text_without_findings_are_one_object_for_guards_of_a_file() -> None:
    guards = Guards([policy("redact"), policy("block", Secrets())])
    first, second = (screen(text, guards, Surface.INPUT) for text in ("one", "two"))
    assert first.verdicts is second.verdicts
    assert first == screen("one", list(guards), Surface.INPUT)
    assert [verdict.outcome for verdict in first.verdicts] == [Outcome.PASSED] * 2


def test_text_that_its_length_blocks_is_read_by_nobody_else() -> None:
    limit = GuardPolicy(Length(5), "block", BOTH)
    screened = screen("jo@x.com", [policy("block"), limit], Surface.INPUT)
    assert screened.blocked
    assert [verdict.outcome for verdict in screened.verdicts] == [
        Outcome.NOT_SCANNED,
        Outcome.BLOCKED,
    ]


def test_request_with_too_much_text_is_turned_away_unread() -> None:
    guards = Guards([policy("block", Length(10, 25))])
    refuse_too_much(["0123456789", "0123456789", "01234"], guards, Surface.INPUT)
    refuse_too_much(["0123456789" * 10], guards, Surface.DOCUMENT)
    with pytest.raises(TooMuchText, match=r"26 characters; the most is 25"):
        refuse_too_much(["0123456789", "0123456789", "012345"], guards, Surface.INPUT)


def test_much_text_is_read_where_no_length_is_set_and_any_where_no_guard_reads() -> None:
    guards = Guards([policy("block")])
    refuse_too_much(["0123456789"] * 100_000, guards, Surface.INPUT)
    with pytest.raises(TooMuchText):
        refuse_too_much(["0123456789"] * 100_001, guards, Surface.INPUT)
    refuse_too_much(["0123456789"] * 100_001, guards, Surface.DOCUMENT)


def test_guard_of_whole_texts_cannot_redact() -> None:
    with pytest.raises(ValueError, match="whole"):
        GuardPolicy(Injection(), "redact", BOTH)


def test_overlapping_findings_become_one_label_and_nothing_covered_stays() -> None:
    findings = [Finding("b", 2, 6), Finding("a", 0, 4), Finding("c", 6, 7)]
    assert redact("0123456789", findings) == "[a][c]789"


def test_refusal_names_the_guard_and_what_to_do_next() -> None:
    screened = screen("mail jo@x.com", [policy("block")], Surface.INPUT)
    refusal = blocked_by(screened.verdicts)
    assert isinstance(refusal, Blocked)
    assert (refusal.status, refusal.code) == (400, "content_blocked")
    assert "personal_data" in refusal.message
    assert "Remove personal data" in refusal.message
    assert "could not check" in blocked_by(()).message
