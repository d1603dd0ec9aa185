"""Is the answer supported by the passages? Claim by claim, in well under a millisecond."""

import re
from collections.abc import Sequence

from passerelle.core.text.readings import Reading, read
from passerelle.core.text.tokens import words
from passerelle.core.values.passages import Citation, Passage
from passerelle.core.values.verdicts import ClaimVerdict, Grounding, Support
from passerelle.domain.grounding.claims import Claim, claims_of, is_refusal
from passerelle.domain.grounding.matching import match
from passerelle.domain.grounding.scores import THRESHOLD, score_of

NO_ANSWER = "empty"
NO_PASSAGES = "no_passages"
REFUSAL = "refusal"
NO_CLAIM = "no_claim"
OTHER_SCRIPT = "script_without_spaces"
"""Reasons for which an answer is not scanned; part of the record."""

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff]")
_MOSTLY = 0.3


def ground(
    answer: str,
    passages: Sequence[Passage],
    *,
    threshold: float = THRESHOLD,
    refusal: str = "",
) -> Grounding:
    """Each claim of the answer with its verdict and its best evidence.

    Passage k is cited as `[k+1]`. A claim that stands word for word in a passage scores
    1; else words, names, numbers with units and negation are compared (see `score_of`).
    It judges wording, not meaning: a true paraphrase in wholly other words is reported as
    unsupported. Without passages, for a refusal (`refusal` or common English words for
    it), for an answer without a claim and for scripts without spaces between words the
    support is `not_scanned`, with the reason.
    """
    reason = _unscanned(answer, passages, refusal)
    claims = claims_of(answer) if not reason else []
    if not claims:
        return Grounding(Support.NOT_SCANNED, 0.0, reason=reason or NO_CLAIM)
    readings = [read(passage.text) for passage in passages]
    verdicts = tuple(_verdict(claim, passages, readings, threshold=threshold) for claim in claims)
    supports = {verdict.support for verdict in verdicts}
    worst = (Support.CONTRADICTED, Support.UNSUPPORTED, Support.SUPPORTED)
    return Grounding(
        next(support for support in worst if support in supports),
        min(verdict.score for verdict in verdicts),
        verdicts,
    )


def _unscanned(answer: str, passages: Sequence[Passage], refusal: str) -> str:
    if not answer.strip():
        return NO_ANSWER
    if is_refusal(answer, refusal):
        return REFUSAL
    if not any(passage.text.strip() for passage in passages):
        return NO_PASSAGES
    if not answer.isascii() and len(_UNSPACED.findall(answer)) > _MOSTLY * len(answer):
        return OTHER_SCRIPT
    return ""


def _verdict(
    claim: Claim, passages: Sequence[Passage], readings: Sequence[Reading], *, threshold: float
) -> ClaimVerdict:
    quoted = _quoted(claim, passages)
    if quoted:
        return ClaimVerdict(claim.start, claim.end, Support.SUPPORTED, 1.0, quoted)
    signals, best = match(claim, readings)
    repeated = f" {' '.join(words(claim.text))} "
    score = 1.0 if any(repeated in each.plain for each in readings) else score_of(signals)
    if best is None:
        return ClaimVerdict(claim.start, claim.end, Support.UNSUPPORTED, score, None)
    sentence = readings[best.passage].sentences[best.sentence]
    support = Support.SUPPORTED if score >= threshold else Support.UNSUPPORTED
    if signals.opposed and support is Support.UNSUPPORTED:
        support = Support.CONTRADICTED
    citation = _citation(passages, best.passage, sentence.start, sentence.end)
    return ClaimVerdict(claim.start, claim.end, support, score, citation)


def _quoted(claim: Claim, passages: Sequence[Passage]) -> Citation | None:
    """The place where the claim stands word for word; in a cited passage if there too."""
    order = sorted(range(len(passages)), key=lambda place: place + 1 not in claim.cited)
    for place in order:
        text = passages[place].text
        start = text.find(claim.text)
        end = start + len(claim.text)
        if start >= 0 and not _inside_a_word(text, start) and not _inside_a_word(text, end):
            return _citation(passages, place, start, end)
    return None


def _inside_a_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _citation(passages: Sequence[Passage], place: int, start: int, end: int) -> Citation:
    passage = passages[place]
    return Citation(
        number=place + 1,
        document=passage.document,
        title=passage.title,
        passage=passage.id,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
    )
