"""From a route to what the framework serves: admission first, then the body is read."""

import inspect
from collections.abc import Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import MediaType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.types import Guard

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.problems import (
    MEDIA_TYPE,
    AnyRequest,
    Problem,
    UnsupportedMediaType,
)
from passerelle.adapters.api.routes import Route
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import identify

PERMISSION = "permission"
"""Where a handler says what it needs; the start looks for it there."""
_SERVES = {"GET": get, "POST": post, "DELETE": delete}
_TOLD = {
    400: "The request is not valid.",
    401: "The API key was not accepted.",
    403: "The caller's roles do not allow this.",
    404: "No such thing exists, or the caller may not see it.",
    503: "A part that this request needs is not available.",
}
_TOLD_OF_BODIES = {413: "The body is too large.", 415: "The body is not application/json."}


def endpoint(route: Route, parts: ApiParts | None) -> HTTPRouteHandler:
    """The handler of a route; without parts it can be described, not called."""

    async def serve(request: AnyRequest, **given: Any) -> object:
        return await route.call(request.auth, parts, **given)

    seen = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=AnyRequest)
    given = list(route.signature.parameters.values())
    answer = route.signature.return_annotation
    serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [seen, *given], return_annotation=answer
    )
    serve.__annotations__ = {
        **{parameter.name: parameter.annotation for parameter in (seen, *given)},
        "return": answer,
    }
    serve.__name__ = route.name
    handler: HTTPRouteHandler = _SERVES[route.method](
        route.path,
        guards=[] if parts is None else [admission(route, parts)],
        status_code=route.status,
        media_type=MediaType.JSON,
        operation_id=route.name,
        summary=route.name.replace("_", " ").capitalize(),
        description=f"{route.description}\n\nNeeds `{route.permission}`.",
        tags=[route.path.split("/")[3]],
        security=[{"bearer": []}],
        responses=_problems(route),
        opt={PERMISSION: route.permission},
    )(serve)
    return handler


def admission(route: Route, parts: ApiParts) -> Guard:
    """Who asks, and may they? Leaves the proof where the endpoint takes it from."""

    def admit(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        credential = _bearer(connection.headers.get("authorization", ""))
        principal = identify(
            credential, parts.ring, pepper=parts.pepper, now_ms=parts.clock.now_ms()
        )
        connection.scope["auth"] = authorise(principal, route.permission)
        media_type = connection.headers.get("content-type", "").partition(";")[0]
        if route.takes_body and media_type.strip().lower() != MediaType.JSON:
            raise UnsupportedMediaType

    return admit


def _problems(route: Route) -> Mapping[int, ResponseSpec]:
    told = _TOLD | (_TOLD_OF_BODIES if route.takes_body else {})
    return {
        status: ResponseSpec(
            Problem, description=what, media_type=MEDIA_TYPE, generate_examples=False
        )
        for status, what in told.items()
    }


def _bearer(header: str) -> str:
    scheme, _, credential = header.partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""
