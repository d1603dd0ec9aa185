"""No body makes the gateway fail, whatever endpoint it is sent to."""

import copy
import http.client
import json
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.adapters.messages_gateway import MODEL, Served
from tests.adapters.threaded_gateway import threaded_gateway
from tests.adapters.upstream import Seen, Step, answer, chunked
from tests.adapters.wire_answers import completion, events, told

_Path = tuple[str | int, ...]
TOOL: Any = {
    "type": "function",
    "function": {"name": "fee_of", "parameters": {"type": "object", "properties": {}}},
}
VALID: dict[str, Any] = {
    "/v1/chat/completions": {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Fee?"},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "fee_of", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "fee_of"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
        "stream_options": {"include_usage": True},
        "stream": True,
        "n": 1,
        "temperature": 0.5,
        "max_completion_tokens": 9,
        "stop": ["END"],
        "metadata": {"a": "b"},
    },
    "/v1/responses": {
        "model": MODEL,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Fee?"}]},
            {"type": "function_call", "call_id": "c1", "name": "fee_of", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "4"},
        ],
        "tools": [{"type": "function", "name": "fee_of", "parameters": {}, "strict": True}],
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low"},
        "max_output_tokens": 9,
        "store": False,
    },
    "/v1/responses/input_tokens": {"model": MODEL, "input": "Fee?"},
    "/v1/messages": {
        "model": MODEL,
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Fee?"}]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "fee_of", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "4"}],
            },
        ],
        "tools": [{"name": "fee_of", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["END"],
    },
    "/v1/messages/count_tokens": {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Fee?"}],
    },
    "/v1/embeddings": {"model": MODEL, "input": ["Fee?"], "encoding_format": "float"},
    "/v1/batches": {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    },
    "/v1/feedback": {"exchange_id": "exc_1", "reason": "wrong", "comment": "No."},
}
DEEP: Any = json.loads("[" * 400 + "]" * 400)
STRANGE = st.one_of(
    st.sampled_from(
        (
            *(None, True, "", "\x00", "\ud800", 0, -1, 10**400, 1e308, -0.0, [], {}, [[]], DEEP),
            *({"type": "text"}, {"type": None}, [None], {"": ""}, "x" * 5_000, 2**63, "NaN"),
        )
    ),
    st.text(max_size=9),
    st.integers(),
    st.floats(allow_nan=True),
)


def answering(seen: Seen) -> Sequence[Step]:
    """As a provider does that takes everything."""
    asked = seen.json
    if "/embeddings" in seen.head.partition("\r\n")[0]:
        rows = [{"index": at, "embedding": [0.5]} for at, _ in enumerate(asked["input"])]
        return [answer(json.dumps({"data": rows, "usage": {"prompt_tokens": 1}}).encode())]
    if asked.get("stream"):
        return chunked(events(*told("Four.")))
    return [answer(completion("Four."))]


@pytest.fixture(scope="module")
def served() -> Generator[Served, None, None]:
    with threaded_gateway(answering) as found:
        yield found


def places(value: Any, above: _Path = ()) -> Iterator[_Path]:
    yield above
    inner = value.items() if isinstance(value, dict) else ()
    for key, each in enumerate(value) if isinstance(value, list) else inner:
        yield from places(each, (*above, key))


def damaged(body: Any, place: _Path, strange: Any, *, added: str) -> Any:
    if not place:
        return strange
    whole = copy.deepcopy(body)
    at = whole
    for key in place[:-1]:
        at = at[key]
    if added and isinstance(at, dict):
        at[added] = strange
    else:
        at[place[-1]] = strange
    return whole


def check_refusal(path: str, data: bytes) -> None:
    body = json.loads(data)
    error = body["error"]
    if path.startswith("/v1/messages"):
        assert (body["type"], body["request_id"][:4]) == ("error", "req_")
    else:
        assert error.keys() == {"message", "type", "param", "code"}
        assert isinstance(error["code"], str)
        assert isinstance(error["param"], str | None)
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)


def post(served: Served, path: str, body: bytes) -> None:
    """Whatever it is, it is answered, or refused in the shape of the endpoint."""
    connection = http.client.HTTPConnection("127.0.0.1", served.running.port, timeout=10)
    headers = {
        "authorization": f"Bearer {served.kitchen.key}",
        "content-type": "application/json",
    }
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    assert response.status < 500, data
    if response.status >= 400:
        check_refusal(path, data)
    elif not (response.headers["content-type"] or "").startswith("text/event-stream"):
        assert isinstance(json.loads(data), dict)


@pytest.mark.slow
@pytest.mark.parametrize("path", VALID)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damaged_body_makes_the_gateway_fail(
    served: Served, path: str, data: st.DataObject
) -> None:
    body = VALID[path]
    place = data.draw(st.sampled_from([*places(body)]))
    added = data.draw(st.sampled_from(["", "", "extra", "type", "content", "n"]))
    sent = damaged(body, place, data.draw(STRANGE), added=added)
    post(served, path, json.dumps(sent).encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@pytest.mark.parametrize("path", VALID)
@settings(max_examples=60, deadline=None)
@given(at=st.floats(0, 1), noise=st.binary(max_size=6), drop=st.integers(0, 40))
@example(at=1.0, noise=b"", drop=1)
@example(at=0.5, noise=b"\xe6\x9d", drop=0)
def test_no_damaged_bytes_make_the_gateway_fail(
    served: Served, path: str, *, at: float, noise: bytes, drop: int
) -> None:
    whole = json.dumps(VALID[path]).encode()
    cut = int(at * len(whole))
    post(served, path, whole[:cut] + noise + whole[cut + drop :])


@pytest.mark.parametrize("path", VALID)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"NaN",
        b'{"model":NaN}',
        b'{"model":"fees","model":7}',
        b'{"model":"fees","messages":' + b"[" * 50_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b'{"model":"\xff\xfe"}',
        b'{"model":"\\ud800"}',
        b'{"n":1e999,"temperature":-1e999,"max_tokens":1e400}',
        b'\xef\xbb\xbf{"model":"fees"}',
        b"\x00" * 64,
    ],
)
def test_hostile_bytes_are_refused_in_the_shape_of_the_endpoint(
    served: Served, path: str, body: bytes
) -> None:
    post(served, path, body)
