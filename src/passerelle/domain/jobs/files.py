"""Files that callers leave with us for batch work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file without its bytes. It belongs to the principal who left it, and to nobody else."""

    id: str
    organisation: str
    principal: str
    filename: str
    """The caller's own name for it: content, which neither ledger nor logs show."""
    purpose: str
    bytes: int
    created_at_ms: int
    expires_at_ms: int | None = None
    """First millisecond at which it counts as gone; None for never."""

    def belongs_to(self, *, organisation: str, principal: str) -> bool:
        return self.organisation == organisation and self.principal == principal

    def has_expired(self, now_ms: int) -> bool:
        return self.expires_at_ms is not None and now_ms >= self.expires_at_ms


class FileBox(Protocol):
    """Where files are kept."""

    async def add(self, file: StoredFile, content: bytes) -> None:
        """Keeps the file; durable when this returns."""
        ...

    def get(self, file_id: str) -> StoredFile | None:
        """None for a file that is not there, or not there any more."""
        ...

    def content(self, file_id: str) -> bytes | None: ...

    def list(self, *, organisation: str, principal: str, purpose: str = "") -> Sequence[StoredFile]:
        """Of one principal, newest first; of one purpose when it is named."""
        ...

    async def remove(self, file_id: str) -> None:
        """Its bytes are gone when this returns; nothing happens when it is not there."""
        ...
