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


class _Detail(msgspec.Struct):
    msg: str = ""
    loc: list[str | int] = []


class _Details(msgspec.Struct):
    detail: str | list[_Detail] | None = None


class _LooseEnvelope(_Details):
    """Some servers put a sentence where the object belongs, or only `message` or `detail`."""

    error: _LooseBody | str | None = None
    message: str | _Details | None = None


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
    message = envelope.message
    if isinstance(message, _Details):
        return _detailed(message)
    return ErrorBody(told or message or "") if told or message else _detailed(envelope)


def _detailed(envelope: _Details) -> ErrorBody:
    """As servers write it that check requests by a schema: the first fault and its place."""
    if isinstance(envelope.detail, str):
        return ErrorBody(envelope.detail)
    if not envelope.detail:
        return ErrorBody()
    first = envelope.detail[0]
    param = ".".join(str(step) for step in first.loc if step != "body") or None
    return ErrorBody(f"{param}: {first.msg}" if param and first.msg else first.msg, param=param)
