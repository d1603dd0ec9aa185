"""Parts of a message of the Responses API, both directions."""

from collections.abc import Sequence
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonObject, JsonValue, Media, Part, Text
from passerelle.transport.wire.bodies import InvalidField, UnsupportedField
from passerelle.transport.wire.data_urls import data_url, split_data_url

_Json = dict[str, JsonValue]
_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text"})


class Audio(msgspec.Struct):
    data: str
    format: str


class RawPart(msgspec.Struct):
    """Any part; which fields it needs depends on its type."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    input_audio: Audio | None = None


_KNOWN: Final = frozenset(RawPart.__struct_fields__)


def parts_of(raw: Sequence[_Json], parts: Sequence[RawPart], param: str) -> tuple[Part, ...]:
    """Raises kin of `InvalidRequest` that name the part below `param`."""
    return tuple(
        _part_of(part, _others(given), f"{param}[{place}]")
        for place, (given, part) in enumerate(zip(raw, parts, strict=True))
    )


def _others(given: _Json) -> JsonObject:
    """What we do not interpret. Lists that a model's own words carry along empty say nothing."""
    others = {key: value for key, value in given.items() if key not in _KNOWN and value}
    if others.get("detail") == "auto":
        del others["detail"]
    return others


def _part_of(part: RawPart, others: JsonObject, param: str) -> Part:
    if part.file_id:
        raise UnsupportedField(
            "Files are not known here by their id: send the data, or a URL.",
            param=f"{param}.file_id",
        )
    if part.type in _TEXTS:
        return Text(_needed(part.text, f"{param}.text"), others)
    if part.type == "refusal":  # the model's own words, as any other
        return Text(_needed(part.refusal, f"{param}.refusal"), others)
    if part.type == "input_image":
        media_type, data, url = _split(_needed(part.image_url, f"{param}.image_url"))
        return Media("image", data, url, media_type, extras=others)
    if part.type == "input_file":
        return _file(part, others, param)
    if part.type == "input_audio" and part.input_audio is not None:
        audio = part.input_audio
        return Media("audio", audio.data, media_type=f"audio/{audio.format}", extras=others)
    raise InvalidField(f"`{param}.type`: {part.type[:40]!r} is not known.", param=f"{param}.type")


def _file(part: RawPart, others: JsonObject, param: str) -> Media:
    name = part.filename or ""
    if part.file_url:
        return Media("file", url=part.file_url, name=name, extras=others)
    media_type, data, bare = _split(_needed(part.file_data, f"{param}.file_data"))
    return Media("file", data or bare, media_type=media_type, name=name, extras=others)


def _needed(value: str | None, param: str) -> str:
    if value is None:
        raise InvalidField(f"`{param}` is missing.", param=param)
    return value


def _split(url: str) -> tuple[str, str, str]:
    """Media type and data of a data URL; else the third is all of it."""
    data = split_data_url(url)
    return ("", "", url) if data is None else (*data, "")


def encode_part(part: Part, kind: str) -> _Json:
    """`kind` is `input_text` or `output_text`."""
    said: _Json
    if isinstance(part, Text):
        said = {"type": kind, "text": part.text}
        if kind == "output_text":
            said |= {"annotations": [], "logprobs": []}
    elif part.kind == "image":
        said = {"type": "input_image", "image_url": _whole_url(part), "detail": "auto"}
    elif part.kind == "audio":
        audio: _Json = {"data": part.data, "format": part.media_type.removeprefix("audio/")}
        said = {"type": "input_audio", "input_audio": audio}
    else:
        said = {"type": "input_file"}
        said |= {"filename": part.name} if part.name else {}
        said |= {"file_url": part.url} if part.url else {"file_data": _whole_url(part)}
    return {**said, **part.extras}


def _whole_url(media: Media) -> str:
    if media.url or not media.media_type:
        return media.url or media.data
    return data_url(media.media_type, media.data)
