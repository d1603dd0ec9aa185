"""Errors of AWS."""

import pytest

from passerelle.transport.wire.aws_errors import AwsError, told_in_answer


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        (
            {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/"},
            b'{"message":"Bad"}',
            AwsError("ValidationException", "Bad"),
        ),
        (
            {},
            b'{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"No"}',
            AwsError("AccessDeniedException", "No"),
        ),
        ({}, b"<html>", AwsError()),
        ({}, b'{"message":5}', AwsError()),
    ],
)
def test_errors_are_read_from_header_and_body(
    headers: dict[str, str], body: bytes, told: AwsError
) -> None:
    assert told_in_answer(headers, body) == told
