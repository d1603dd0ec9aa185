"""Bodies of requests: JSON objects, and what is wrong with those that are none or do not fit."""

from typing import NoReturn, TypeVar

import msgspec

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import InvalidRequest

T = TypeVar("T")
_decode = msgspec.json.Decoder().decode


class NotJson(InvalidRequest):
    """The body is not a JSON object in UTF-8."""

    code = "invalid_json"


class InvalidField(InvalidRequest):
    """A field of the request is not valid."""

    code = "invalid_value"


class UnsupportedField(InvalidRequest):
    """The request asks for something that is not supported here."""

    code = "unsupported_value"


def decode_object(body: bytes) -> dict[str, JsonValue]:
    """Raises `NotJson`."""
    try:
        raw = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise NotJson(f"{fault}.") from None
    except RecursionError:
        raise NotJson("It is nested too deeply.") from None
    if not isinstance(raw, dict):
        raise NotJson(f"It is a {_name_of(raw)}.")
    return raw


def converted(raw: dict[str, JsonValue], kind: type[T]) -> T:
    """The object as a struct. Raises `InvalidField`, which names the parameter."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as fault:
        _refuse(str(fault))


def _refuse(fault: str) -> NoReturn:
    """Turns msgspec's `... - at `$.messages[0].role`` into a message and a parameter.

    A wrong key of an object is told as `... - at `key` in `$.metadata``.
    """
    message = fault.partition(" - at `")[0]
    param = fault.rpartition("`$")[2].rstrip("`").lstrip(".") if message != fault else ""
    if message.startswith("Object missing required field"):
        missing = message.split("`")[1]
        param = f"{param}.{missing}" if param else missing
        raise InvalidField(f"`{param}` is missing.", param=param)
    if message.startswith("Object contains unknown field"):
        unknown = message.split("`")[1]
        raise InvalidField(f"`{unknown}` is not known here.", param=unknown)
    raise InvalidField(f"`{param}`: {message.replace('`', '')}.", param=param or None)


def _name_of(value: object) -> str:
    if value is None:
        return "null"
    names = {list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return names[type(value)]
