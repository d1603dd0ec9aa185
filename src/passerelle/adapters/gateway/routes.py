"""Every endpoint with the permission that it needs; a table with a gap cannot be built."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from passerelle.adapters.gateway.edge import Request
from passerelle.adapters.gateway.problems import EncodeError, MethodNotAllowed, NoSuchEndpoint
from passerelle.domain.identity.permissions import Permission

Handler = Callable[[Request], Awaitable[None]]
_PLACE: Final = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may call it, for a reason that somebody wrote down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    """`{name}` takes one part of the path; a trailing `/*` the rest of it, slashes included."""
    needs: Permission | Public
    handler: Handler
    errors: EncodeError | None = None
    """How errors are written here and below; None for the usual shape of the path."""
    open_to_some: bool = False
    """The handler itself says who may come without a key."""


@dataclass(frozen=True, slots=True)
class Found:
    endpoint: Endpoint
    parameters: Mapping[str, str]


class UndeclaredPermission(Exception):
    """An endpoint says neither which permission it needs nor why it is public."""


class RouteTable:
    """Exact paths first, then the longest pattern."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        for endpoint in self.endpoints:
            _require_declaration(endpoint)
        self._exact = {
            (endpoint.method, endpoint.path): endpoint
            for endpoint in self.endpoints
            if not _is_pattern(endpoint.path)
        }
        self._patterns = [
            (_compiled(endpoint.path), endpoint)
            for endpoint in sorted(self.endpoints, key=lambda each: -len(each.path))
        ]

    def exact(self, method: str, path: str) -> Endpoint | None:
        return self._exact.get((_asked(method), path))

    def find(self, method: str, path: str) -> Found:
        """Raises `NoSuchEndpoint` or `MethodNotAllowed`."""
        sought = _asked(method)
        endpoint = self._exact.get((sought, path))
        if endpoint is not None:
            return Found(endpoint, {})
        others: set[str] = set()
        for pattern, endpoint in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None and endpoint.method == sought:
                return Found(endpoint, match.groupdict())
            if match is not None:
                others.add(endpoint.method)
        if others:
            raise MethodNotAllowed(", ".join(sorted(others)))
        raise NoSuchEndpoint("See the documentation for the list of endpoints.")

    def errors_at(self, path: str) -> EncodeError | None:
        """How errors are written at this path, whether or not there is an endpoint."""
        for pattern, endpoint in self._patterns:
            below = endpoint.path + "/"
            if endpoint.errors and (pattern.fullmatch(path) or path.startswith(below)):
                return endpoint.errors
        return None


def _asked(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _is_pattern(path: str) -> bool:
    return "{" in path or path.endswith("/*")


def _compiled(path: str) -> re.Pattern[str]:
    whole = path.removesuffix("/*")
    pattern = _PLACE.sub(r"(?P<\1>[^/]+)", re.escape(whole))
    return re.compile(pattern + ("/.+" if path != whole else ""), re.DOTALL)


def _require_declaration(endpoint: Endpoint) -> None:
    needs: object = endpoint.needs
    if isinstance(needs, Permission) or (isinstance(needs, Public) and needs.reason):
        return
    raise UndeclaredPermission(f"{endpoint.method} {endpoint.path}")
