"""Sign-in details inside a URL."""

import re
from collections.abc import Iterator

from passerelle.core.values.verdicts import Finding

# Printable ASCII but for what ends the part of a URL before the host.
_USER_AND_PASSWORD = re.compile(
    r"[^\x00-\x20/?#:@\x7f-\U0010ffff]{0,128}:[^\x00-\x20/?#@\x7f-\U0010ffff]{1,256}@"
)

REACH = 128 + 1 + 256 + 1
"""Longest finding with the `@` after it."""


def credentials(text: str, start: int) -> Iterator[Finding]:
    """User and password before the host, as in `postgres://user:password@host`."""
    at = text.find("://", max(0, start - 3))
    while at >= 0:
        first = at + 3
        found = _USER_AND_PASSWORD.match(text, first)
        if found and first >= start:
            yield Finding("url_credentials", first, found.end() - 1)
        at = text.find("://", first)
