"""Anthropic's error envelope, both directions."""

from typing import Final

import msgspec

from passerelle.core.values.errors import Refusal
from passerelle.transport.wire.errors import ErrorBody

OVERLOADED: Final = 529
"""Anthropic's own status for what others call 503."""
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": OVERLOADED,
}
_QUOTA: Final = "insufficient_quota"
_NO_CREDIT: Final = "credit balance is too low"
"""How Anthropic says, with status 400, that the account has no money left."""
_encode = msgspec.json.Encoder().encode


class _Told(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Envelope(msgspec.Struct):
    error: _Told


class _Body(msgspec.Struct):
    type: str
    error: _Told
    request_id: str


_decode = msgspec.json.Decoder(_Envelope).decode


def encode_error(refusal: Refusal, request_id: str) -> bytes:
    kind = "billing_error" if refusal.code == _QUOTA else _TYPES.get(refusal.status, "api_error")
    return _encode(_Body("error", _Told(kind, refusal.message), request_id))


def decode_error(data: bytes) -> ErrorBody:
    """What an upstream said went wrong; empty fields where it said nothing that we can read."""
    try:
        told = _decode(data).error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ErrorBody()
    spent = told.type == "billing_error" or _NO_CREDIT in told.message
    return ErrorBody(told.message, told.type, code=_QUOTA if spent else None)


def status_told(told: ErrorBody) -> int:
    """The status that belongs to an error which came without one, inside a stream."""
    return _STATUSES.get(told.type, 500)
