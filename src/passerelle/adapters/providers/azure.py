"""Azure OpenAI: OpenAI's format at addresses of its own, with a key or a token of Entra ID."""

from typing import Final

from passerelle.adapters.providers.openai_style import MODEL, OpenAIStyle
from passerelle.transport.egress.connections import Connections
from passerelle.transport.wire.openai_calls import Dialect

_TELLS_USAGE: Final = "2024-09"
"""Versions before this one refuse to tell usage in streams."""


def azure_openai(
    name: str,
    endpoint: str,
    connections: Connections,
    *,
    api_key: str = "",
    token: str = "",
    api_version: str = "",
    connect_seconds: float = 5.0,
) -> OpenAIStyle:
    """`endpoint` is the resource's; a model is the name of a deployment.

    With a dated version the deployment stands in the path, without one in the body. A
    token goes before a key. What Azure's content filter says of a prompt and of a choice
    stands in their extras, as any field that is not interpreted.
    """
    return OpenAIStyle(
        name,
        f"{endpoint.rstrip('/')}/openai",
        token or api_key or None,
        connections,
        dialect=_dialect(api_version, by_token=bool(token)),
        connect_seconds=connect_seconds,
    )


def _dialect(api_version: str, *, by_token: bool) -> Dialect:
    if not api_version:
        return Dialect(
            path="/v1/chat/completions",
            embeddings_path="/v1/embeddings",
            key_header="authorization" if by_token else "api-key",
        )
    at, version = f"/deployments/{MODEL}", f"?api-version={api_version}"
    return Dialect(
        path=f"{at}/chat/completions{version}",
        embeddings_path=f"{at}/embeddings{version}",
        key_header="authorization" if by_token else "api-key",
        include_usage=api_version >= _TELLS_USAGE,
    )
