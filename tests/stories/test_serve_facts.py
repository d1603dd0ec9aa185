"""Facts of an exchange: short as they are written, whole as they are read."""

import msgspec
import pytest

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.ids import PassageId, canonical_bytes
from passerelle.core.values.passages import Citation
from passerelle.core.values.scope import Scope
from passerelle.core.values.verdicts import (
    ClaimVerdict,
    Finding,
    Grounding,
    Outcome,
    Support,
    Verdict,
)
from passerelle.domain.ledger.chain import empty_tip, extend, seal
from passerelle.domain.ledger.entries import Draft, Entry, Facts
from passerelle.stories.govern import exchange_facts as govern
from passerelle.stories.govern.exchange_facts import read_facts
from passerelle.stories.justify import traffic
from passerelle.stories.serve.exchange import SurfaceVerdict
from passerelle.stories.serve.facts import (
    ExchangeFacts,
    GroundingFacts,
    citation_facts,
    grounding_facts,
    sorted_verdicts,
)

VERDICTS = [
    SurfaceVerdict("input", Verdict("secrets", Outcome.PASSED)),
    SurfaceVerdict("input", Verdict("injection", Outcome.PASSED)),
    SurfaceVerdict("input", Verdict("length", Outcome.PASSED, (Finding("too_long", 5, 9),))),
    SurfaceVerdict("output", Verdict("secrets", Outcome.PASSED)),
    SurfaceVerdict(
        "output",
        Verdict("personal_data", Outcome.BLOCKED, (Finding("email", 1, 9),), "found email", 7),
    ),
]
GROUNDING = Grounding(
    Support.UNSUPPORTED,
    0.123456,
    (ClaimVerdict(0, 9, Support.UNSUPPORTED, 0.123456, None),),
    "one claim",
)
CITATION = Citation(
    number=1,
    document="fees",
    passage=PassageId("p1"),
    start=3,
    end=8,
    title="Fees",
    quote="a fee",
)


def facts() -> ExchangeFacts:
    passed, guards = sorted_verdicts(VERDICTS)
    return ExchangeFacts(
        status=200,
        purpose="live",
        cost_nano_usd=None,
        input_tokens=3,
        output_tokens=0,
        grounding=grounding_facts(GROUNDING),
        passed=passed,
        guards=guards,
        citations=citation_facts([CITATION]),
        cut_off=True,
    )


def recorded(written: Facts) -> Entry:
    draft = Draft("exchange.ended", 1, Scope("acme", "support"), "per_1", "exc_1", facts=written)
    (entry,) = extend(empty_tip(), [seal(draft)]).entries
    return entry


def test_what_has_its_default_is_left_out_and_names_are_sorted() -> None:
    plain = ExchangeFacts(200, "live", 5, 3, 1, GroundingFacts("not_scanned"))
    assert recorded(plain).facts == (
        b'{"cost_nano_usd":5,"grounding":{"support":"not_scanned"},"input_tokens":3,'
        b'"output_tokens":1,"purpose":"live","status":200}'
    )


def test_guards_that_found_nothing_are_only_named() -> None:
    written = msgspec.json.decode(recorded(facts()).facts)
    assert written["passed"] == {"input": ["secrets", "injection"], "output": ["secrets"]}
    assert [guard["guard"] for guard in written["guards"]] == ["length", "personal_data"]


def test_reader_sees_every_verdict() -> None:
    read = read_facts(recorded(facts()))
    found = {(at.surface, at.guard, at.outcome, len(at.findings)) for at in read.guards}
    assert found == {
        (at.surface, at.verdict.guard, at.verdict.outcome, len(at.verdict.findings))
        for at in VERDICTS
    }
    assert read.blocked_by == "personal_data"
    blocked = next(at for at in read.guards if at.outcome is Outcome.BLOCKED)
    assert (blocked.reason, blocked.released_characters) == ("found email", 7)
    assert blocked.findings == (govern.FindingFacts("email", 1, 9),)


def test_reader_of_traffic_counts_every_verdict() -> None:
    seen = traffic._decode(recorded(facts()).facts)
    outcomes = sorted(guard.outcome.value for guard in seen.guards)
    assert outcomes == ["blocked", "passed", "passed", "passed", "passed"]


def test_reader_sees_grounding_and_citations_as_they_were() -> None:
    read = read_facts(recorded(facts()))
    assert (read.grounding.support, read.grounding.score) == (Support.UNSUPPORTED, 0.1235)
    assert read.grounding.claims == (govern.ClaimFacts(0, 9, Support.UNSUPPORTED, 0.1235),)
    assert read.citations == (govern.CitationFacts(1, "fees", "p1", 3, 8),)
    assert (read.cut_off, read.stream, read.cost_nano_usd) == (True, False, None)


def test_what_is_left_out_is_what_a_reader_assumes() -> None:
    """Otherwise an entry would come back other than it was written."""
    written = msgspec.to_builtins(ExchangeFacts(0, "live", None, 0, 0, GroundingFacts("")))
    assumed = msgspec.to_builtins(govern.ExchangeFacts())
    for field in msgspec.structs.fields(ExchangeFacts):
        if field.name in assumed and field.name not in written:
            empty = field.default_factory() if callable(field.default_factory) else field.default
            assert msgspec.to_builtins(empty) in (assumed[field.name], ()), field.name


def test_entry_of_an_older_version_is_read_as_before() -> None:
    older: dict[str, JsonValue] = {
        "status": 200,
        "guards": [{"surface": "input", "guard": "secrets", "outcome": "passed", "findings": []}],
    }
    draft = Draft("exchange.ended", 1, Scope("acme", "support"), "per_1", "exc_1", facts=older)
    (entry,) = extend(empty_tip(), [seal(draft)]).entries
    assert read_facts(entry).guards == (govern.GuardFacts("input", "secrets", Outcome.PASSED),)
    assert len(traffic._decode(entry.facts).guards) == 1


def test_facts_that_are_not_unicode_are_refused() -> None:
    bad = ExchangeFacts(0, "live", None, 0, 0, GroundingFacts(""), code="\ud800")
    with pytest.raises(ValueError, match="surrogates"):
        canonical_bytes(bad)
