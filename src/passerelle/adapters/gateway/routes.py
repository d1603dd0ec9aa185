"""Every endpoint with the permission that it needs; a table with a gap cannot be built."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from passerelle.adapters.gateway.edge import Request
from passerelle.adapters.gateway.problems import MethodNotAllowed, NoSuchEndpoint
from passerelle.domain.identity.permissions import Permission

Handler = Callable[[Request], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may call it, for a reason that somebody wrote down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    """A trailing `/*` takes the rest of the path, slashes included."""
    needs: Permission | Public
    handler: Handler


class UndeclaredPermission(Exception):
    """An endpoint says neither which permission it needs nor why it is public."""


class RouteTable:
    """Exact paths first, then the longest prefix."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        for endpoint in self.endpoints:
            _require_declaration(endpoint)
        self._exact = {
            (endpoint.method, endpoint.path): endpoint
            for endpoint in self.endpoints
            if not endpoint.path.endswith("/*")
        }
        self._prefixes = sorted(
            (endpoint for endpoint in self.endpoints if endpoint.path.endswith("/*")),
            key=lambda endpoint: -len(endpoint.path),
        )

    def exact(self, method: str, path: str) -> Endpoint | None:
        return self._exact.get((_asked(method), path))

    def find(self, method: str, path: str) -> Endpoint:
        """Raises `NoSuchEndpoint` or `MethodNotAllowed`."""
        endpoint = self.exact(method, path)
        if endpoint is not None:
            return endpoint
        sought = _asked(method)
        reachable = [candidate for candidate in self.endpoints if _reaches(candidate, path)]
        for candidate in self._prefixes:
            if candidate in reachable and candidate.method == sought:
                return candidate
        if reachable:
            raise MethodNotAllowed(", ".join(sorted({one.method for one in reachable})))
        raise NoSuchEndpoint("See the documentation for the list of endpoints.")


def _asked(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _reaches(endpoint: Endpoint, path: str) -> bool:
    if endpoint.path.endswith("/*"):
        prefix = endpoint.path[:-1]
        return path.startswith(prefix) and len(path) > len(prefix)
    return path == endpoint.path


def _require_declaration(endpoint: Endpoint) -> None:
    needs: object = endpoint.needs
    if isinstance(needs, Permission) or (isinstance(needs, Public) and needs.reason):
        return
    raise UndeclaredPermission(f"{endpoint.method} {endpoint.path}")
