"""Errors as problem documents. Source: RFC 9457, with a stable `code` added."""

import logging
import traceback
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from passerelle.core.values.errors import InvalidRequest, Refusal

MEDIA_TYPE = "application/problem+json"
_CODES = {
    400: InvalidRequest.code,
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
}
_log = logging.getLogger(__name__)
AnyRequest: TypeAlias = Request[Any, Any, Any]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class UnsupportedMediaType(Refusal):
    """Send the body as application/json."""

    status = 415
    code = "unsupported_media_type"
    kind = "invalid_request_error"


def refused(_: AnyRequest, refusal: Refusal) -> Response[Problem]:
    """A refusal of our own."""
    title = refusal.message.removesuffix(refusal.detail).strip()
    headers = {}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="passerelle"'
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(max(1, round(refusal.retry_after_seconds)))
    return _response(
        refusal.status, refusal.code, title=title, detail=refusal.detail, headers=headers
    )


def rejected(_: AnyRequest, error: HTTPException) -> Response[Problem]:
    """What the framework did not accept: path, method, size, form of the body."""
    status = HTTPStatus(error.status_code)
    code = _CODES.get(status, Refusal.code if _is_ours(error) else InvalidRequest.code)
    return _response(
        status, code, title=status.phrase, detail=_detail(error), headers=error.headers
    )


def nested(request: AnyRequest, _: RecursionError) -> Response[Problem]:
    """A body that nests deeper than it can be read; nothing of ours recurses."""
    return refused(request, InvalidRequest("The body is nested too deeply."))


def failed(request: AnyRequest, error: Exception) -> Response[Problem]:
    """A fault of ours. Only its kind and place are logged: its text may hold content."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _log.error(
        "%s %s failed: %s at %s:%s",
        request.method,
        request.scope["path"],
        type(error).__name__,
        place.filename,
        place.lineno,
    )
    return refused(request, Refusal())


def _detail(error: HTTPException) -> str:
    faults = error.extra if isinstance(error.extra, list) else []
    told = [_fault(fault) for fault in faults if isinstance(fault, dict)]
    if told:
        return "; ".join(told)
    return "" if _is_ours(error) else error.detail


def _is_ours(error: HTTPException) -> bool:
    return error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR


def _fault(fault: dict[str, object]) -> str:
    return ": ".join(str(fault[part]) for part in ("key", "message") if fault.get(part))


def _response(
    status: int, code: str, *, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response[Problem]:
    problem = Problem(
        type=f"urn:passerelle:problem:{code}", title=title, status=status, detail=detail, code=code
    )
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=headers)
