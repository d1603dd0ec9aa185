"""The control plane as one ASGI application."""

import asyncio
from collections.abc import Sequence
from functools import cache

from litestar import Litestar, MediaType, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Scope

from passerelle.adapters.api import (
    access,
    budgets,
    costs,
    evaluations,
    exchanges,
    flags,
    ledger,
    prompts,
    providers,
    readiness,
    reviews,
    usecases,
)
from passerelle.adapters.api.endpoints import PERMISSION, endpoint
from passerelle.adapters.api.openapi import describe
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.problems import failed, nested, refused, rejected
from passerelle.adapters.api.routes import PREFIX, Route
from passerelle.core.values.errors import Fault, InvalidConfiguration, Refusal
from passerelle.domain.identity.permissions import Permission

ROUTES: tuple[Route, ...] = (
    *access.ROUTES,
    *usecases.ROUTES,
    *providers.ROUTES,
    *exchanges.ROUTES,
    *flags.ROUTES,
    *reviews.ROUTES,
    *evaluations.ROUTES,
    *prompts.ROUTES,
    *costs.ROUTES,
    *budgets.ROUTES,
    *readiness.ROUTES,
    *ledger.ROUTES,
)
LARGEST_BODY = 64 * 1024
"""Bytes; nothing that the control plane takes is near it."""
PUBLIC = "public"
"""What an endpoint says that needs no key."""
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]


def control_plane(parts: ApiParts, *, routes: Sequence[Route] = ROUTES) -> ASGIApp:
    """Serves full paths below /api/v1.

    Raises `InvalidConfiguration` when an endpoint does not say what it needs.
    """
    app = Litestar(
        [*(endpoint(route, parts) for route in routes), _document(routes)],
        openapi_config=None,
        exception_handlers={
            Refusal: refused,
            HTTPException: rejected,
            RecursionError: nested,
            Exception: failed,
        },
        before_send=[_harden],
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    if faults := _undeclared(app):
        raise InvalidConfiguration(faults)
    return app


def openapi_document() -> bytes:
    """The description of all endpoints, for those who generate clients from it."""
    return describe(ROUTES)


def _document(routes: Sequence[Route]) -> HTTPRouteHandler:
    described = cache(lambda: describe(routes))

    @get(f"{PREFIX}/openapi.json", include_in_schema=False, opt={PERMISSION: PUBLIC})
    async def show_openapi() -> Response[bytes]:
        return Response(await asyncio.to_thread(described), media_type=MediaType.JSON)

    return show_openapi


def _undeclared(app: Litestar) -> list[Fault]:
    """Handlers that say neither which permission they need nor that they are public."""
    return [
        Fault((route.path,), f"{handler.handler_name} declares no permission")
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if "OPTIONS" not in handler.http_methods
        and not isinstance(handler.opt.get(PERMISSION), Permission)
        and handler.opt.get(PERMISSION) != PUBLIC
    ]


async def _harden(message: Message, _: Scope) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", []), *_HEADERS]
