"""Bodies of `multipart/form-data`: what an upload is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from multipart import MultipartError, MultipartParser, parse_options_header

from passerelle.adapters.gateway.problems import UnsupportedMediaType
from passerelle.core.values.errors import InvalidRequest

_MOST_PARTS: Final = 20


class BrokenForm(InvalidRequest):
    """The form could not be read."""

    code = "invalid_form"


@dataclass(frozen=True, slots=True)
class Upload:
    """The one file of a form, and its fields."""

    filename: str
    content: bytes
    fields: Mapping[str, str]


def read_form(body: bytes, content_type: str) -> Upload:
    """Raises `UnsupportedMediaType`, `BrokenForm`, and `InvalidRequest` where there is no file."""
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise UnsupportedMediaType("Send `content-type: multipart/form-data` with its boundary.")
    fields: dict[str, str] = {}
    upload: tuple[str, bytes] | None = None
    try:
        parser = MultipartParser(
            BytesIO(body),
            boundary,
            content_length=len(body),
            strict=True,
            part_limit=_MOST_PARTS,
            memory_limit=2 * len(body) + 1,
            spool_limit=len(body) + 1,
        )
        for part in parser:
            if not part.filename:
                fields[part.name] = part.value
            elif part.name == "file" and upload is None:
                upload = part.filename, part.raw
            else:
                raise InvalidRequest("Send one file, as `file`.", param=part.name)
    except (MultipartError, ValueError, LookupError) as fault:  # also of a part's own charset
        raise BrokenForm(f"{fault}.") from None
    if upload is None:
        raise InvalidRequest("The form needs a part `file` with a file name.", param="file")
    return Upload(*upload, fields)
