"""Data within a URL, as OpenAI's formats carry media. Source: RFC 2397."""

from typing import Final

_BASE64: Final = ";base64"


def split_data_url(url: str) -> tuple[str, str] | None:
    """Media type and base64 data; None for any other URL."""
    head, comma, data = url.partition(",")
    if comma and head[:5].lower() == "data:" and head.endswith(_BASE64):
        return head[5 : -len(_BASE64)], data
    return None


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type}{_BASE64},{data}"
