"""What a person reads when a text may not pass."""

from collections.abc import Sequence

from passerelle.core.values.errors import Refusal
from passerelle.core.values.verdicts import Outcome, Verdict

DEFAULT_REFUSAL = "I cannot answer this: the answer held content that this assistant may not give."
"""Stands in for a blocked answer where the use case has no text of its own."""

_ADVICE = {
    "personal_data": "Remove personal data from the message and send it again.",
    "secrets": "Remove keys and passwords from the message; change those that were sent.",
    "injection": "Rephrase the message without instructions that address the assistant itself.",
    "competitors": "Ask without naming other companies' products.",
    "length": "Shorten the message and send it again.",
}
_UNSCANNED = "A guard could not check the text, and this use case lets nothing pass unchecked."


class Blocked(Refusal):
    """The content was blocked by a guard of this use case."""

    status = 400
    code = "content_blocked"
    kind = "invalid_request_error"


class TooMuchText(Refusal):
    """The request holds more text than is read at once."""

    status = 413
    code = "request_too_large"
    kind = "invalid_request_error"


def blocked_by(verdicts: Sequence[Verdict]) -> Blocked:
    """The refusal for a text that was blocked: which guard, why, and what to do next."""
    for verdict in verdicts:
        if verdict.outcome is Outcome.BLOCKED:
            advice = _ADVICE.get(verdict.guard, "")
            return Blocked(f"{verdict.guard}: {verdict.reason}. {advice}".strip())
    return Blocked(_UNSCANNED)
