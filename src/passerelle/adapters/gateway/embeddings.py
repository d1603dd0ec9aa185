"""`POST /v1/embeddings`."""

from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.limit_headers import limit_headers, processing_header
from passerelle.core.values.clock import Clock
from passerelle.stories.serve.exchange import CheckedEmbeddings, EmbeddingArrival, Server
from passerelle.transport.wire.openai_embeddings import (
    EmbeddingsAsked,
    decode_request,
    encode_embeddings,
)

_JSON = (b"content-type", b"application/json")


class EmbeddingsEndpoint:
    """Hands texts to the serving story and writes the vectors."""

    def __init__(self, server: Server, *, limits: EdgeLimits, clock: Clock) -> None:
        self._server = server
        self._limits = limits
        self._clock = clock

    async def __call__(self, request: Request) -> None:
        asked = decode_request(await request.body(self._limits))
        checked = await self._server.embed(
            EmbeddingArrival(
                asked.request, request.credential, request.request_id, request.received_ns
            )
        )
        request.exchange_id = checked.exchange_id
        spent_ns = self._clock.monotonic_ns() - request.received_ns
        own_ns = max(0, spent_ns - checked.upstream_ns)
        told = (
            (b"x-passerelle-exchange", checked.exchange_id.encode()),
            (b"x-passerelle-overhead-ms", b"%.3f" % (own_ns / 1_000_000)),
            *limit_headers(checked.rates, request.path, self._clock),
            *processing_header(request.path, spent_ns),
        )
        await request.reply(200, written(asked, checked), (_JSON, *told))


def written(asked: EmbeddingsAsked, checked: CheckedEmbeddings) -> bytes:
    """The body of the answer."""
    return encode_embeddings(
        asked.request.model, checked.vectors, checked.usage, base64=asked.base64
    )
