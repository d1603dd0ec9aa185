"""What an upstream's failure means for the caller.

Bad credentials and unknown models are our configuration's fault, never the caller's, and
an upstream's own words are passed on only where they speak about the caller's request.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from passerelle.domain.routing.providers import (
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.failures import EgressFailed, TimedOut
from passerelle.transport.wire.errors import ErrorBody

Identity = tuple[str, str]
"""The provider's name, which may be told, and its key, which may not."""
_LONGEST: Final = 300
_SECRET: Final = re.compile(r"\b(?:sk|key|org|proj)-[-_*A-Za-z0-9]{6,}|(?i:bearer)\s+\S+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_QUOTA: Final = frozenset(
    {"insufficient_quota", "billing_not_active", "billing_hard_limit_reached"}
)
_OWN_FAULTS: Final = frozenset({"tool_use_failed"})
"""Codes of a bad request that only the model's own words made bad."""
_CALLERS_FAULT: Final = frozenset({400, 413, 422})
_PAYMENT_REQUIRED: Final = 402
_OUR_FAULT: Final = {
    401: "does not accept its credentials",
    403: "does not accept its credentials",
    404: "does not know the model or the address",
}
_TIMED_OUT: Final = frozenset({408, 504})
_OVERLOADED: Final = frozenset({429, 503, 529})


class Unreadable(ProviderFailed):
    """The model provider's answer could not be read."""

    code = "provider_unreadable"


class AnswerCutOff(ProviderFailed):
    """The model provider's answer ended before it was complete."""

    code = "provider_cut_off"


def failure_of_transport(failure: EgressFailed, name: str) -> ProviderFailed:
    if isinstance(failure, TimedOut):
        return ProviderTimedOut(f"Provider `{name}`.")
    # The kind of failure helps an operator; addresses stay inside.
    return ProviderFailed(f"Provider `{name}`: {_spaced(type(failure).__name__)}.")


def failure_of_status(
    status: int, headers: Mapping[str, str], told: ErrorBody, identity: Identity
) -> ProviderFailed:
    name = identity[0]
    if told.code in _QUOTA or told.type in _QUOTA or status == _PAYMENT_REQUIRED:
        return ProviderMisconfigured(f"The account at provider `{name}` has no quota left.")
    if status in _CALLERS_FAULT and told.code not in _OWN_FAULTS:
        return ProviderRefused(public_words(told.message, identity), param=told.param)
    if status in _TIMED_OUT:
        return ProviderTimedOut(f"Provider `{name}`.")
    if status in _OVERLOADED:
        return ProviderOverloaded(f"Provider `{name}`.", retry_after_seconds=retry_after(headers))
    if status in _OUR_FAULT:
        return ProviderMisconfigured(f"Provider `{name}` {_OUR_FAULT[status]}.")
    return ProviderFailed(f"Provider `{name}` answered with status {status}.")


def failure_told(told: ErrorBody, identity: Identity) -> ProviderFailed:
    """An error that came inside a stream, after a good status."""
    status = told.code if isinstance(told.code, int) else 0
    if told.type in ("rate_limit_error", "overloaded_error") or told.code == "rate_limit_exceeded":
        status = 429
    if told.type == "invalid_request_error":
        status = 400
    if status:
        return failure_of_status(status, {}, told, identity)
    return ProviderFailed(f"Provider `{identity[0]}` broke off with an error of its own.")


def public_words(message: str, identity: Identity) -> str:
    """An upstream's words without secrets and control characters, cut to a sentence or two."""
    if identity[1]:
        message = message.replace(identity[1], "***")
    message = _SECRET.sub("***", _CONTROL.sub(" ", message)).strip()
    if len(message) > _LONGEST:
        message = message[: _LONGEST - 1] + "…"
    return f"Provider `{identity[0]}`: {message}" if message else f"Provider `{identity[0]}`."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None when the upstream says nothing that can be read."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1_000
        elif headers.get("retry-after", "")[:1].isdigit():
            seconds = float(headers["retry-after"])
        else:
            moment = parsedate_to_datetime(headers.get("retry-after", ""))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - datetime.now(UTC)).total_seconds()
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
