"""The gateway as one application: the data plane and what is mounted beside it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from passerelle.adapters.gateway.admission import Admission, Authorise
from passerelle.adapters.gateway.asgi import ASGIApp
from passerelle.adapters.gateway.batches import batch_endpoints
from passerelle.adapters.gateway.chat import read_chat
from passerelle.adapters.gateway.conversations import Conversations
from passerelle.adapters.gateway.edge import CLIENT_GONE, ClientGone, EdgeLimits, Request
from passerelle.adapters.gateway.embeddings import EmbeddingsEndpoint
from passerelle.adapters.gateway.feedback import Feedback, TakeFlag
from passerelle.adapters.gateway.messages import messages_endpoints
from passerelle.adapters.gateway.models import PREFIX, Models
from passerelle.adapters.gateway.mounts import serve_mounted
from passerelle.adapters.gateway.probes import Metrics, Readiness, Ready, healthz
from passerelle.adapters.gateway.problems import Failed, ShuttingDown
from passerelle.adapters.gateway.responses import response_endpoints
from passerelle.adapters.gateway.routes import Endpoint, Public, RouteTable
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.count import TokenServer
from passerelle.stories.serve.exchange import Server
from passerelle.stories.serve.files import BatchParts
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
    counter: TokenServer
    batches: BatchParts
    exposition: Callable[[], bytes]
    """The metrics in Prometheus' text format."""
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)
    """ASGI applications by path prefix; they get the whole path."""
    limits: EdgeLimits = field(default_factory=EdgeLimits)
    metrics_open_to_loopback: bool = True


class Gateway:
    def __init__(self, parts: GatewayParts) -> None:
        self.clock = parts.clock
        self._observer = parts.observer
        self._limits = parts.limits
        self._admission = Admission(parts.authorise)
        self._readiness = Readiness(parts.ready)
        self.routes = RouteTable(_endpoints(parts, self._readiness))
        self._mounts = sorted(
            ((prefix.rstrip("/"), app) for prefix, app in parts.mounts.items()),
            key=lambda mount: -len(mount[0]),
        )

    def begin_drain(self) -> None:
        """From now on the process says that it is not ready; it still serves."""
        self._readiness.draining = True

    async def serve(self, request: Request) -> None:
        """Whatever happens inside, the client gets an answer and nothing of our inside."""
        try:
            endpoint = self.routes.exact(request.method, request.path)
            if endpoint is None:
                await self._elsewhere(request)
            else:
                await self._enter(endpoint, request)
        except Refusal as refusal:
            await self._refuse(request, refusal)
        except ClientGone:
            _note_gone(request)
        except asyncio.CancelledError:
            # Else only the listener cancels: the time for draining is over.
            if request.gone:
                _note_gone(request)
            else:
                await self._refuse(request, ShuttingDown(retry_after_seconds=1))
        except Exception:  # noqa: BLE001 - the outermost loop: nothing may pass it
            _log.exception("unexpected error", extra={"request_id": request.request_id})
            await self._refuse(request, Failed(f"Ask for request {request.request_id}."))
        finally:
            self._observe(request)

    def _enter(self, endpoint: Endpoint, request: Request) -> Awaitable[None]:
        request.endpoint = endpoint.path
        request.encode_error = endpoint.errors
        self._admission.expect(request.credential, endpoint)
        return endpoint.handler(request)

    async def _elsewhere(self, request: Request) -> None:
        """Below a mount, at a path with parameters, or nowhere."""
        for prefix, app in self._mounts:
            if _reaches(prefix, request.path):
                request.endpoint = prefix or "/"
                await serve_mounted(app, request, self._limits)
                return
        found = self.routes.find(request.method, request.path)
        request.parameters = found.parameters
        await self._enter(found.endpoint, request)

    async def _refuse(self, request: Request, refusal: Refusal) -> None:
        if request.encode_error is None:
            request.encode_error = self.routes.errors_at(request.path)
        with suppress(ClientGone):
            await request.refuse(refusal)

    def _observe(self, request: Request) -> None:
        self._observer.request_ended(
            endpoint=request.endpoint,
            method=request.method,
            status=request.status,
            code=request.code,
            duration_ns=self.clock.monotonic_ns() - request.received_ns,
            request_id=request.request_id,
            exchange_id=request.exchange_id,
        )


def _note_gone(request: Request) -> None:
    request.status, request.code = CLIENT_GONE, "client_gone"


def _reaches(prefix: str, path: str) -> bool:
    """What stands under /v1 is ours alone, so that its errors have the shape of OpenAI's."""
    if path.startswith("/v1/") or path == "/v1":
        return False
    return path == prefix or path.startswith(prefix + "/")


def _endpoints(parts: GatewayParts, readiness: Readiness) -> tuple[Endpoint, ...]:
    models = Models(parts.server)
    completions = Conversations(read_chat, parts.server, limits=parts.limits, clock=parts.clock)
    embeddings = EmbeddingsEndpoint(parts.server, limits=parts.limits, clock=parts.clock)
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
            parts.counter,
            authorise=parts.authorise,
            limits=parts.limits,
            clock=parts.clock,
        ),
        *messages_endpoints(parts.server, parts.counter, limits=parts.limits, clock=parts.clock),
        Endpoint("POST", "/v1/embeddings", Permission.EXCHANGE_CREATE, embeddings),
        *batch_endpoints(parts.batches, parts.authorise, parts.limits),
        Endpoint("POST", "/v1/feedback", Permission.FLAG_CREATE, feedback),
        Endpoint("GET", "/v1/models", Permission.MODEL_LIST, models.all),
        Endpoint("GET", PREFIX + "*", Permission.MODEL_LIST, models.one),
        Endpoint("GET", "/healthz", probe, healthz),
        Endpoint("GET", "/readyz", probe, readiness),
        Endpoint("GET", "/metrics", Permission.METRICS_READ, metrics, open_to_some=True),
    )
