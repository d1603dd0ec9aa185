"""Health, readiness and metrics."""

import ipaddress
from collections.abc import Callable

import msgspec

from passerelle.adapters.gateway.admission import Authorise
from passerelle.adapters.gateway.edge import Request
from passerelle.domain.identity.permissions import Permission

_JSON = ((b"content-type", b"application/json"),)
_TEXT = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)

Ready = Callable[[], tuple[str, ...]]
"""What keeps the process from serving, in words that anybody may read; empty when nothing does."""


async def healthz(request: Request) -> None:
    """The process runs and its loop turns."""
    await request.reply(200, b'{"status":"ok"}', _JSON)


class Readiness:
    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self.draining = False

    async def __call__(self, request: Request) -> None:
        faults = ("shutting down",) if self.draining else self._ready()
        if faults:
            body = msgspec.json.encode({"status": "not_ready", "faults": faults})
            await request.reply(503, body, _JSON)
        else:
            await request.reply(200, b'{"status":"ready"}', _JSON)


class Metrics:
    """Open to the machine itself when so set, else to keys that may read metrics."""

    def __init__(
        self, exposition: Callable[[], bytes], *, authorise: Authorise, open_to_loopback: bool
    ) -> None:
        self._exposition = exposition
        self._authorise = authorise
        self._open_to_loopback = open_to_loopback

    async def __call__(self, request: Request) -> None:
        if not (self._open_to_loopback and _from_this_machine(request)):
            self._authorise(request.credential, Permission.METRICS_READ)
        await request.reply(200, self._exposition(), _TEXT)


def _from_this_machine(request: Request) -> bool:
    """A request that a proxy handed on comes from elsewhere, whatever its address says."""
    if request.headers.keys() & {b"forwarded", b"x-forwarded-for", b"via"}:
        return False
    try:
        return ipaddress.ip_address(request.client).is_loopback
    except ValueError:
        return False
