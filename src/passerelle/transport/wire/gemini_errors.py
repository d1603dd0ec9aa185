"""Google's error envelope, as all of its interfaces write it.

Source: google.rpc.Status with the details of google.rpc.ErrorInfo and google.rpc.RetryInfo.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonObject, JsonValue
from passerelle.transport.wire.errors import ErrorBody

_UNAUTHENTICATED: Final = 401
_FORBIDDEN: Final = 403
_BAD_KEYS: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})
_NOT_OURS: Final = "FAILED_PRECONDITION"
"""No billing, or a place from which it may not be used: told as 400, though no request's fault."""
_STATUSES: Final = {
    "ABORTED": 409,
    "CANCELLED": 499,
    "DEADLINE_EXCEEDED": 504,
    _NOT_OURS: _FORBIDDEN,
    "INTERNAL": 500,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": _FORBIDDEN,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": _UNAUTHENTICATED,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
}
_SECONDS: Final = re.compile(r"\d{1,6}(\.\d{1,9})?s")
_decode = msgspec.json.Decoder().decode


def decode_error(data: bytes) -> ErrorBody:
    """Its code is the HTTP status that the error means, None where it does not tell."""
    return error_in(_read(data))


def retry_delay_seconds(data: bytes) -> float | None:
    """None where the error does not say when to ask again."""
    for detail in _details(_error(_read(data))):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and _SECONDS.fullmatch(delay):
            return float(delay[:-1])
    return None


def error_in(raw: JsonValue) -> ErrorBody:
    """Streams that are no server-sent events put the object into a list."""
    error = _error(raw)
    if not error:
        return ErrorBody()
    status, code, message = error.get("status"), error.get("code"), error.get("message")
    known = _STATUSES.get(status) if isinstance(status, str) else None
    means = known or (code if isinstance(code, int) else None)
    if any(detail.get("reason") in _BAD_KEYS for detail in _details(error)):
        means = _UNAUTHENTICATED
    return ErrorBody(
        message if isinstance(message, str) else "",
        status if isinstance(status, str) else "",
        code=means,
    )


def _read(data: bytes) -> JsonValue:
    try:
        read: JsonValue = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read


def _error(raw: JsonValue) -> JsonObject:
    if isinstance(raw, list) and raw:
        raw = raw[0]
    error = raw.get("error") if isinstance(raw, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: JsonObject) -> Iterator[JsonObject]:
    details = error.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict):
            yield each
