"""Files that callers leave with us for batch work: each sees their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.ids import new_id
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.batches import BatchBox
from passerelle.domain.jobs.files import FileBox, StoredFile
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import FILE_ADD, FILE_REMOVE

PURPOSES: Final = ("batch", "user_data", "fine-tune", "assistants", "vision")
OUTPUT_PURPOSE: Final = "batch_output"


class NoSuchFile(NotFound):
    """No such file exists, or you may not see it."""


@dataclass(frozen=True, slots=True)
class BatchParts:
    """What files and batches need."""

    files: FileBox
    batches: BatchBox
    ledger: Ledger
    clock: Clock
    most_bytes: int = 100_000_000
    """Of one file."""


async def add_file(
    granted: Granted, parts: BatchParts, *, filename: str, purpose: str, content: bytes
) -> Recorded[StoredFile]:
    """Keeps a file for the caller."""
    granted.require(Permission.EXCHANGE_CREATE)
    if purpose not in PURPOSES:
        raise InvalidRequest(f"It must be one of {', '.join(PURPOSES)}.", param="purpose")
    if len(content) > parts.most_bytes:
        raise InvalidRequest(f"A file may have {parts.most_bytes:,} bytes.", param="file")
    file = StoredFile(
        id=new_id("file", parts.clock),
        organisation=granted.principal.scope.organisation,
        principal=granted.principal.id,
        filename=filename,
        purpose=purpose,
        bytes=len(content),
        created_at_ms=parts.clock.now_ms(),
    )

    async def keep() -> StoredFile:
        await parts.files.add(file, content)
        return file

    draft = draft_of(granted.principal, parts, FILE_ADD, file.id)
    told: dict[str, JsonValue] = {"purpose": file.purpose, "bytes": file.bytes}
    return await record(parts.ledger, replace(draft, facts=told), keep)


def own_file(granted: Granted, parts: BatchParts, file_id: str) -> StoredFile:
    """A file of the caller's own. Raises `NoSuchFile`."""
    granted.require(Permission.EXCHANGE_READ_OWN)
    return their_file(granted.principal, parts, file_id)


def their_file(principal: Principal, parts: BatchParts, file_id: str) -> StoredFile:
    """Raises `NoSuchFile`, also for files of others."""
    file = parts.files.get(file_id)
    theirs = file is not None and file.belongs_to(
        organisation=principal.scope.organisation, principal=principal.id
    )
    if file is None or not theirs or file.has_expired(parts.clock.now_ms()):
        raise NoSuchFile(param="file_id")
    return file


def own_files(granted: Granted, parts: BatchParts, *, purpose: str = "") -> Sequence[StoredFile]:
    """The caller's files, newest first."""
    granted.require(Permission.EXCHANGE_READ_OWN)
    principal, now_ms = granted.principal, parts.clock.now_ms()
    found = parts.files.list(
        organisation=principal.scope.organisation, principal=principal.id, purpose=purpose
    )
    return [file for file in found if not file.has_expired(now_ms)]


def file_content(granted: Granted, parts: BatchParts, file_id: str) -> bytes:
    """The bytes of a file of the caller's own. Raises `NoSuchFile`."""
    content = parts.files.content(own_file(granted, parts, file_id).id)
    if content is None:
        raise NoSuchFile(param="file_id")
    return content


async def remove_file(granted: Granted, parts: BatchParts, file_id: str) -> Recorded[StoredFile]:
    """Removes a file of the caller's own."""
    granted.require(Permission.EXCHANGE_CREATE)
    file = their_file(granted.principal, parts, file_id)

    async def remove() -> StoredFile:
        await parts.files.remove(file.id)
        return file

    return await record(
        parts.ledger, draft_of(granted.principal, parts, FILE_REMOVE, file.id), remove
    )


def draft_of(principal: Principal, parts: BatchParts, event: str, subject: str) -> Draft:
    """An entry about a file or a batch."""
    return Draft(
        event=event,
        at_ms=parts.clock.now_ms(),
        scope=principal.scope,
        principal=principal.id,
        subject=subject,
    )
