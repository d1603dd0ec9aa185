"""How a refusal looks on the wire: OpenAI's envelope for the data plane, RFC 9457 elsewhere."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

import msgspec

from passerelle.adapters.gateway.asgi import Headers
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal, Unavailable
from passerelle.transport.wire.errors import encode_error

QUOTA = "insufficient_quota"
"""Clients retry a 429 by themselves unless they are told that it can never succeed."""


class RequestTooLarge(InvalidRequest):
    """The request body is too large."""

    status = 413
    code = "request_too_large"


class RequestTimedOut(InvalidRequest):
    """The request body did not arrive in time."""

    status = 408
    code = "request_timeout"


class UnsupportedMediaType(InvalidRequest):
    """This endpoint does not take such a body."""

    status = 415
    code = "unsupported_media_type"


class NoSuchEndpoint(NotFound):
    """There is no such endpoint."""

    code = "unknown_url"


class NoSuchModel(NotFound):
    """The model does not exist, or you may not use it."""

    code = "model_not_found"


class MethodNotAllowed(InvalidRequest):
    """This endpoint does not take this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"It takes {allowed}.")
        self.allowed = allowed


class ShuttingDown(Unavailable):
    """The server is shutting down; try again."""

    code = "shutting_down"


class Failed(Refusal):
    """Something went wrong on our side."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    headers: Headers
    body: bytes


EncodeError = Callable[[Refusal, str], bytes]
"""From a refusal and the id of its request to the body that tells of it, in JSON."""


def problem_in(encode: EncodeError, refusal: Refusal, request_id: str) -> Problem:
    headers = ((b"content-type", b"application/json"), *_advice(refusal))
    return Problem(refusal.status, headers, encode(refusal, request_id))


def openai_problem(refusal: Refusal) -> Problem:
    return problem_in(lambda told, _: encode_error(told), refusal, "")


def problem_details(refusal: Refusal) -> Problem:
    """Source: RFC 9457, with `code` as our extension."""
    status = HTTPStatus(refusal.status)
    body = msgspec.json.encode(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": refusal.status,
            "detail": refusal.message,
            "code": refusal.code,
        }
    )
    headers = ((b"content-type", b"application/problem+json"), *_advice(refusal))
    return Problem(refusal.status, headers, body)


def _advice(refusal: Refusal) -> Headers:
    """What the client should do next, as far as headers say it."""
    headers: list[tuple[bytes, bytes]] = []
    if refusal.retry_after_seconds is not None:
        seconds = max(0.0, refusal.retry_after_seconds)
        headers.append((b"retry-after", b"%d" % math.ceil(seconds)))
        headers.append((b"retry-after-ms", b"%d" % math.ceil(seconds * 1_000)))
    if refusal.code == QUOTA:
        headers.append((b"x-should-retry", b"false"))
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", refusal.allowed.encode()))
    return tuple(headers)
