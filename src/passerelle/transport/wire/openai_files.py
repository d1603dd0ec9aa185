"""Files and batches as OpenAI's interface shows them, and what creates a batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec

from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.jobs.batches import WINDOW, Batch, BatchState
from passerelle.domain.jobs.files import StoredFile
from passerelle.transport.wire.bodies import converted, decode_object

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
_Metadata = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=64)], Annotated[str, msgspec.Meta(max_length=512)]],
    msgspec.Meta(max_length=16),
]


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /v1/batches`."""

    input_file_id: Annotated[str, msgspec.Meta(min_length=1)]
    endpoint: str
    completion_window: str
    metadata: _Metadata | None = None


class _UploadFields(msgspec.Struct, forbid_unknown_fields=True):
    """What stands beside the file in the form of `POST /v1/files`."""

    purpose: str


class _File(msgspec.Struct, omit_defaults=True):
    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    object: str
    status: str
    expires_at: int | None = None


class _Deleted(msgspec.Struct):
    id: str
    object: str
    deleted: bool


class _Fault(msgspec.Struct):
    code: str
    message: str
    line: int
    param: str | None


class _Faults(msgspec.Struct):
    object: str
    data: list[_Fault]


class _Counts(msgspec.Struct):
    total: int
    completed: int
    failed: int


class _Batch(msgspec.Struct, omit_defaults=True):
    id: str
    object: str
    endpoint: str
    input_file_id: str
    completion_window: str
    status: str
    created_at: int
    expires_at: int
    request_counts: _Counts
    metadata: dict[str, str]
    errors: _Faults | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None


class _List(msgspec.Struct):
    object: str
    data: list[_File] | list[_Batch]
    has_more: bool
    first_id: str
    last_id: str


def decode_batch_request(body: bytes) -> BatchRequest:
    """Raises kin of `InvalidRequest` that name the parameter."""
    return converted(decode_object(body), BatchRequest)


def decode_purpose(fields: Mapping[str, str]) -> str:
    """Of an upload's form. Raises kin of `InvalidRequest` that name the parameter."""
    return converted(dict(fields), _UploadFields).purpose


def encode_file(file: StoredFile) -> bytes:
    return _encode(_file(file))


def encode_deleted(file: StoredFile) -> bytes:
    return _encode(_Deleted(file.id, "file", deleted=True))


def encode_files(files: Sequence[StoredFile], *, has_more: bool) -> bytes:
    return _encode(_listed(list(map(_file, files)), has_more=has_more))


def encode_batch(batch: Batch) -> bytes:
    return _encode(_batch(batch))


def encode_batches(batches: Sequence[Batch], *, has_more: bool) -> bytes:
    return _encode(_listed(list(map(_batch, batches)), has_more=has_more))


def page_of(
    items: Sequence[T], identify: Callable[[T], str], *, after: str, limit: int
) -> tuple[Sequence[T], bool]:
    """At most `limit` items behind the one called `after`, and whether more follow.

    Raises `InvalidRequest` where it is not there: to begin anew would never end.
    """
    places = {identify(item): place for place, item in enumerate(items)}
    if after and after not in places:
        raise InvalidRequest("Nothing in the list has this id.", param="after")
    start = places[after] + 1 if after else 0
    return items[start : start + limit], len(items) > start + limit


def _file(file: StoredFile) -> _File:
    return _File(
        id=file.id,
        bytes=file.bytes,
        created_at=file.created_at_ms // 1_000,
        filename=file.filename,
        purpose=file.purpose,
        object="file",
        status="processed",
        expires_at=None if file.expires_at_ms is None else file.expires_at_ms // 1_000,
    )


def _batch(batch: Batch) -> _Batch:
    faults = [_Fault(each.code, each.message, each.line, None) for each in batch.faults]
    return _Batch(
        id=batch.id,
        object="batch",
        endpoint=batch.endpoint,
        input_file_id=batch.input_file,
        completion_window=WINDOW,
        status=batch.state.value,
        created_at=batch.created_at_ms // 1_000,
        expires_at=batch.expires_at_ms // 1_000,
        request_counts=_Counts(batch.total, batch.completed, batch.failed),
        metadata=dict(batch.metadata),
        errors=_Faults("list", faults) if faults else None,
        output_file_id=batch.output_file or None,
        error_file_id=batch.error_file or None,
        **_times(batch.times_ms),
    )


def _times(times_ms: Mapping[str, int]) -> dict[str, int]:
    """`completed_at` and its kin, in seconds; a batch shows no time for `validating`."""
    shown = {state.value for state in BatchState} - {BatchState.VALIDATING.value}
    return {f"{name}_at": at // 1_000 for name, at in times_ms.items() if name in shown}


def _listed(data: list[_File] | list[_Batch], *, has_more: bool) -> _List:
    first, last = (data[0].id, data[-1].id) if data else ("", "")
    return _List("list", data, has_more, first, last)
