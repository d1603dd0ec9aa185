"""AWS Signature Version 4 in headers.

Source: "Create a signed AWS API request", IAM User Guide. Deviation: chunked uploads and
signatures in the query are not made, since nothing here needs them.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from passerelle.transport.egress.targets import Headers

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"
_PORTS: Final = {"http": 80, "https": 443}
_PATH_AS_SENT: Final = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
"""Services whose paths are keys of objects: nothing in them is resolved or encoded twice."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an account at AWS; secrets stay out of every representation."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    """Of temporary credentials."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature holds."""

    region: str
    service: str
    """The name for signing, such as `bedrock` for bedrock-runtime."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it goes over the wire."""

    method: str
    url: str
    """Escaped, as it is sent."""
    headers: Headers = ()
    """Those to sign; `host` is added."""
    body: bytes = b""


def signing_headers(
    request: Unsigned, credentials: Credentials, scope: Scope, moment_ms: int
) -> Headers:
    """What to send beside the headers of the request.

    The moment is in milliseconds since 1970 UTC; AWS takes it within five minutes of its own.
    """
    stamp = datetime.fromtimestamp(moment_ms / 1_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(request.body).hexdigest()
    added = [("x-amz-date", stamp)]
    if credentials.session_token:
        added.append(("x-amz-security-token", credentials.session_token))
    if scope.service in _PATH_AS_SENT:
        added.append(("x-amz-content-sha256", digest))
    signed = _canonical_headers((*request.headers, *added, ("host", _host(request.url))))
    names = ";".join(signed)
    place = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    canonical = _canonical_request(request, scope.service, signed, digest)
    told = "\n".join((_ALGORITHM, stamp, place, hashlib.sha256(canonical).hexdigest()))
    key = _signing_key(credentials.secret_access_key, place)
    signature = hmac.new(key, told.encode(), hashlib.sha256).hexdigest()
    authorization = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{place}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return (*added, ("authorization", authorization))


def _canonical_request(
    request: Unsigned, service: str, signed: Mapping[str, str], digest: str
) -> bytes:
    parts = urlsplit(request.url)
    return "\n".join(
        (
            request.method.upper(),
            _canonical_path(parts.path, service),
            _canonical_query(parts.query),
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            ";".join(signed),
            digest,
        )
    ).encode()


def _canonical_path(path: str, service: str) -> str:
    if service in _PATH_AS_SENT:
        return path or "/"
    # What the URL has escaped is escaped a second time: `:` is `%3A` there and `%253A` here.
    return quote(_resolved(path), safe="/" + _UNRESERVED)


def _resolved(path: str) -> str:
    """Without dot segments and empty ones. Source: RFC 3986, section 5.2.4."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + end


def _canonical_query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    escaped = sorted((_escaped(name), _escaped(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in escaped)


def _escaped(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


def _canonical_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name in small letters, in its order; values of one name are joined."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    return {name: ",".join(values[name]) for name in sorted(values)}


def _host(url: str) -> str:
    parts = urlsplit(url)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def _signing_key(secret: str, place: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in place.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
