"""Errors of AWS's services that speak JSON: as answers, and within streams of events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from passerelle.transport.wire.aws_event_stream import EventMessage

_Status = Annotated[int, msgspec.Meta(ge=100, le=599)]
_TYPE: Final = "x-amzn-errortype"


@dataclass(frozen=True, slots=True)
class AwsError:
    kind: str = ""
    """Such as `ThrottlingException`, without namespace; small first letter within streams."""
    message: str = ""
    original_status: int = 0
    """Of the model behind the service, where that failed."""


class _Body(msgspec.Struct):
    message: str | None = None
    loud: str | None = msgspec.field(name="Message", default=None)
    kind: str | None = msgspec.field(name="__type", default=None)
    original_status: _Status | None = msgspec.field(name="originalStatusCode", default=None)
    original_message: str | None = msgspec.field(name="originalMessage", default=None)


_decode = msgspec.json.Decoder(_Body).decode


def told_in_answer(headers: Mapping[str, str], data: bytes) -> AwsError:
    """Header names in small letters. Empty fields where nothing can be read."""
    body = _body(data)
    # `ThrottlingException:http://…` in the header, `com.amazon.coral#…` in the body.
    kind = headers.get(_TYPE, "") or body.kind or ""
    return _error(kind.partition(":")[0].rpartition("#")[2], body)


def told_in_stream(message: EventMessage) -> AwsError:
    """Of a message of type `exception` or `error`."""
    headers = message.headers
    if headers.get(":message-type") == "error":
        return AwsError(_text(headers.get(":error-code")), _text(headers.get(":error-message")))
    return _error(_text(headers.get(":exception-type")), _body(message.payload))


def _error(kind: str, body: _Body) -> AwsError:
    said = body.message or body.loud or body.original_message or ""
    return AwsError(kind, said, body.original_status or 0)


def _body(data: bytes) -> _Body:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _Body()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
