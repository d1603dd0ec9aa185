"""Parts of a message of Chat Completions, both directions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, TypeAlias, cast

import msgspec

from passerelle.core.values.chat import JsonObject, JsonValue, Media, Part, Text
from passerelle.domain.routing.providers import Inexpressible
from passerelle.transport.wire.bodies import InvalidField, UnsupportedField
from passerelle.transport.wire.data_urls import data_url, split_data_url

_Json = dict[str, JsonValue]
_Filled = Annotated[str, msgspec.Meta(min_length=1)]


class _TextPart(msgspec.Struct, tag="text"):
    text: str


class _RefusalPart(msgspec.Struct, tag="refusal"):
    refusal: str


class _ImageUrl(msgspec.Struct):
    url: _Filled


class _ImagePart(msgspec.Struct, tag="image_url"):
    image_url: _ImageUrl | _Filled


class _Audio(msgspec.Struct):
    data: _Filled
    format: _Filled


class _AudioPart(msgspec.Struct, tag="input_audio"):
    input_audio: _Audio


class _File(msgspec.Struct):
    filename: str | None = None
    file_data: str | None = None
    file_id: str | None = None


class _FilePart(msgspec.Struct, tag="file"):
    file: _File


AnyPart: TypeAlias = _TextPart | _RefusalPart | _ImagePart | _AudioPart | _FilePart
_AUDIO_TYPES: Final = {"mp3": "audio/mpeg"}
_AUDIO_FORMATS: Final = {kind: name for name, kind in _AUDIO_TYPES.items()}
_WITHIN: Final = ("image_url", "input_audio", "file")
"""Fields that are objects of their own."""


def parts_of(parts: Sequence[AnyPart], raw: JsonValue, place: int) -> tuple[Part, ...]:
    """Parts of the message at that place; `raw` is what they were read from."""
    given = cast("list[_Json]", raw)
    return tuple(
        _part(part, given[number], f"messages[{place}].content[{number}]")
        for number, part in enumerate(parts)
    )


def text_of(parts: Iterable[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def plain(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Nothing, where the text of the message says all that the parts do."""
    match parts:
        case (Text(extras=extras),) if not extras:
            return ()
        case _:
            return parts


def _part(part: AnyPart, raw: _Json, param: str) -> Part:
    match part:
        case _TextPart():
            return Text(part.text, _others(raw, part))
        case _RefusalPart():  # the model's own words, as any other
            return Text(part.refusal, _others(raw, part))
        case _ImagePart():
            return _image(part, raw)
        case _AudioPart():
            audio = part.input_audio
            kind = _AUDIO_TYPES.get(audio.format, f"audio/{audio.format}")
            return Media("audio", audio.data, media_type=kind, extras=_others(raw, part))
        case _FilePart():
            return _file(part.file, _others(raw, part), param)


def _image(part: _ImagePart, raw: _Json) -> Media:
    extras = _others(raw, part)
    url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
    within = extras.get("image_url")
    if isinstance(within, dict) and (detail := within.pop("detail", None)):
        extras |= {} if detail == "auto" else {"detail": detail}
        if not within:
            del extras["image_url"]
    data = split_data_url(url)
    if data is None:
        return Media("image", url=url, extras=extras)
    return Media("image", data[1], media_type=data[0], extras=extras)


def _file(file: _File, extras: JsonObject, param: str) -> Media:
    if file.file_id:
        raise UnsupportedField(
            "Files are not known here by their id: send the data.", param=f"{param}.file.file_id"
        )
    if not file.file_data:
        param = f"{param}.file.file_data"
        raise InvalidField(f"`{param}` is missing.", param=param)
    name, given = file.filename or "", file.file_data
    if (data := split_data_url(given)) is not None:
        return Media("file", data[1], media_type=data[0], name=name, extras=extras)
    if "://" in given:
        return Media("file", url=given, name=name, extras=extras)
    return Media("file", given, name=name, extras=extras)


def _others(raw: _Json, part: AnyPart) -> _Json:
    """What we do not interpret; within the part's own object too, below its name."""
    others: _Json = {}
    for key, value in raw.items():
        if key == "type" or value is None:
            continue
        if key not in part.__struct_fields__:
            others[key] = value
        elif key in _WITHIN and isinstance(value, dict):
            known = _KNOWN_WITHIN[key]
            rest = {name: value[name] for name in value if name not in known and value[name]}
            if rest:
                others[key] = rest
    return others


_KNOWN_WITHIN: Final[Mapping[str, frozenset[str]]] = {
    "image_url": frozenset(_ImageUrl.__struct_fields__),
    "input_audio": frozenset(_Audio.__struct_fields__),
    "file": frozenset(_File.__struct_fields__),
}


def encode_part(part: Part, extras: JsonObject, param: str) -> _Json:
    """`extras` are those of the part's that may go on. Raises `Inexpressible`."""
    rest = dict(extras)
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **rest}
    if part.kind == "image":
        image: _Json = {"url": part.url or data_url(part.media_type, part.data)}
        image |= {"detail": rest.pop("detail")} if "detail" in rest else {}
        return _nested("image_url", image, rest)
    if part.kind == "audio":
        if not part.data:
            raise Inexpressible("Audio must be sent as data.", param=param)
        kind = part.media_type
        name = _AUDIO_FORMATS.get(kind, kind.removeprefix("audio/"))
        return _nested("input_audio", {"data": part.data, "format": name}, rest)
    file: _Json = {"filename": part.name} if part.name else {}
    bare = part.url or (part.data if not part.media_type else "")
    file["file_data"] = bare or data_url(part.media_type, part.data)
    return _nested("file", file, rest)


def _nested(kind: str, fields: _Json, extras: _Json) -> _Json:
    within = extras.pop(kind, None)
    return {
        "type": kind,
        kind: {**fields, **(within if isinstance(within, dict) else {})},
        **extras,
    }
