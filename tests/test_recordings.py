"""The loader of recorded calls, on cassettes of our own."""

import gzip
from base64 import b64encode
from pathlib import Path

from tests.recordings import recorded

CASSETTE = b"""
interactions:
- request:
    {method: POST, uri: "https://one.example/v1/chat", headers: {}, parsed_body: {a: "\\u00e9"}}
  response:
    status: {code: 200, message: OK}
    headers: {Content-Type: [text/event-stream]}
    body: {string: "data: 1\\n\\n"}
- request: {method: POST, uri: "https://two.example/v1/chat", headers: {}, body: '{"b": 2}'}
  response:
    status: {code: 429, message: Slow}
    headers: {retry-after: ['3']}
    body: {string: !!binary %s}
- {request_sample: 1, response_sample: 2}
version: 1
"""


def test_calls_are_read_in_every_form_of_body_and_chosen_by_address(tmp_path: Path) -> None:
    folder = tmp_path / "recorded_responses" / "deep"
    folder.mkdir(parents=True)
    packed = b64encode(gzip.compress(b'{"error":"slow"}'))
    (folder / "a.yaml").write_bytes(CASSETTE % packed)
    first, second = recorded(tmp_path, r"example/v1/chat")
    assert (first.file, first.streamed, first.body) == ("deep/a.yaml", True, b"data: 1\n\n")
    assert first.request_body == '{"a": "é"}'.encode()
    assert (second.status, second.headers["retry-after"]) == (429, "3")
    assert (second.request_body, second.body) == (b'{"b": 2}', b'{"error":"slow"}')
    assert recorded(tmp_path, r"^https://two\.") == (second,)
