"""What went wrong, in the reader's words: refusals of a request, faults of a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class Refusal(Exception):
    """The request could not be carried out."""

    # The class docstring is the public message; `detail` is public too, so no
    # secret and no content of another principal may enter it.
    status: ClassVar[int] = 500
    """HTTP status."""
    code: ClassVar[str] = "internal_error"
    """Stable machine-readable code; always a string, since clients break on numbers."""
    kind: ClassVar[str] = "server_error"
    """OpenAI's error `type`."""
    exchange_id: str = ""
    """Of the exchange that it ended; empty where none had begun."""

    def __init__(
        self,
        detail: str = "",
        *,
        param: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.param = param
        self.retry_after_seconds = retry_after_seconds

    @property
    def message(self) -> str:
        """The public message: what went wrong, then the detail that says what to do next."""
        headline = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{headline} {self.detail}".strip()

    def __str__(self) -> str:
        return self.message


class InvalidRequest(Refusal):
    """The request is not valid."""

    status = 400
    code = "invalid_request"
    kind = "invalid_request_error"


class NotFound(Refusal):
    """No such thing exists, or you may not see it."""

    status = 404
    code = "not_found"
    kind = "invalid_request_error"


class Unavailable(Refusal):
    """A part that this request needs is not available."""

    status = 503
    code = "unavailable"
    kind = "server_error"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a configuration file."""

    where: tuple[str | int, ...]
    """Path of keys from the top of the document; () is the document itself."""
    message: str
    """What is wrong and what to write instead."""
    file: str = ""
    line: int = 0
    """1-based; 0 while unknown."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = ".".join(str(part) for part in self.where)
        return ": ".join(part for part in (place, key, self.message) if part)


class InvalidConfiguration(Refusal):
    """The configuration has faults."""

    status = 500
    code = "invalid_configuration"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n" + "\n".join(f"  {fault}" for fault in self.faults))
