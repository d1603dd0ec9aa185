"""The form of an endpoint: what it needs, what it calls, what it answers."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Concatenate, Literal, ParamSpec, TypeVar, get_type_hints

from passerelle.adapters.api.parts import ApiParts
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded

PREFIX = "/api/v1"
Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Value = TypeVar("Value")
Method = Literal["GET", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. Made by `read` and `write`, so that its permission is never forgotten."""

    method: Method
    path: str
    """Below the prefix; parameters as `{name:type}`."""
    permission: Permission
    status: int
    call: Callable[..., Awaitable[object]]
    """Takes the proof, the parts, then what the request gives by name."""
    signature: inspect.Signature
    """Of what the request gives, and of the answer."""
    name: str
    description: str

    @property
    def takes_body(self) -> bool:
        return "data" in self.signature.parameters


def read(
    path: str,
    permission: Permission,
    handler: Callable[Concatenate[Granted, ApiParts, Given], Awaitable[Answer]],
    *,
    method: Method = "GET",
) -> Route:
    """An endpoint that changes nothing."""
    return _route(method, path, permission, handler, status=200, call=handler)


def write(
    method: Method,
    path: str,
    permission: Permission,
    handler: Callable[Concatenate[Granted, ApiParts, Given], Awaitable[Recorded[Value]]],
    *,
    shows: Callable[[Value], Answer],
    status: int = 200,
) -> Route:
    """An endpoint that changes something: its handler can only return what is on record."""

    async def call(
        granted: Granted, parts: ApiParts, *given: Given.args, **named: Given.kwargs
    ) -> Answer:
        return shows((await handler(granted, parts, *given, **named)).value)

    return _route(method, path, permission, handler, status=status, call=call, shows=shows)


def _route(
    method: Method,
    path: str,
    permission: Permission,
    handler: Callable[..., object],
    *,
    status: int,
    call: Callable[..., Awaitable[object]],
    shows: Callable[..., object] | None = None,
) -> Route:
    hints = get_type_hints(handler, include_extras=True)
    returned = get_type_hints(shows or handler, include_extras=True)["return"]
    given = [
        parameter.replace(annotation=hints[name])
        for name, parameter in list(inspect.signature(handler).parameters.items())[2:]
    ]
    return Route(
        method=method,
        path=PREFIX + path,
        permission=permission,
        status=status,
        call=call,
        signature=inspect.Signature(given, return_annotation=returned),
        name=handler.__name__,
        description=inspect.getdoc(handler) or "",
    )
