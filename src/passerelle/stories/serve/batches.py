"""Batches: queued, seen and cancelled by who made them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.ids import new_id
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.batches import ENDPOINTS, WINDOW, WINDOW_MS, Batch
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.events import BATCH_CANCEL, BATCH_CREATE
from passerelle.stories.serve.files import BatchParts, draft_of, their_file


class NoSuchBatch(NotFound):
    """No such batch exists, or you may not see it."""


async def create_batch(
    granted: Granted,
    parts: BatchParts,
    *,
    input_file: str,
    endpoint: str,
    window: str = WINDOW,
    metadata: Mapping[str, str] | None = None,
) -> Recorded[Batch]:
    """Queues the requests of a file; they are asked as the caller's key would ask them."""
    granted.require(Permission.EXCHANGE_CREATE)
    if endpoint not in ENDPOINTS:
        raise InvalidRequest(f"It must be one of {', '.join(ENDPOINTS)}.", param="endpoint")
    if window != WINDOW:
        raise InvalidRequest(f"It must be {WINDOW!r}.", param="completion_window")
    principal, now_ms = granted.principal, parts.clock.now_ms()
    file = their_file(principal, parts, input_file)
    if file.purpose != "batch":
        raise InvalidRequest("The file's purpose must be `batch`.", param="input_file_id")
    batch = Batch(
        id=new_id("batch", parts.clock),
        organisation=principal.scope.organisation,
        principal=principal.id,
        key_id=principal.key_id,
        endpoint=endpoint,
        input_file=file.id,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + WINDOW_MS,
        metadata=metadata or {},
    )

    async def keep() -> Batch:
        await parts.batches.add(batch)
        return batch

    draft = draft_of(principal, parts, BATCH_CREATE, batch.id)
    told: dict[str, JsonValue] = {"endpoint": endpoint, "file": file.id}
    return await record(parts.ledger, replace(draft, facts=told), keep)


def own_batch(granted: Granted, parts: BatchParts, batch_id: str) -> Batch:
    """A batch of the caller's own. Raises `NoSuchBatch`."""
    granted.require(Permission.EXCHANGE_READ_OWN)
    return _their_batch(granted.principal, parts, batch_id)


def _their_batch(principal: Principal, parts: BatchParts, batch_id: str) -> Batch:
    batch = parts.batches.get(batch_id)
    organisation = principal.scope.organisation
    if batch is None or not batch.belongs_to(organisation=organisation, principal=principal.id):
        raise NoSuchBatch(param="batch_id")
    return batch


def own_batches(granted: Granted, parts: BatchParts) -> Sequence[Batch]:
    """The caller's batches, newest first."""
    granted.require(Permission.EXCHANGE_READ_OWN)
    principal = granted.principal
    return parts.batches.list(organisation=principal.scope.organisation, principal=principal.id)


async def cancel_batch(granted: Granted, parts: BatchParts, batch_id: str) -> Recorded[Batch]:
    """What was answered by then is kept. Raises `InvalidRequest` once it has ended."""
    granted.require(Permission.EXCHANGE_CREATE)
    batch = _their_batch(granted.principal, parts, batch_id)
    if batch.state.ended:
        raise InvalidRequest(f"The batch is {batch.state}: it cannot be cancelled.")

    async def cancel() -> Batch:
        await parts.batches.cancel(batch_id, at_ms=parts.clock.now_ms())
        return _their_batch(granted.principal, parts, batch_id)

    return await record(
        parts.ledger, draft_of(granted.principal, parts, BATCH_CANCEL, batch.id), cancel
    )
