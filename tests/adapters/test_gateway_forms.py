"""Forms of uploads: whatever a client sends is a file or a refusal, never a failure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.gateway.forms import read_form
from passerelle.core.values.errors import Refusal
from tests.adapters.batch_gateway import batch_desk
from tests.adapters.canned import raw
from tests.adapters.obliging_model import oblige

KIND = "multipart/form-data; boundary=edge"
NAMED = b'content-disposition: form-data; name="file"; filename="q.jsonl"'
PURPOSE = b'content-disposition: form-data; name="purpose"'


def form(*parts: tuple[bytes, bytes], end: bytes = b"--edge--\r\n") -> bytes:
    return b"".join(b"--edge\r\n%s\r\n\r\n%s\r\n" % part for part in parts) + end


WHOLE = form((PURPOSE, b"batch"), (NAMED, b'{"a":1}\n{"b":2}'))
BROKEN = {
    "empty": b"",
    "without an end": WHOLE.removesuffix(b"--edge--\r\n"),
    "another boundary": WHOLE.replace(b"edge", b"side"),
    "no file": form((PURPOSE, b"batch")),
    "two files": form((NAMED, b"a"), (NAMED, b"b")),
    "file of another name": form((NAMED.replace(b'="file"', b'="image"'), b"a")),
    "part without a name": form((b"content-disposition: form-data", b"a")),
    "part without headers": form((b"", b"a")),
    "field that is no text": form((PURPOSE, b"\xff\xfe"), (NAMED, b"a")),
    "unknown charset": form((PURPOSE + b"\r\ncontent-type: text/plain; charset=x", b"batch")),
    "charset that is no text": form((PURPOSE + b"\r\ncontent-type: a/b; charset=zip", b"batch")),
    "many parts": form(*[(PURPOSE, b"batch")] * 30),
    "huge header": form((NAMED + b"; x=" + b"y" * 9_000, b"a")),
    "unknown field": form((PURPOSE.replace(b"purpose", b"colour"), b"red"), (NAMED, b"a")),
    "no purpose": form((NAMED, b"a")),
}


def test_form_gives_its_file_and_fields() -> None:
    upload = read_form(WHOLE, KIND)
    assert (upload.filename, upload.content) == ("q.jsonl", b'{"a":1}\n{"b":2}')
    assert upload.fields == {"purpose": "batch"}


@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.binary(max_size=12))
def test_damaged_form_is_read_or_refused(at: int, cut: int, put: bytes) -> None:
    try:
        read_form(WHOLE[:at] + put + WHOLE[at + cut :], KIND)
    except Refusal as refusal:
        assert 400 <= refusal.status < 500  # noqa: PT017 - reading it is as good


@given(st.text(max_size=30))
def test_any_content_type_is_read_or_refused(parameters: str) -> None:
    try:
        read_form(WHOLE, f"multipart/form-data;{parameters}")
    except Refusal as refusal:
        assert 400 <= refusal.status < 500  # noqa: PT017 - as above


async def test_broken_forms_are_refused_by_the_gateway_in_the_shape_of_openai() -> None:
    async with batch_desk(oblige) as desk:
        for name, body in BROKEN.items():
            told = await raw(desk.port, _request(desk.kitchen.key, body))
            assert re.match(rb"HTTP/1.1 4\d\d ", told), (name, told)
            assert b'"error"' in told, name
        assert not desk.kitchen.store.files.list(organisation="acme", principal="svc_1")


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=edge", "x"]
)
async def test_upload_that_is_no_form_is_of_a_wrong_kind(kind: str) -> None:
    async with batch_desk(oblige) as desk:
        told = await raw(desk.port, _request(desk.kitchen.key, WHOLE, kind=kind))
        assert told.startswith(b"HTTP/1.1 415 ")


def _request(key: str, body: bytes, *, kind: str = KIND) -> bytes:
    head = (
        f"POST /v1/files HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {key}\r\n"
        f"content-type: {kind}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
