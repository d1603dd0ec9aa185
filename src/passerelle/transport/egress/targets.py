"""Where a request goes, parsed once and checked before anything is dialled."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Headers = tuple[tuple[str, str], ...]

_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_PATH: Final = re.compile(r"/[\x21-\x7e]*")


class NotATarget(ValueError):
    """An address or a header that must not be put on the wire."""


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @property
    def over_tls(self) -> bool:
        return self.scheme == "https"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint of an upstream, with the head of its requests ready to send."""

    origin: Origin
    method: str
    path: str
    head: bytes
    """Request line and headers, all but content-length."""


def target(method: str, url: str, headers: Headers = ()) -> Target:
    """Raises `NotATarget`. No user names in the address: they end up in logs."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.fragment:
        raise NotATarget("the address must be http or https, with a host and no user name")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        raise NotATarget("the path of the address holds characters that must be escaped")
    origin = Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != _PORTS[parts.scheme]:
        host = f"{host}:{origin.port}"
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", "accept-encoding: identity"]
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise NotATarget(f"the header {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    return Target(origin, method, path, "\r\n".join(lines).encode("latin-1") + b"\r\n")
