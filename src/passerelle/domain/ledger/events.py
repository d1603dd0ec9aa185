"""Stable event codes. A code, once written, keeps its meaning for ever."""

EXCHANGE_ENDED = "exchange.ended"
"""A request and its answer, whatever became of it."""
CONTENT_READ = "content.read"
"""Somebody looked at the text of an exchange."""
CONTENT_ERASE = "content.erase"
"""The act of erasing: has an intent and an outcome."""
CONTENT_ERASED = "content.erased"
"""One content is gone; written in the transaction that removed it."""
FLAG_CREATE = "flag.create"
FLAG_REVIEW = "flag.review"
CASE_ADD = "case.add"
"""A use case is measured with one question more."""
EVALUATION_RUN = "evaluation.run"
PROMPT_PROMOTE = "prompt.promote"
PROMPT_ROLLBACK = "prompt.rollback"
BUDGET_ALERT = "budget.alert"
"""A share of a limit was reached; once in each period."""
FILE_ADD = "file.add"
FILE_REMOVE = "file.remove"
BATCH_CREATE = "batch.create"
BATCH_CANCEL = "batch.cancel"
KEY_CREATE = "key.create"
KEY_REVOKE = "key.revoke"
EVIDENCE_RECORD = "evidence.record"
"""Something was found out about a use case, such as what load it bears."""
READINESS_SIGN = "readiness.sign"
USECASE_STAGE = "usecase.stage"
"""A use case was moved to another stage."""
KNOWLEDGE_INGEST = "knowledge.ingest"
USECASE_PUBLISH = "usecase.publish"

ERASED_FACT = "erased"
"""Fact of a `content.erased` entry: the commitment whose content is gone."""
INTENT_FACT = "intent"
"""Fact of an outcome: the sequence of the entry that announced the act."""


def intended(event: str) -> str:
    """The code of an announced act."""
    return f"{event}.intended"


def done(event: str) -> str:
    """The code of an act that was carried out."""
    return f"{event}.done"


def failed(event: str) -> str:
    """The code of an act that was announced and not carried out."""
    return f"{event}.failed"
