"""The gateway as one ASGI application: the data plane and what is mounted beside it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from passerelle.adapters.gateway.asgi import ASGIApp, Receive, Scope, Send
from passerelle.adapters.gateway.chat import read_chat
from passerelle.adapters.gateway.conversations import Conversations
from passerelle.adapters.gateway.edge import (
    CLIENT_GONE,
    ClientGone,
    EdgeLimits,
    Request,
    guarded_receive,
    observed_send,
)
from passerelle.adapters.gateway.feedback import Feedback, TakeFlag
from passerelle.adapters.gateway.models import PREFIX, Models
from passerelle.adapters.gateway.probes import Authorise, Metrics, Readiness, Ready, healthz
from passerelle.adapters.gateway.problems import Failed, ShuttingDown
from passerelle.adapters.gateway.responses import response_endpoints
from passerelle.adapters.gateway.routes import Endpoint, Public, RouteTable
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.exchange import Server
from passerelle.stories.serve.recall import Recall

_log = logging.getLogger("passerelle.gateway")


class TrafficObserver(Protocol):
    """Sees every request when it has ended; must neither block nor raise."""

    def request_ended(
        self,
        *,
        endpoint: str,
        method: str,
        status: int,
        code: str,
        duration_ns: int,
        request_id: str,
        exchange_id: str,
    ) -> None:
        """`endpoint` is the route's own path; `status` is 499 when the client left."""
        ...


@dataclass(frozen=True, slots=True)
class GatewayParts:
    server: Server
    clock: Clock
    observer: TrafficObserver
    ready: Ready
    authorise: Authorise
    feedback: TakeFlag
    recall: Recall
    exposition: Callable[[], bytes]
    """The metrics in Prometheus' text format."""
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)
    """Other applications by path prefix; they get the scope as it is, with the whole path."""
    limits: EdgeLimits = field(default_factory=EdgeLimits)
    metrics_open_to_loopback: bool = True


class Gateway:
    def __init__(self, parts: GatewayParts) -> None:
        self._clock = parts.clock
        self._observer = parts.observer
        self._limits = parts.limits
        self._readiness = Readiness(parts.ready)
        self.routes = RouteTable(_endpoints(parts, self._readiness))
        self._mounts = sorted(
            ((prefix.rstrip("/"), app) for prefix, app in parts.mounts.items()),
            key=lambda mount: -len(mount[0]),
        )

    def begin_drain(self) -> None:
        """From now on the process says that it is not ready; it still serves."""
        self._readiness.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive, send, clock=self._clock)
            try:
                await self._outermost(request)
            finally:
                self._observe(request)
        elif scope["type"] == "lifespan":
            await _accept_lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _outermost(self, request: Request) -> None:
        """Whatever happens inside, the client gets an answer and nothing of our inside."""
        try:
            await self._dispatch(request)
        except Refusal as refusal:
            await request.refuse(refusal)
        except ClientGone:
            request.status, request.code = CLIENT_GONE, "client_gone"
        except asyncio.CancelledError:
            # Only the listener cancels: the time for draining is over.
            await request.refuse(ShuttingDown(retry_after_seconds=1))
        except Exception:  # noqa: BLE001 - the outermost loop: nothing may pass it
            _log.exception("unexpected error", extra={"request_id": request.request_id})
            await request.refuse(Failed(f"Ask for request {request.request_id}."))

    async def _dispatch(self, request: Request) -> None:
        endpoint = self.routes.exact(request.method, request.path)
        if endpoint is None:
            for prefix, app in self._mounts:
                if _reaches(prefix, request.path):
                    request.endpoint = prefix or "/"
                    receive = guarded_receive(request, self._limits)
                    await app(request.scope, receive, observed_send(request))
                    return
            endpoint = self.routes.find(request.method, request.path)
        request.endpoint = endpoint.path
        await endpoint.handler(request)

    def _observe(self, request: Request) -> None:
        self._observer.request_ended(
            endpoint=request.endpoint,
            method=request.method,
            status=request.status,
            code=request.code,
            duration_ns=self._clock.monotonic_ns() - request.received_ns,
            request_id=request.request_id,
            exchange_id=request.exchange_id,
        )


def _reaches(prefix: str, path: str) -> bool:
    """What stands under /v1 is ours alone, so that its errors have the shape of OpenAI's."""
    if path.startswith("/v1/") or path == "/v1":
        return False
    return path == prefix or path.startswith(prefix + "/")


def _endpoints(parts: GatewayParts, readiness: Readiness) -> tuple[Endpoint, ...]:
    models = Models(parts.server)
    completions = Conversations(read_chat, parts.server, limits=parts.limits, clock=parts.clock)
    feedback = Feedback(parts.feedback, limits=parts.limits)
    metrics = Metrics(
        parts.exposition,
        authorise=parts.authorise,
        open_to_loopback=parts.metrics_open_to_loopback,
    )
    probe = Public("orchestrators ask before they have a key; it tells nothing about anybody")
    return (
        Endpoint("POST", "/v1/chat/completions", Permission.EXCHANGE_CREATE, completions),
        *response_endpoints(
            parts.server,
            parts.recall,
            authorise=parts.authorise,
            limits=parts.limits,
            clock=parts.clock,
        ),
        Endpoint("POST", "/v1/feedback", Permission.FLAG_CREATE, feedback),
        Endpoint("GET", "/v1/models", Permission.MODEL_LIST, models.all),
        Endpoint("GET", PREFIX + "*", Permission.MODEL_LIST, models.one),
        Endpoint("GET", "/healthz", probe, healthz),
        Endpoint("GET", "/readyz", probe, readiness),
        Endpoint("GET", "/metrics", Permission.METRICS_READ, metrics),
    )


async def _accept_lifespan(receive: Receive, send: Send) -> None:
    """Our own listener sends none; other servers wait for an answer."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
