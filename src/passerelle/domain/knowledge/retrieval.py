"""Which passages may answer this question?"""

from collections.abc import Sequence

from passerelle.core.values.passages import Hit
from passerelle.domain.knowledge.library import Index

SHORT_QUESTION = 4
"""Words; a follow-up this short is searched together with the question before it."""


def retrieve(
    index: Index, question: str, *, limit: int, history: Sequence[str] = ()
) -> tuple[Hit, ...]:
    """At most `limit` hits, best first; equal scores are ordered by passage id.

    `history` holds the earlier questions of the conversation, oldest first: a
    follow-up of a few words (`And in Lyon?`) names what it is about only there.
    """
    if limit < 1:
        return ()
    hits = index.search(_searched(question, history), limit=limit)
    return tuple(sorted(hits, key=_rank))


def _searched(question: str, history: Sequence[str]) -> str:
    if history and len(question.split()) <= SHORT_QUESTION:
        return f"{history[-1]} {question}"
    return question


def _rank(hit: Hit) -> tuple[float, str]:
    return -hit.score, hit.passage.id
