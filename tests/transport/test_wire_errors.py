"""OpenAI's error envelope."""

import json

import pytest

from passerelle.core.values.errors import InvalidRequest, Unavailable
from passerelle.transport.wire.errors import ErrorBody, decode_error, encode_error


def test_code_is_always_a_string_and_absent_param_is_null() -> None:
    body = json.loads(encode_error(Unavailable("The ledger.")))
    assert body == {
        "error": {
            "message": "A part that this request needs is not available. The ledger.",
            "type": "server_error",
            "param": None,
            "code": "unavailable",
        }
    }


def test_what_is_written_can_be_read() -> None:
    read = decode_error(encode_error(InvalidRequest("No.", param="n")))
    assert (read.param, read.code, read.type) == ("n", "invalid_request", "invalid_request_error")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"error":{"message":"m","type":null,"code":429}}', "m"),
        (b'{"error":"sentence"}', "sentence"),
        (b'{"message":"plain"}', "plain"),
        (b'{"detail":"fastapi"}', "fastapi"),
        (b'{"detail":[{"loc":["body"]}]}', ""),
        (b'{"detail":[{"loc":["body","n"],"msg":"too many"}]}', "n: too many"),
        (b'{"message":{"detail":[{"loc":["body","a",0],"msg":"extra"}]}}', "a.0: extra"),
        (b'{"message":{}}', ""),
        (b'{"error":null}', ""),
        (b"<html>", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[" * 90_000, ""),
    ],
)
def test_every_shape_of_foreign_errors_is_read(data: bytes, message: str) -> None:
    assert decode_error(data).message == message


def test_silence_is_an_empty_error() -> None:
    assert decode_error(b"{}") == ErrorBody()
