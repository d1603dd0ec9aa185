"""`/v1/files` and `/v1/batches`."""

import asyncio
import re
from typing import Final
from urllib.parse import parse_qs

from passerelle.adapters.gateway.admission import Authorise
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.forms import read_form
from passerelle.adapters.gateway.routes import Endpoint
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.batches import cancel_batch, create_batch, own_batch, own_batches
from passerelle.stories.serve.files import (
    BatchParts,
    add_file,
    file_content,
    own_file,
    own_files,
    remove_file,
)
from passerelle.transport.wire import openai_files as wire

FILES: Final = "/v1/files"
FILE: Final = "/v1/files/{file_id}"
BATCHES: Final = "/v1/batches"
BATCH: Final = "/v1/batches/{batch_id}"
FORM: Final = b"multipart/form-data"
_JSON = ((b"content-type", b"application/json"),)
_BYTES = ((b"content-type", b"application/octet-stream"),)
_MOST_FILES: Final = 10_000
_MOST_BATCHES: Final = 100
_USUAL_BATCHES: Final = 20
_NUMBER: Final = re.compile("[0-9]{1,6}")
_FORM_BYTES: Final = 10_000
"""What a form adds to the file in it."""


class Files:
    """A caller's files."""

    def __init__(self, parts: BatchParts, grant: Authorise, limits: EdgeLimits) -> None:
        self._parts = parts
        self._grant = grant
        self._limits = EdgeLimits(parts.most_bytes + _FORM_BYTES, limits.body_seconds)

    async def add(self, request: Request) -> None:
        granted = self._grant(request.credential, Permission.EXCHANGE_CREATE)
        body = await request.body(self._limits, FORM)
        kind = request.headers.get(b"content-type", b"").decode("latin-1")
        upload = await asyncio.to_thread(read_form, body, kind)
        recorded = await add_file(
            granted,
            self._parts,
            filename=upload.filename,
            purpose=wire.decode_purpose(upload.fields),
            content=upload.content,
        )
        await request.reply(200, wire.encode_file(recorded.value), _JSON)

    async def all(self, request: Request) -> None:
        query = _query(request)
        files = own_files(self._reading(request), self._parts, purpose=query.get("purpose", ""))
        if _ascending(query):
            files = files[::-1]
        limit = _limit(query, usual=_MOST_FILES, most=_MOST_FILES)
        page, more = wire.page_of(
            files, lambda file: file.id, after=query.get("after", ""), limit=limit
        )
        await request.reply(200, wire.encode_files(page, has_more=more), _JSON)

    async def one(self, request: Request) -> None:
        file = own_file(self._reading(request), self._parts, request.parameters["file_id"])
        await request.reply(200, wire.encode_file(file), _JSON)

    async def content(self, request: Request) -> None:
        granted = self._reading(request)
        content = file_content(granted, self._parts, request.parameters["file_id"])
        await request.reply(200, content, _BYTES)

    async def remove(self, request: Request) -> None:
        granted = self._grant(request.credential, Permission.EXCHANGE_CREATE)
        recorded = await remove_file(granted, self._parts, request.parameters["file_id"])
        await request.reply(200, wire.encode_deleted(recorded.value), _JSON)

    def _reading(self, request: Request) -> Granted:
        return self._grant(request.credential, Permission.EXCHANGE_READ_OWN)


class Batches:
    """A caller's batches."""

    def __init__(self, parts: BatchParts, grant: Authorise, limits: EdgeLimits) -> None:
        self._parts = parts
        self._grant = grant
        self._limits = limits

    async def add(self, request: Request) -> None:
        granted = self._grant(request.credential, Permission.EXCHANGE_CREATE)
        asked = wire.decode_batch_request(await request.body(self._limits))
        recorded = await create_batch(
            granted,
            self._parts,
            input_file=asked.input_file_id,
            endpoint=asked.endpoint,
            window=asked.completion_window,
            metadata=asked.metadata,
        )
        await request.reply(200, wire.encode_batch(recorded.value), _JSON)

    async def all(self, request: Request) -> None:
        query = _query(request)
        page, more = wire.page_of(
            own_batches(self._reading(request), self._parts),
            lambda batch: batch.id,
            after=query.get("after", ""),
            limit=_limit(query, usual=_USUAL_BATCHES, most=_MOST_BATCHES),
        )
        await request.reply(200, wire.encode_batches(page, has_more=more), _JSON)

    async def one(self, request: Request) -> None:
        batch = own_batch(self._reading(request), self._parts, request.parameters["batch_id"])
        await request.reply(200, wire.encode_batch(batch), _JSON)

    async def cancel(self, request: Request) -> None:
        granted = self._grant(request.credential, Permission.EXCHANGE_CREATE)
        recorded = await cancel_batch(granted, self._parts, request.parameters["batch_id"])
        await request.reply(200, wire.encode_batch(recorded.value), _JSON)

    def _reading(self, request: Request) -> Granted:
        return self._grant(request.credential, Permission.EXCHANGE_READ_OWN)


def batch_endpoints(
    parts: BatchParts, grant: Authorise, limits: EdgeLimits
) -> tuple[Endpoint, ...]:
    """Everything below `/v1/files` and `/v1/batches`."""
    files, batches = Files(parts, grant, limits), Batches(parts, grant, limits)
    read, write = Permission.EXCHANGE_READ_OWN, Permission.EXCHANGE_CREATE
    return (
        Endpoint("POST", FILES, write, files.add),
        Endpoint("GET", FILES, read, files.all),
        Endpoint("GET", FILE, read, files.one),
        Endpoint("DELETE", FILE, write, files.remove),
        Endpoint("GET", f"{FILE}/content", read, files.content),
        Endpoint("POST", BATCHES, write, batches.add),
        Endpoint("GET", BATCHES, read, batches.all),
        Endpoint("GET", BATCH, read, batches.one),
        Endpoint("POST", f"{BATCH}/cancel", write, batches.cancel),
    )


def _query(request: Request) -> dict[str, str]:
    """The last value of each parameter."""
    text: bytes = request.query
    return {name: values[-1] for name, values in parse_qs(text.decode("latin-1")).items()}


def _limit(query: dict[str, str], *, usual: int, most: int) -> int:
    given = query.get("limit", str(usual))
    if not _NUMBER.fullmatch(given) or not 1 <= int(given) <= most:
        raise InvalidRequest(f"It must be a number from 1 to {most:,}.", param="limit")
    return int(given)


def _ascending(query: dict[str, str]) -> bool:
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("It must be `asc` or `desc`.", param="order")
    return order == "asc"
