"""OpenAI's error envelope, both directions."""

import msgspec

from passerelle.core.values.errors import Refusal


class ErrorBody(msgspec.Struct, frozen=True):
    message: str = ""
    type: str = ""
    param: str | None = None
    code: str | int | None = None
    """We write strings only; some providers write numbers."""


class ErrorEnvelope(msgspec.Struct):
    error: ErrorBody


class _LooseBody(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _LooseEnvelope(msgspec.Struct):
    """Some servers put a sentence where the object belongs, or only `message` or `detail`."""

    error: _LooseBody | str | None = None
    message: str | None = None
    detail: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_LooseEnvelope).decode


def encode_error(refusal: Refusal) -> bytes:
    return _encode(
        ErrorEnvelope(
            ErrorBody(
                message=refusal.message,
                type=refusal.kind,
                param=refusal.param,
                code=refusal.code,
            )
        )
    )


def decode_error(data: bytes) -> ErrorBody:
    """What an upstream said went wrong; empty fields where it said nothing that we can read."""
    try:
        envelope = _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ErrorBody()
    told = envelope.error
    if isinstance(told, _LooseBody):
        return ErrorBody(told.message or "", told.type or "", told.param, told.code)
    return ErrorBody(told or envelope.message or envelope.detail or "")
