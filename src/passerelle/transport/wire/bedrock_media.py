"""Images, documents, sound and film in Bedrock's Converse."""

import re
from collections.abc import Mapping
from typing import Final

from passerelle.core.values.chat import JsonValue, Media
from passerelle.domain.routing.providers import Inexpressible

_Json = dict[str, JsonValue]
_IMAGES: Final = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
_SOUNDS: Final = {
    **{each: each for each in ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka")},
    **{each: each for each in ("x-aac", "m4a", "mpga", "pcm", "webm")},
    "mpeg": "mp3",
    "x-wav": "wav",
    "x-m4a": "m4a",
}
_FILMS: Final = {
    **{each: each for each in ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv")},
    "quicktime": "mov",
    "x-matroska": "mkv",
    "x-ms-wmv": "wmv",
    "x-flv": "flv",
    "3gpp": "three_gp",
    "3gp": "three_gp",
}
_DOCUMENTS: Final = {
    **{each: each for each in ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")},
    "plain": "txt",
    "markdown": "md",
    "msword": "doc",
    "vnd.ms-excel": "xls",
    "vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")
_LONGEST_NAME: Final = 190
"""Converse takes 200; the rest is for a number."""


class DocumentNames:
    """Names that Converse takes: few characters, and no two the same in one request."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, wanted: str) -> str:
        stem = wanted.rpartition(".")[0] or wanted
        name = " ".join(_UNNAMEABLE.sub(" ", stem).split())[:_LONGEST_NAME].strip() or "Document"
        number, unique = 1, name
        while unique in self._taken:
            number += 1
            unique = f"{name} ({number})"
        self._taken.add(unique)
        return unique


def media_block(media: Media, names: DocumentNames, param: str) -> _Json:
    """Raises `Inexpressible`, which names `param`. `extras` are for others to read."""
    if media.kind == "image":
        return {"image": _content(media, _IMAGES, param)}
    if media.kind == "audio":
        return {"audio": _content(media, _SOUNDS, param)}
    if media.media_type.startswith("video/"):
        return {"video": _content(media, _FILMS, param)}
    document = _content(media, _DOCUMENTS, param)
    return {"document": {"name": names.name(media.name), **document}}


def _content(media: Media, formats: Mapping[str, str], param: str) -> _Json:
    told = _told_format(media)
    if told not in formats:
        known = ", ".join(sorted(set(formats.values())))
        raise Inexpressible(
            f"Bedrock takes no {media.kind} of type {told[:40]!r}, but: {known}.", param=param
        )
    return {"format": formats[told], "source": _source(media, param)}


def _told_format(media: Media) -> str:
    if media.media_type:
        return media.media_type.partition(";")[0].partition("/")[2].strip().lower()
    return (media.name or media.url).rpartition(".")[2].lower()


def _source(media: Media, param: str) -> _Json:
    if media.data:
        return {"bytes": media.data}
    if media.url.startswith("s3://"):
        return {"s3Location": {"uri": media.url}}
    raise Inexpressible("Bedrock fetches nothing from the web: send the data.", param=param)
