"""The document that describes the control plane; the console's types are made from it."""

from collections.abc import Sequence

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme

from passerelle.adapters.api.endpoints import endpoint
from passerelle.adapters.api.routes import Route

VERSION = "1"
_SCHEME = SecurityScheme(
    type="http", scheme="bearer", description="An API key: sk-<env>-<id>-<secret>-<checksum>."
)


def describe(routes: Sequence[Route]) -> bytes:
    """OpenAPI 3.1 as JSON; takes half a second the first time, so keep the result."""
    described = Litestar(
        [endpoint(route, None) for route in routes],
        openapi_config=OpenAPIConfig(
            title="Passerelle control plane",
            version=VERSION,
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
            components=Components(security_schemes={"bearer": _SCHEME}),
        ),
        logging_config=None,
    )
    return msgspec.json.encode(described.openapi_schema.to_schema())
